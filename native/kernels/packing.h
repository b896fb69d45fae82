// Row-major matrices into panels, as they are and transposed. Internal linkage: see simd.h.
#pragma once
#include "kernels.h"
#include "simd.h"

namespace gogepo::kernels {
namespace {

void pack(const float* from, int64_t ld, const Panels& to) {
  for (int64_t r = 0; r < to.rows; ++r)
    for (int64_t first = 0, p = 0; first < to.cols; first += kWidth, ++p) {
      const int64_t cols = at_most(kWidth, to.cols - first);
      const float* x = from + r * ld + first;
      float* y = to.data + p * to.stride + r * kWidth;
      int64_t i = 0;
      for (; i + kLanes <= cols; i += kLanes) store(y + i, load(x + i));
      if (i < cols) store(y + i, load_some(x + i, cols - i));
    }
}

// to (K, N) from (N, K): 4 x 4 blocks through registers, a cache line of four rows at a time, two
// lines ahead of which the next is asked for (a policy comes from far away); the rest one by one
void pack_transposed(const float* from, int64_t ld, const Panels& to) {
  constexpr int64_t kLine = 16;
  for (int64_t first = 0, p = 0; first < to.cols; first += kWidth, ++p) {
    const int64_t cols = at_most(kWidth, to.cols - first), fours = cols / 4 * 4, rows = to.rows / 4 * 4;
    const float* source = from + first * ld;
    float* panel = to.data + p * to.stride;
    for (int64_t line = 0; line < rows; line += kLine)
      for (int64_t n = 0; n < fours; n += 4) {
        for (int j = 0; j < 4; ++j)
          _mm_prefetch(reinterpret_cast<const char*>(source + (n + j) * ld + line + 2 * kLine), _MM_HINT_T0);
        for (int64_t k = line; k < at_most(line + kLine, rows); k += 4) {
          const float* x = source + n * ld + k;
          __m128 a = _mm_loadu_ps(x), b = _mm_loadu_ps(x + ld), c = _mm_loadu_ps(x + 2 * ld),
                 d = _mm_loadu_ps(x + 3 * ld);
          _MM_TRANSPOSE4_PS(a, b, c, d);
          float* y = panel + k * kWidth + n;
          _mm_storeu_ps(y, a);
          _mm_storeu_ps(y + kWidth, b);
          _mm_storeu_ps(y + 2 * kWidth, c);
          _mm_storeu_ps(y + 3 * kWidth, d);
        }
      }
    for (int64_t k = 0; k < to.rows; ++k) {
      int64_t n = k < rows ? fours : 0;
      for (; n < cols; ++n) panel[k * kWidth + n] = source[n * ld + k];
      for (; n % kLanes; ++n) panel[k * kWidth + n] = 0;
    }
  }
}

}  // namespace
}  // namespace gogepo::kernels
