// V, a vector of floats as wide as the including translation unit is compiled for, and its operations.
//
// Everything here, and in the headers that refer to this one, has internal linkage: the same names compile to different
// instructions in different translation units, and the linker must never merge them. For the same reason, these units
// use no standard library templates.
#pragma once
#include <immintrin.h>

#include <cstdint>

#include "kernels.h"

namespace gogepo::kernels {
namespace {

#if defined(__AVX512F__)
constexpr int kLanes = 16, kVectors = 4;  // floats per vector, vectors per panel
using V = __m512;
inline V load(const float* p) { return _mm512_loadu_ps(p); }
inline void store(float* p, V x) { _mm512_storeu_ps(p, x); }
inline V broadcast(float x) { return _mm512_set1_ps(x); }
inline V fma(V a, V b, V c) { return _mm512_fmadd_ps(a, b, c); }
inline V fnma(V a, V b, V c) { return _mm512_fnmadd_ps(a, b, c); }  // c - a * b
inline V add(V a, V b) { return _mm512_add_ps(a, b); }
inline V sub(V a, V b) { return _mm512_sub_ps(a, b); }
inline V mul(V a, V b) { return _mm512_mul_ps(a, b); }
inline V div(V a, V b) { return _mm512_div_ps(a, b); }
inline V sqrt(V a) { return _mm512_sqrt_ps(a); }
inline V max(V a, V b) { return _mm512_max_ps(a, b); }  // returns b if either is NaN
inline V min(V a, V b) { return _mm512_min_ps(a, b); }
inline V where_positive(V condition, V x) {
  return _mm512_maskz_mov_ps(_mm512_cmp_ps_mask(condition, _mm512_setzero_ps(), _CMP_GT_OQ), x);
}
#elif defined(__AVX2__)
constexpr int kLanes = 8, kVectors = 2;
using V = __m256;
inline V load(const float* p) { return _mm256_loadu_ps(p); }
inline void store(float* p, V x) { _mm256_storeu_ps(p, x); }
inline V broadcast(float x) { return _mm256_set1_ps(x); }
inline V fma(V a, V b, V c) { return _mm256_fmadd_ps(a, b, c); }
inline V fnma(V a, V b, V c) { return _mm256_fnmadd_ps(a, b, c); }
inline V add(V a, V b) { return _mm256_add_ps(a, b); }
inline V sub(V a, V b) { return _mm256_sub_ps(a, b); }
inline V mul(V a, V b) { return _mm256_mul_ps(a, b); }
inline V div(V a, V b) { return _mm256_div_ps(a, b); }
inline V sqrt(V a) { return _mm256_sqrt_ps(a); }
inline V max(V a, V b) { return _mm256_max_ps(a, b); }
inline V min(V a, V b) { return _mm256_min_ps(a, b); }
inline V where_positive(V condition, V x) {
  return _mm256_and_ps(_mm256_cmp_ps(condition, _mm256_setzero_ps(), _CMP_GT_OQ), x);
}
#else
constexpr int kLanes = 4, kVectors = 2;
using V = __m128;
inline V load(const float* p) { return _mm_loadu_ps(p); }
inline void store(float* p, V x) { _mm_storeu_ps(p, x); }
inline V broadcast(float x) { return _mm_set1_ps(x); }
inline V fma(V a, V b, V c) { return _mm_add_ps(_mm_mul_ps(a, b), c); }
inline V fnma(V a, V b, V c) { return _mm_sub_ps(c, _mm_mul_ps(a, b)); }
inline V add(V a, V b) { return _mm_add_ps(a, b); }
inline V sub(V a, V b) { return _mm_sub_ps(a, b); }
inline V mul(V a, V b) { return _mm_mul_ps(a, b); }
inline V div(V a, V b) { return _mm_div_ps(a, b); }
inline V sqrt(V a) { return _mm_sqrt_ps(a); }
inline V max(V a, V b) { return _mm_max_ps(a, b); }
inline V min(V a, V b) { return _mm_min_ps(a, b); }
inline V where_positive(V condition, V x) { return _mm_and_ps(_mm_cmpgt_ps(condition, _mm_setzero_ps()), x); }
#endif

constexpr int kPanelWidth = kLanes * kVectors;
static_assert(kPanelWidth <= kMaxPanelWidth);

inline int64_t min_int(int64_t a, int64_t b) { return a < b ? a : b; }

// Load and store the last `count` < kLanes elements through a buffer, so that they take the same vector code path, and
// get the same bits, as all others.
inline V load_partial(const float* p, int64_t count) {
  alignas(64) float whole[kLanes] = {};
  for (int64_t i = 0; i < count; ++i) whole[i] = p[i];
  return load(whole);
}
inline void store_partial(float* p, V x, int64_t count) {
  alignas(64) float whole[kLanes];
  store(whole, x);
  for (int64_t i = 0; i < count; ++i) p[i] = whole[i];
}

}  // namespace
}  // namespace gogepo::kernels
