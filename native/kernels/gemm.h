// Matrix multiplication on panels. The micro-kernel keeps a tile of up to kRows x kPanelWidth accumulators in
// registers. Internal linkage: see simd.h.
#pragma once
#include "elementwise.h"
#include "kernels.h"
#include "simd.h"

namespace gogepo::kernels {
namespace {

constexpr int kRows = 6;
constexpr int kNarrowRows = 12;  // tiles one vector wide: enough accumulators to hide the FMA latency

alignas(64) constexpr float kZeros[kPanelWidth] = {};

// One tile: c (rows, vectors) = a (rows, depth) * b (depth, vectors) + bias (vectors), broadcast over the rows.
//   transposed == false: element (r, k) of a is a[r * kPanelWidth + k] within the panel that holds column k; panels are
//                        a_stride floats apart
//   transposed == true:  element (r, k) of a is a[k * kPanelWidth + r]
template <int rows, int vectors, bool transposed>
void tile(const float* a, int64_t a_stride, const float* b, int64_t depth, const float* bias, float* c) {
  // Initialize the accumulators with the bias.
  V sums[rows][vectors];
#pragma GCC unroll 8
  for (int r = 0; r < rows; ++r)
#pragma GCC unroll 4
    for (int v = 0; v < vectors; ++v) sums[r][v] = load(bias + v * kLanes);

  // Accumulate along k in one fixed order, panel by panel of a.
  constexpr int64_t row_step = transposed ? 1 : kPanelWidth, k_step = transposed ? kPanelWidth : 1;
  while (depth > 0) {
    const int64_t span = transposed ? depth : min_int(depth, kPanelWidth);
    const float* x = a;
    for (int64_t k = 0; k < span; ++k) {
      V row[vectors];
#pragma GCC unroll 4
      for (int v = 0; v < vectors; ++v) row[v] = load(b + v * kLanes);
#pragma GCC unroll 8
      for (int r = 0; r < rows; ++r) {
        const V factor = broadcast(x[r * row_step]);
#pragma GCC unroll 4
        for (int v = 0; v < vectors; ++v) sums[r][v] = fma(factor, row[v], sums[r][v]);
      }
      x += k_step;
      b += kPanelWidth;
    }
    a += a_stride;
    depth -= span;
  }

#pragma GCC unroll 8
  for (int r = 0; r < rows; ++r)
#pragma GCC unroll 4
    for (int v = 0; v < vectors; ++v) store(c + r * kPanelWidth + v * kLanes, sums[r][v]);
}

using Tile = void (*)(const float* a, int64_t a_stride, const float* b, int64_t depth, const float* bias, float* c);

// The tile kernels are instantiated for every number of rows and vectors; these pick one at run time.
template <bool transposed, int vectors, int max_rows>
Tile select_rows(int rows) {
  if constexpr (max_rows == 1)
    return tile<1, vectors, transposed>;
  else
    return rows == max_rows ? tile<max_rows, vectors, transposed>
                            : select_rows<transposed, vectors, max_rows - 1>(rows);
}

template <bool transposed>
Tile select_tile(int rows, int vectors) {
  if (vectors == 1) return select_rows<transposed, 1, kNarrowRows>(rows);
  if constexpr (kVectors > 2) {
    if (vectors == 2) return select_rows<transposed, 2, kRows>(rows);
    if (vectors == 3) return select_rows<transposed, 3, kRows>(rows);
  }
  return select_rows<transposed, kVectors, kRows>(rows);
}

// Prefetches a tile's destination, which the epilogue usually also reads, while its sums are computed.
inline void prefetch_tile(const float* p, int rows, int64_t step) {
  for (int r = 0; r < rows; ++r)
    for (int i = 0; i < kPanelWidth; i += 16)
      _mm_prefetch(reinterpret_cast<const char*>(p + r * step + i), _MM_HINT_T0);
}

inline int vectors_for(int64_t cols) { return int((min_int(cols, kPanelWidth) + kLanes - 1) / kLanes); }

void multiply(const Panels& a, const Panels& b, const Panels& c, const float* bias, Epilogue epilogue,
              const Panels& activations) {
  alignas(64) float sums[kNarrowRows * kPanelWidth];
  // For each panel of output columns ...
  for (int64_t n = 0, panel = 0; n < b.cols; n += kPanelWidth, ++panel) {
    const int vectors = vectors_for(b.cols - n), tile_rows = vectors == 1 ? kNarrowRows : kRows;
    const Tile full_tile = select_tile<false>(tile_rows, vectors);
    float* to = c.data + panel * c.stride;
    const float* right = b.data + panel * b.stride;
    // ... and each tile of rows: multiply, then apply the epilogue while the sums are in the L1 cache.
    for (int64_t m = 0; m < a.rows; m += tile_rows) {
      const int rows = int(min_int(tile_rows, a.rows - m));
      const Tile run = rows == tile_rows ? full_tile : select_tile<false>(rows, vectors);
      prefetch_tile(to + m * kPanelWidth, rows, kPanelWidth);
      run(a.data + m * kPanelWidth, a.stride, right, a.cols, bias ? bias + n : kZeros, sums);
      apply_epilogue(epilogue, sums,
                     activations.data ? activations.data + panel * activations.stride + m * kPanelWidth : nullptr,
                     to + m * kPanelWidth, rows, vectors);
    }
  }
}

void multiply_transposed(const Panels& a, const Panels& b, float* out, int64_t ld, bool accumulate) {
  alignas(64) float sums[kNarrowRows * kPanelWidth];
  for (int64_t n = 0, panel = 0; n < b.cols; n += kPanelWidth, ++panel) {
    const int64_t cols = min_int(kPanelWidth, b.cols - n);
    const int vectors = vectors_for(cols), tile_rows = vectors == 1 ? kNarrowRows : kRows;
    for (int64_t m = 0; m < a.cols;) {
      // A tile of a's columns must not cross a panel boundary.
      const int64_t within = m % kPanelWidth;
      const int rows = int(min_int(min_int(tile_rows, kPanelWidth - within), a.cols - m));
      prefetch_tile(out + m * ld + n, rows, ld);
      select_tile<true>(rows, vectors)(a.data + m / kPanelWidth * a.stride + within, 0, b.data + panel * b.stride,
                                       a.rows, kZeros, sums);

      // Store to, or add to, the row-major output.
      for (int r = 0; r < rows; ++r) {
        float* to = out + (m + r) * ld + n;
        const float* from = sums + r * kPanelWidth;
        int64_t i = 0;
        for (; i + kLanes <= cols; i += kLanes)
          store(to + i, accumulate ? add(load(to + i), load(from + i)) : load(from + i));
        for (; i < cols; ++i) to[i] = accumulate ? to[i] + from[i] : from[i];
      }
      m += rows;
    }
  }
}

}  // namespace
}  // namespace gogepo::kernels
