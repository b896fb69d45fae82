// One dense layer for one input, at one vector width.
#pragma once

namespace gogepo {

// Packed layer: the biases, then panels of columns. Each panel is (in, width), row-major, so that memory is read once
// and in order. A panel is 64 columns wide while at least 64 columns are left, then 16. `columns` is a multiple of 16;
// padding columns are zero.
constexpr int kWidePanel = 64, kNarrowPanel = 16;

// y[j] = activation(bias[j] + sum over k, in order, of x[k] * w[k][j]). packed and y are aligned to 64 bytes.
using DenseLayer = void (*)(const float* packed, int in, int columns, const float* x, float* y);

#define GOGEPO_DENSE_LAYERS(lanes)                                                             \
  void dense_tanh_##lanes(const float* packed, int in, int columns, const float* x, float* y); \
  void dense_relu_##lanes(const float* packed, int in, int columns, const float* x, float* y); \
  void dense_identity_##lanes(const float* packed, int in, int columns, const float* x, float* y);
GOGEPO_DENSE_LAYERS(4)   // SSE2
GOGEPO_DENSE_LAYERS(8)   // AVX2
GOGEPO_DENSE_LAYERS(16)  // AVX-512
#undef GOGEPO_DENSE_LAYERS

}  // namespace gogepo
