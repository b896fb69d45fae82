// Products of matrices in panels. A micro-kernel keeps a tile of up to kRows x kWidth sums in registers. Internal
// linkage: see simd.h.
#pragma once
#include "elementwise.h"
#include "kernels.h"
#include "simd.h"

namespace gogepo::kernels {
namespace {

constexpr int kRows = 6;
constexpr int kNarrowRows = 12;  // of one vector: as many sums as hide the latency of the multiply-adds

alignas(64) constexpr float kZeros[kWidth] = {};

// c (rows, vectors) = a (rows, depth) * b (depth, vectors) + bias (vectors) in every row.
//   a, as it is:   element (r, k) is a[r * kWidth + k] in the panel where k lies, panels a_stride apart
//   a, transposed: element (r, k) is a[k * kWidth + r]
template <int rows, int vectors, bool transposed>
void tile(const float* a, int64_t a_stride, const float* b, int64_t depth, const float* bias, float* c) {
  V sums[rows][vectors];
#pragma GCC unroll 8
  for (int r = 0; r < rows; ++r)
#pragma GCC unroll 4
    for (int v = 0; v < vectors; ++v) sums[r][v] = load(bias + v * kLanes);

  constexpr int64_t row_step = transposed ? 1 : kWidth, k_step = transposed ? kWidth : 1;
  while (depth > 0) {
    const int64_t stretch = transposed ? depth : at_most(depth, kWidth);
    const float* x = a;
    for (int64_t k = 0; k < stretch; ++k) {
      V row[vectors];
#pragma GCC unroll 4
      for (int v = 0; v < vectors; ++v) row[v] = load(b + v * kLanes);
#pragma GCC unroll 8
      for (int r = 0; r < rows; ++r) {
        const V factor = all(x[r * row_step]);
#pragma GCC unroll 4
        for (int v = 0; v < vectors; ++v) sums[r][v] = fma(factor, row[v], sums[r][v]);
      }
      x += k_step;
      b += kWidth;
    }
    a += a_stride;
    depth -= stretch;
  }
#pragma GCC unroll 8
  for (int r = 0; r < rows; ++r)
#pragma GCC unroll 4
    for (int v = 0; v < vectors; ++v) store(c + r * kWidth + v * kLanes, sums[r][v]);
}

using Tile = void (*)(const float* a, int64_t a_stride, const float* b, int64_t depth, const float* bias, float* c);

template <bool transposed, int vectors, int most>
Tile tile_of(int rows) {
  if constexpr (most == 1)
    return tile<1, vectors, transposed>;
  else
    return rows == most ? tile<most, vectors, transposed> : tile_of<transposed, vectors, most - 1>(rows);
}

template <bool transposed>
Tile tile_for(int rows, int vectors) {
  if (vectors == 1) return tile_of<transposed, 1, kNarrowRows>(rows);
  if constexpr (kVectors > 2) {
    if (vectors == 2) return tile_of<transposed, 2, kRows>(rows);
    if (vectors == 3) return tile_of<transposed, 3, kRows>(rows);
  }
  return tile_of<transposed, kVectors, kRows>(rows);
}

// Where a tile goes in the end (and mostly what it is combined with there) is fetched while its sums are made.
inline void ask_for(const float* p, int rows, int64_t step) {
  for (int r = 0; r < rows; ++r)
    for (int i = 0; i < kWidth; i += 16) _mm_prefetch(reinterpret_cast<const char*>(p + r * step + i), _MM_HINT_T0);
}

inline int vectors_for(int64_t cols) { return int((at_most(cols, kWidth) + kLanes - 1) / kLanes); }

void multiply(const Panels& a, const Panels& b, const Panels& c, const float* bias, Finish finish,
              const Panels& activations) {
  alignas(64) float sums[kNarrowRows * kWidth];
  for (int64_t n = 0, panel = 0; n < b.cols; n += kWidth, ++panel) {
    const int vectors = vectors_for(b.cols - n), most = vectors == 1 ? kNarrowRows : kRows;
    const Tile whole = tile_for<false>(most, vectors);
    float* to = c.data + panel * c.stride;
    const float* right = b.data + panel * b.stride;
    for (int64_t m = 0; m < a.rows; m += most) {
      const int rows = int(at_most(most, a.rows - m));
      const Tile run = rows == most ? whole : tile_for<false>(rows, vectors);
      ask_for(to + m * kWidth, rows, kWidth);
      run(a.data + m * kWidth, a.stride, right, a.cols, bias ? bias + n : kZeros, sums);
      finish_tile(finish, sums, activations.data ? activations.data + panel * activations.stride + m * kWidth : nullptr,
                  to + m * kWidth, rows, vectors);
    }
  }
}

void multiply_transposed(const Panels& a, const Panels& b, float* out, int64_t ld, bool add_to_it) {
  alignas(64) float sums[kNarrowRows * kWidth];
  for (int64_t n = 0, panel = 0; n < b.cols; n += kWidth, ++panel) {
    const int64_t cols = at_most(kWidth, b.cols - n);
    const int vectors = vectors_for(cols), most = vectors == 1 ? kNarrowRows : kRows;
    for (int64_t m = 0; m < a.cols;) {
      const int64_t within = m % kWidth;
      const int rows = int(at_most(at_most(most, kWidth - within), a.cols - m));
      ask_for(out + m * ld + n, rows, ld);
      tile_for<true>(rows, vectors)(a.data + m / kWidth * a.stride + within, 0, b.data + panel * b.stride, a.rows,
                                    kZeros, sums);
      for (int r = 0; r < rows; ++r) {
        float* to = out + (m + r) * ld + n;
        const float* from = sums + r * kWidth;
        int64_t i = 0;
        for (; i + kLanes <= cols; i += kLanes)
          store(to + i, add_to_it ? add(load(to + i), load(from + i)) : load(from + i));
        for (; i < cols; ++i) to[i] = add_to_it ? to[i] + from[i] : from[i];
      }
      m += rows;
    }
  }
}

}  // namespace
}  // namespace gogepo::kernels
