// Copies row-major matrices into panels, plain or transposed. Internal linkage: see simd.h.
#pragma once
#include "kernels.h"
#include "simd.h"

namespace gogepo::kernels {
namespace {

void pack(const float* from, int64_t ld, const Panels& to) {
  for (int64_t r = 0; r < to.rows; ++r)
    for (int64_t first = 0, p = 0; first < to.cols; first += kPanelWidth, ++p) {
      const int64_t cols = min_int(kPanelWidth, to.cols - first);
      const float* x = from + r * ld + first;
      float* y = to.data + p * to.stride + r * kPanelWidth;
      int64_t i = 0;
      for (; i + kLanes <= cols; i += kLanes) store(y + i, load(x + i));
      if (i < cols) store(y + i, load_partial(x + i, cols - i));
    }
}

// to (K, N) = transpose(from (N, K)). Transposes 4 x 4 blocks in registers, one cache line of four rows at a time, and
// prefetches two lines ahead, since a policy usually comes from main memory. Leftovers are copied one by one.
void pack_transposed(const float* from, int64_t ld, const Panels& to) {
  constexpr int64_t kLine = 16;  // floats in a cache line
  for (int64_t first = 0, p = 0; first < to.cols; first += kPanelWidth, ++p) {
    const int64_t cols = min_int(kPanelWidth, to.cols - first), fours = cols / 4 * 4, rows = to.rows / 4 * 4;
    const float* source = from + first * ld;
    float* panel = to.data + p * to.stride;
    for (int64_t line = 0; line < rows; line += kLine)
      for (int64_t n = 0; n < fours; n += 4) {
        for (int j = 0; j < 4; ++j)
          _mm_prefetch(reinterpret_cast<const char*>(source + (n + j) * ld + line + 2 * kLine), _MM_HINT_T0);
        for (int64_t k = line; k < min_int(line + kLine, rows); k += 4) {
          const float* x = source + n * ld + k;
          __m128 a = _mm_loadu_ps(x), b = _mm_loadu_ps(x + ld), c = _mm_loadu_ps(x + 2 * ld),
                 d = _mm_loadu_ps(x + 3 * ld);
          _MM_TRANSPOSE4_PS(a, b, c, d);
          float* y = panel + k * kPanelWidth + n;
          _mm_storeu_ps(y, a);
          _mm_storeu_ps(y + kPanelWidth, b);
          _mm_storeu_ps(y + 2 * kPanelWidth, c);
          _mm_storeu_ps(y + 3 * kPanelWidth, d);
        }
      }

    // Leftover rows and columns, and zero padding.
    for (int64_t k = 0; k < to.rows; ++k) {
      int64_t n = k < rows ? fours : 0;
      for (; n < cols; ++n) panel[k * kPanelWidth + n] = source[n * ld + k];
      for (; n % kLanes; ++n) panel[k * kPanelWidth + n] = 0;
    }
  }
}

}  // namespace
}  // namespace gogepo::kernels
