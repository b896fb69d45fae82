// The passes over single elements: ReLU, tanh and their slopes; sums. Internal linkage: see simd.h.
#pragma once
#include "kernels.h"
#include "simd.h"

namespace gogepo::kernels {
namespace {

inline V relu(V x) { return max(all(0), x); }  // a NaN stays one

// x P(x^2) / Q(x^2) with the coefficients that minimize the largest relative error on [0, 8] (6.4e-9 before rounding);
// beyond 8, tanh is within 2.3e-7 of 1. Off by at most 2.9e-7 in all.
inline V tanh(V x) {
  x = min(all(8.0f), max(all(-8.0f), x));  // a NaN stays one
  const V u = mul(x, x);
  V p = all(1.5230465888547502e-08f), q = all(8.52246615298162e-07f);
  p = fma(p, u, all(2.189469617508579e-05f));
  q = fma(q, u, all(3.4112954066862437e-04f));
  p = fma(p, u, all(3.5716000936727847e-03f));
  q = fma(q, u, all(2.61644508060978e-02f));
  p = fma(p, u, all(0.1344449972170822f));
  q = fma(q, u, all(0.46777827042143044f));
  p = fma(p, u, all(0.9999999935732847f));
  q = fma(q, u, all(1.0f));
  return div(mul(x, p), q);
}

// One tile of a product, from the L1 to its place, which may be that of the activations: `vectors` vectors in each of
// `rows` rows, kWidth apart.
template <class Each>
inline void each_vector(int rows, int vectors, const Each& each) {
  for (int r = 0; r < rows; ++r)
    for (int v = 0; v < vectors; ++v) each(r * kWidth + v * kLanes);
}
inline void finish_tile(Finish finish, const float* sums, const float* activations, float* to, int rows, int vectors) {
  switch (finish) {
    case Finish::none:
      return each_vector(rows, vectors, [&](int i) { store(to + i, load(sums + i)); });
    case Finish::relu:
      return each_vector(rows, vectors, [&](int i) { store(to + i, relu(load(sums + i))); });
    case Finish::tanh:
      return each_vector(rows, vectors, [&](int i) { store(to + i, tanh(load(sums + i))); });
    case Finish::relu_slope:
      return each_vector(rows, vectors,
                         [&](int i) { store(to + i, where_positive(load(activations + i), load(sums + i))); });
    case Finish::tanh_slope:
      return each_vector(rows, vectors, [&](int i) {
        const V t = load(activations + i);
        store(to + i, mul(load(sums + i), negative_fma(t, t, all(1))));
      });
  }
}

void relu_shifted(const Panels& from, const float* column, float c, const Panels& to) {
  const V shift = all(c);
  for (int64_t first = 0, p = 0; first < from.cols; first += kWidth, ++p) {
    const float* x = from.data + p * from.stride;
    float* y = to.data + p * to.stride;
    for (int64_t r = 0; r < from.rows; ++r)
      for (int v = 0; v < kVectors; ++v) {
        const int64_t at = r * kWidth + v * kLanes;
        store(y + at, relu(fma(shift, load(column + first + v * kLanes), load(x + at))));
      }
  }
}

void column_sums(const Panels& from, float* sums) {
  for (int64_t first = 0, p = 0; first < from.cols; first += kWidth, ++p) {
    const float* x = from.data + p * from.stride;
    V total[kVectors];
    for (int v = 0; v < kVectors; ++v) total[v] = all(0);
    for (int64_t r = 0; r < from.rows; ++r)
      for (int v = 0; v < kVectors; ++v) total[v] = add(total[v], load(x + r * kWidth + v * kLanes));
    for (int v = 0; v < kVectors; ++v) store(sums + first + v * kLanes, total[v]);
  }
}

void add_to(const float* from, float* to, int64_t size) {
  int64_t i = 0;
  for (; i + kLanes <= size; i += kLanes) store(to + i, add(load(to + i), load(from + i)));
  for (; i < size; ++i) to[i] += from[i];
}

void scale(const float* from, float factor, float* to, int64_t size) {
  const V f = all(factor);
  int64_t i = 0;
  for (; i + kLanes <= size; i += kLanes) store(to + i, mul(f, load(from + i)));
  for (; i < size; ++i) to[i] = factor * from[i];
}

void scale_by_relu_slope(const float* from, float factor, const float* activations, float* to, int64_t size) {
  const V f = all(factor);
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
