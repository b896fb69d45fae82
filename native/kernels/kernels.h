// The float32 kernels behind the updates: matrix multiplication, elementwise passes, packing and Adam. One source is
// compiled for SSE2, AVX2 with FMA, and AVX-512; the choice is made once, at run time.
//
// Memory layout: matrices are stored in panels. Panel p holds columns [p * width, (p + 1) * width) of all rows, row
// after row, where `width` is the number of columns a micro-kernel produces. The result of one multiplication can
// therefore be, without copying, the left operand of the next one and the right operand of the weight gradient's.
//
// Each output element is summed along k in the same order, whatever the vector width, the number of rows or the tile.
// AVX2 and AVX-512 are therefore bit-identical; SSE2 has no fused multiply-add and rounds twice.
#pragma once
#include <cstdint>

namespace gogepo::kernels {

enum class Isa { sse2, avx2, avx512 };

struct Panels {
  float* data = nullptr;
  int64_t rows = 0, cols = 0;
  int64_t stride = 0;  // floats from one panel to the next
};

// Applied to the result of a multiplication before it is stored.
enum class Epilogue {
  none,
  relu,
  tanh,
  relu_derivative,  // the result where the activation is positive, else 0
  tanh_derivative,  // the result times 1 - activation^2
};

struct AdamStep {
  float step_size;        // learning rate / (1 - 0.9^t)
  float root_correction;  // 1 / sqrt(1 - 0.999^t)
};
AdamStep adam_step(int64_t t, double learning_rate);  // computed in float64; the first step is 1

struct Kernels {
  Isa isa;
  int width;  // columns in a panel
  // c (M, N) = epilogue(a (M, K) * b (K, N) + bias). `bias` is padded to whole panels, or null. `activations` (M, N) is
  // read by the derivatives only and may be c.
  void (*multiply)(const Panels& a, const Panels& b, const Panels& c, const float* bias, Epilogue epilogue,
                   const Panels& activations);
  // out (M, N) = or += transpose(a (K, M)) * b (K, N); out is row-major with leading dimension `ld`
  void (*multiply_transposed)(const Panels& a, const Panels& b, float* out, int64_t ld, bool add);
  // to (rows, cols) = from (rows, cols), row-major
  void (*pack)(const float* from, int64_t ld, const Panels& to);
  // to (cols, rows) = transpose(from (rows, cols)), row-major
  void (*pack_transposed)(const float* from, int64_t ld, const Panels& to);
  // to = relu(from + c * column)
  void (*relu_shifted)(const Panels& from, const float* column, float c, const Panels& to);
  // product = x * g, where x = tanh(x) and g = sigmoid(g) are replaced; all of one shape
  void (*gate)(const Panels& x, const Panels& g, const Panels& product);
  // The gradients before tanh and sigmoid, from that of the product. x and g are what gate() has left there.
  void (*gate_derivative)(const Panels& gradient, const Panels& x, const Panels& g, const Panels& x_gradient,
                          const Panels& g_gradient);
  // sums (cols, padded to whole panels) = sum over rows
  void (*column_sums)(const Panels& from, float* sums);
  // to[i] += from[i]
  void (*add)(const float* from, float* to, int64_t size);
  // to[i] = factor * from[i]
  void (*scale)(const float* from, float factor, float* to, int64_t size);
  // to[i] = activations[i] > 0 ? factor * from[i] : 0
  void (*scale_by_relu_derivative)(const float* from, float factor, const float* activations, float* to, int64_t size);
  // to[i] = from[0][i] + from[1][i] + ..., in that order
  void (*sum)(const float* const* from, int count, float* to, int64_t size);
  // to[i] += factor * (from[i] - to[i])
  void (*approach)(const float* from, float factor, float* to, int64_t size);
  void (*adam)(float* parameters, float* m, float* v, const float* gradient, int64_t size, AdamStep step);
};

constexpr int kMaxPanelWidth = 64;  // in floats, over all instruction sets

Isa best_isa();  // the widest this CPU supports
bool has_isa(Isa);
const Kernels& kernels_for(Isa);

}  // namespace gogepo::kernels
