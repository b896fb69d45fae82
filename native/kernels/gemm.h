// Products of matrices in panels. A micro-kernel keeps a tile of up to kRows x kWidth sums in registers. Internal linkage:
// see simd.h.
#pragma once
#include "elementwise.h"
#include "kernels.h"
#include "simd.h"

namespace gogepo::kernels {
namespace {

constexpr int kRows = 6;

alignas(64) constexpr float kZeros[kWidth] = {};

// c (rows, vectors) = init + a (rows, depth) * b (depth, vectors).
//   a, as it is:   element (r, k) is a[r * kWidth + k] in the panel where k lies, panels a_stride apart
//   a, transposed: element (r, k) is a[k * kWidth + r]
// init: one row for every row (init_step 0) or a tile of its own (init_step kWidth).
template <int rows, int vectors, bool transposed>
void tile(const float* a, int64_t a_stride, const float* b, int64_t depth, const float* init, int64_t init_step, float* c) {
  V sums[rows][vectors];
#pragma GCC unroll 8
  for (int r = 0; r < rows; ++r)
#pragma GCC unroll 4
    for (int v = 0; v < vectors; ++v) sums[r][v] = load(init + r * init_step + v * kLanes);

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

using Tile = void (*)(const float*, int64_t, const float*, int64_t, const float*, int64_t, float*);

template <int rows, bool transposed>
Tile tile_of_rows(int vectors) {
  if (vectors == 1) return tile<rows, 1, transposed>;
  if constexpr (kVectors > 2) {
    if (vectors == 2) return tile<rows, 2, transposed>;
    if (vectors == 3) return tile<rows, 3, transposed>;
  }
  return tile<rows, kVectors, transposed>;
}

template <bool transposed>
Tile tile_for(int rows, int vectors) {
  switch (rows) {
    case 1: return tile_of_rows<1, transposed>(vectors);
    case 2: return tile_of_rows<2, transposed>(vectors);
    case 3: return tile_of_rows<3, transposed>(vectors);
    case 4: return tile_of_rows<4, transposed>(vectors);
    case 5: return tile_of_rows<5, transposed>(vectors);
    default: return tile_of_rows<6, transposed>(vectors);
  }
}

inline int vectors_for(int64_t cols) { return int((at_most(cols, kWidth) + kLanes - 1) / kLanes); }

void multiply(const Panels& a, const Panels& b, const Panels& c, const float* bias, Finish finish, const Panels& activations) {
  for (int64_t n = 0, panel = 0; n < b.cols; n += kWidth, ++panel) {
    const int vectors = vectors_for(b.cols - n);
    const Tile whole = tile_for<false>(kRows, vectors);
    float* out = c.data + panel * c.stride;
    const float* active = activations.data ? activations.data + panel * activations.stride : nullptr;
    for (int64_t k = 0; k < a.cols; k += kBlock) {
      const int64_t depth = at_most(kBlock, a.cols - k);
      const float* left = a.data + k / kWidth * a.stride;
      const float* right = b.data + panel * b.stride + k * kWidth;
      for (int64_t m = 0; m < a.rows; m += kRows) {
        const int rows = int(at_most(kRows, a.rows - m));
        const Tile run = rows == kRows ? whole : tile_for<false>(rows, vectors);
        float* to = out + m * kWidth;
        if (k > 0) run(left + m * kWidth, a.stride, right, depth, to, kWidth, to);
        else run(left + m * kWidth, a.stride, right, depth, bias ? bias + n : kZeros, 0, to);
        if (k + depth == a.cols) finish_tile(finish, to, active ? active + m * kWidth : nullptr, rows, vectors);
      }
    }
  }
}

void multiply_transposed(const Panels& a, const Panels& b, float* out, int64_t ld, bool add_to_it) {
  alignas(64) float sums[kRows * kWidth];
  for (int64_t n = 0, panel = 0; n < b.cols; n += kWidth, ++panel) {
    const int64_t cols = at_most(kWidth, b.cols - n);
    const int vectors = vectors_for(cols);
    for (int64_t k = 0; k < a.rows; k += kBlock) {
      const int64_t depth = at_most(kBlock, a.rows - k);
      const bool adds = add_to_it || k > 0;
      for (int64_t m = 0; m < a.cols;) {
        const int64_t within = m % kWidth;
        const int rows = int(at_most(at_most(kRows, kWidth - within), a.cols - m));
        tile_for<true>(rows, vectors)(a.data + m / kWidth * a.stride + k * kWidth + within, 0,
                                      b.data + panel * b.stride + k * kWidth, depth, kZeros, 0, sums);
        for (int r = 0; r < rows; ++r) {
          float* to = out + (m + r) * ld + n;
          const float* from = sums + r * kWidth;
          int64_t i = 0;
          for (; i + kLanes <= cols; i += kLanes) store(to + i, adds ? add(load(to + i), load(from + i)) : load(from + i));
          for (; i < cols; ++i) to[i] = adds ? to[i] + from[i] : from[i];
        }
        m += rows;
      }
    }
  }
}

}  // namespace
}  // namespace gogepo::kernels
