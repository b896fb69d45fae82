// What the updates are made of: products, elementwise passes, packing and Adam on float32, in three versions of one
// source (SSE2, AVX2 with FMA, AVX-512), chosen once at run time.
//
// Every matrix that takes part in a product is stored in panels: panel p holds columns [p * width, (p + 1) * width) of
// all rows, row after row, where `width` is the number of columns that one micro-kernel produces. So the result of one
// product is, without any copying, both the left operand of the next one and the right operand of the gradient's.
//
// Each element's sum runs along k in one order, whatever the vector width, the number of rows or the tile it lies in.
// AVX2 and AVX-512 therefore give the same bits; SSE2 has no fused multiply-add and rounds twice.
#pragma once
#include <cstdint>

namespace gogepo::kernels {

enum class Isa { sse2, avx2, avx512 };

struct Panels {
  float* data = nullptr;
  int64_t rows = 0, cols = 0;
  int64_t stride = 0;  // floats from one panel to the next
};

// What a product does to its result before it is stored.
enum class Finish {
  none,
  relu,
  tanh,
  relu_slope,  // times 1 where the activation is positive, 0 elsewhere
  tanh_slope,  // times 1 - activation^2
};

struct AdamStep {
  float step_size;        // learning rate / (1 - 0.9^t)
  float root_correction;  // 1 / sqrt(1 - 0.999^t)
};

struct Kernels {
  Isa isa;
  int width;  // columns in a panel
  // c (M, N) = finish(a (M, K) * b (K, N) + bias). bias: whole panels long, or null. activations (M, N), for the
  // slopes, may be c.
  void (*multiply)(const Panels& a, const Panels& b, const Panels& c, const float* bias, Finish finish,
                   const Panels& activations);
  // out (M, N), row-major with `ld` floats a row, = or += the transpose of a (K, M) * b (K, N)
  void (*multiply_transposed)(const Panels& a, const Panels& b, float* out, int64_t ld, bool add);
  // to (rows, cols) = row-major from (rows, cols)
  void (*pack)(const float* from, int64_t ld, const Panels& to);
  // to (cols, rows) = the transpose of row-major from (rows, cols)
  void (*pack_transposed)(const float* from, int64_t ld, const Panels& to);
  // to = relu(from + c * column)
  void (*relu_shifted)(const Panels& from, const float* column, float c, const Panels& to);
  // sums (cols, in whole panels) = the sum over the rows
  void (*column_sums)(const Panels& from, float* sums);
  // to[i] += from[i]
  void (*add)(const float* from, float* to, int64_t size);
  // to[i] = factor * from[i]
  void (*scale)(const float* from, float factor, float* to, int64_t size);
  // to[i] = factor * from[i] where activations[i] is positive, 0 elsewhere
  void (*scale_by_relu_slope)(const float* from, float factor, const float* activations, float* to, int64_t size);
  // to[i] = from[0][i] + from[1][i] + ..., in that order
  void (*sum)(const float* const* from, int count, float* to, int64_t size);
  void (*adam)(float* parameters, float* m, float* v, const float* gradient, int64_t size, AdamStep step);
};

constexpr int kWidest = 64;  // no panel is wider

Isa best_isa();  // what this CPU has
bool has_isa(Isa);
const Kernels& kernels_for(Isa);

}  // namespace gogepo::kernels
