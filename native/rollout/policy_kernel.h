// One dense tanh layer for one input, at one vector width.
#pragma once

namespace gogepo {

// A layer as the kernels read it: the biases, then panels of columns, each panel (in, width) and row-major, so that
// memory is read once and in order. A panel is 64 columns wide while 64 are left, then 16. `columns` is a multiple of
// 16: absent columns are zero.
constexpr int kWidePanel = 64, kNarrowPanel = 16;

// y[j] = tanh(bias[j] + sum over k, in order, of x[k] * w[k][j]). packed and y are aligned to 64 bytes.
using DenseTanh = void (*)(const float* packed, int in, int columns, const float* x, float* y);

void dense_tanh_4(const float* packed, int in, int columns, const float* x, float* y);   // SSE2
void dense_tanh_8(const float* packed, int in, int columns, const float* x, float* y);   // AVX2
void dense_tanh_16(const float* packed, int in, int columns, const float* x, float* y);  // AVX-512

}  // namespace gogepo
