// Row-major matrices into panels, as they are and transposed. Internal linkage: see simd.h.
#pragma once
#include "kernels.h"
#include "simd.h"

namespace gogepo::kernels {
namespace {

void pack(const float* from, int64_t ld, const Panels& to) {
  for (int64_t first = 0, p = 0; first < to.cols; first += kWidth, ++p) {
    const int64_t cols = at_most(kWidth, to.cols - first);
    for (int64_t r = 0; r < to.rows; ++r) {
      const float* x = from + r * ld + first;
      float* y = to.data + p * to.stride + r * kWidth;
      int64_t i = 0;
      for (; i + kLanes <= cols; i += kLanes) store(y + i, load(x + i));
      if (i < cols) {
        for (int64_t j = i; j < cols; ++j) y[j] = x[j];
        for (int64_t j = cols; j % kLanes; ++j) y[j] = 0;
      }
    }
  }
}

// to (K, N) from (N, K): 4 x 4 blocks through registers, the rest one by one
void pack_transposed(const float* from, int64_t ld, const Panels& to) {
  for (int64_t first = 0, p = 0; first < to.cols; first += kWidth, ++p) {
    const int64_t cols = at_most(kWidth, to.cols - first);
    float* panel = to.data + p * to.stride;
    int64_t n = 0;
    for (; n + 4 <= cols; n += 4) {
      const float* x = from + (first + n) * ld;
      int64_t k = 0;
      for (; k + 4 <= to.rows; k += 4) {
        __m128 a = _mm_loadu_ps(x + k), b = _mm_loadu_ps(x + ld + k), c = _mm_loadu_ps(x + 2 * ld + k), d = _mm_loadu_ps(x + 3 * ld + k);
        _MM_TRANSPOSE4_PS(a, b, c, d);
        float* y = panel + k * kWidth + n;
        _mm_storeu_ps(y, a);
        _mm_storeu_ps(y + kWidth, b);
        _mm_storeu_ps(y + 2 * kWidth, c);
        _mm_storeu_ps(y + 3 * kWidth, d);
      }
      for (; k < to.rows; ++k)
        for (int j = 0; j < 4; ++j) panel[k * kWidth + n + j] = x[j * ld + k];
    }
    for (; n < cols; ++n)
      for (int64_t k = 0; k < to.rows; ++k) panel[k * kWidth + n] = from[(first + n) * ld + k];
    for (; n % kLanes; ++n)
      for (int64_t k = 0; k < to.rows; ++k) panel[k * kWidth + n] = 0;
  }
}

}  // namespace
}  // namespace gogepo::kernels
