// Elementwise kernels (ReLU, tanh, their derivatives, scaling) and sums. Internal linkage: see simd.h.
#pragma once
#include "kernels.h"
#include "simd.h"

namespace gogepo::kernels {
namespace {

inline V relu(V x) { return max(broadcast(0), x); }  // propagates NaN

// Rational approximation x P(x^2) / Q(x^2), a minimax fit of the relative error on [0, 8] (6.4e-9 before rounding).
// Larger inputs are clamped to 8, where tanh is within 2.3e-7 of 1. The total error is at most 2.9e-7.
inline V tanh(V x) {
  x = min(broadcast(8.0f), max(broadcast(-8.0f), x));  // propagates NaN
  const V u = mul(x, x);
  V p = broadcast(1.5230465888547502e-08f), q = broadcast(8.52246615298162e-07f);
  p = fma(p, u, broadcast(2.189469617508579e-05f));
  q = fma(q, u, broadcast(3.4112954066862437e-04f));
  p = fma(p, u, broadcast(3.5716000936727847e-03f));
  q = fma(q, u, broadcast(2.61644508060978e-02f));
  p = fma(p, u, broadcast(0.1344449972170822f));
  q = fma(q, u, broadcast(0.46777827042143044f));
  p = fma(p, u, broadcast(0.9999999935732847f));
  q = fma(q, u, broadcast(1.0f));
  return div(mul(x, p), q);
}

// Applies the epilogue to one output tile and stores it: `rows` rows of `vectors` vectors, kPanelWidth apart. The sums
// are still in the L1 cache; the destination may be the activations themselves.
template <class Each>
inline void each_vector(int rows, int vectors, const Each& each) {
  for (int r = 0; r < rows; ++r)
    for (int v = 0; v < vectors; ++v) each(r * kPanelWidth + v * kLanes);
}
inline void apply_epilogue(Epilogue epilogue, const float* sums, const float* activations, float* to, int rows,
                           int vectors) {
  switch (epilogue) {
    case Epilogue::none:
      return each_vector(rows, vectors, [&](int i) { store(to + i, load(sums + i)); });
    case Epilogue::relu:
      return each_vector(rows, vectors, [&](int i) { store(to + i, relu(load(sums + i))); });
    case Epilogue::tanh:
      return each_vector(rows, vectors, [&](int i) { store(to + i, tanh(load(sums + i))); });
    case Epilogue::relu_derivative:
      return each_vector(rows, vectors,
                         [&](int i) { store(to + i, where_positive(load(activations + i), load(sums + i))); });
    case Epilogue::tanh_derivative:
      return each_vector(rows, vectors, [&](int i) {
        const V t = load(activations + i);
        store(to + i, mul(load(sums + i), fnma(t, t, broadcast(1))));
      });
  }
}

void relu_shifted(const Panels& from, const float* column, float c, const Panels& to) {
  const V shift = broadcast(c);
  for (int64_t first = 0, p = 0; first < from.cols; first += kPanelWidth, ++p) {
    const float* x = from.data + p * from.stride;
    float* y = to.data + p * to.stride;
    for (int64_t r = 0; r < from.rows; ++r)
      for (int v = 0; v < kVectors; ++v) {
        const int64_t at = r * kPanelWidth + v * kLanes;
        store(y + at, relu(fma(shift, load(column + first + v * kLanes), load(x + at))));
      }
  }
}

void gate(const Panels& x, const Panels& g, const Panels& product) {
  const V half = broadcast(0.5f);
  for (int64_t first = 0, p = 0; first < x.cols; first += kPanelWidth, ++p) {
    float *const xs = x.data + p * x.stride, *const gs = g.data + p * g.stride;
    float* const to = product.data + p * product.stride;
    for (int64_t at = 0; at < x.rows * kPanelWidth; at += kLanes) {
      const V t = tanh(load(xs + at)), s = fma(half, tanh(mul(half, load(gs + at))), half);
      store(xs + at, t);
      store(gs + at, s);
      store(to + at, mul(t, s));
    }
  }
}

void gate_derivative(const Panels& gradient, const Panels& x, const Panels& g, const Panels& x_gradient,
                     const Panels& g_gradient) {
  for (int64_t first = 0, p = 0; first < x.cols; first += kPanelWidth, ++p) {
    const float *const xs = x.data + p * x.stride, *const gs = g.data + p * g.stride;
    const float* const from = gradient.data + p * gradient.stride;
    float *const to_x = x_gradient.data + p * x_gradient.stride, *const to_g = g_gradient.data + p * g_gradient.stride;
    for (int64_t at = 0; at < x.rows * kPanelWidth; at += kLanes) {
      const V t = load(xs + at), s = load(gs + at), through = mul(load(from + at), s);
      store(to_x + at, mul(through, fnma(t, t, broadcast(1))));
      store(to_g + at, mul(mul(through, t), sub(broadcast(1), s)));
    }
  }
}

void column_sums(const Panels& from, float* sums) {
  for (int64_t first = 0, p = 0; first < from.cols; first += kPanelWidth, ++p) {
    const float* x = from.data + p * from.stride;
    V total[kVectors];
    for (int v = 0; v < kVectors; ++v) total[v] = broadcast(0);
    for (int64_t r = 0; r < from.rows; ++r)
      for (int v = 0; v < kVectors; ++v) total[v] = add(total[v], load(x + r * kPanelWidth + v * kLanes));
    for (int v = 0; v < kVectors; ++v) store(sums + first + v * kLanes, total[v]);
  }
}

void add_to(const float* from, float* to, int64_t size) {
  int64_t i = 0;
  for (; i + kLanes <= size; i += kLanes) store(to + i, add(load(to + i), load(from + i)));
  for (; i < size; ++i) to[i] += from[i];
}

void scale(const float* from, float factor, float* to, int64_t size) {
  const V f = broadcast(factor);
  int64_t i = 0;
  for (; i + kLanes <= size; i += kLanes) store(to + i, mul(f, load(from + i)));
  for (; i < size; ++i) to[i] = factor * from[i];
}

void approach(const float* from, float factor, float* to, int64_t size) {
  const V f = broadcast(factor);
  int64_t i = 0;
  for (; i + kLanes <= size; i += kLanes) store(to + i, fma(f, sub(load(from + i), load(to + i)), load(to + i)));
  if (i < size) {
    const V last = load_partial(to + i, size - i);
    store_partial(to + i, fma(f, sub(load_partial(from + i, size - i), last), last), size - i);
  }
}

void scale_by_relu_derivative(const float* from, float factor, const float* activations, float* to, int64_t size) {
  const V f = broadcast(factor);
  int64_t i = 0;
  for (; i + kLanes <= size; i += kLanes) store(to + i, where_positive(load(activations + i), mul(f, load(from + i))));
  for (; i < size; ++i) to[i] = activations[i] > 0 ? factor * from[i] : 0;
}

void sum(const float* const* from, int count, float* to, int64_t size) {
  int64_t i = 0;
  for (; i + kLanes <= size; i += kLanes) {
    V total = load(from[0] + i);
    for (int j = 1; j < count; ++j) total = add(total, load(from[j] + i));
    store(to + i, total);
  }
  for (; i < size; ++i) {
    float total = from[0][i];
    for (int j = 1; j < count; ++j) total += from[j][i];
    to[i] = total;
  }
}

}  // namespace
}  // namespace gogepo::kernels
