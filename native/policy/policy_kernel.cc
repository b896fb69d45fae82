// Compiled once per vector width (see CMakeLists.txt), so no code here may be shared between object files: everything
// has internal linkage except the functions that carry the width in their names.
#include "policy_kernel.h"

#include "tanh.h"

#define NAME_(prefix, lanes) prefix##lanes
#define NAME(prefix, lanes) NAME_(prefix, lanes)

namespace gogepo {
namespace {

typedef float Vector __attribute__((vector_size(4 * LANES), may_alias));

const Vector& at(const float* p) { return *reinterpret_cast<const Vector*>(p); }

struct Tanh {
  static Vector apply(Vector x) { return tanh_of(x); }
};
struct Relu {
  static Vector apply(Vector x) { return x < Vector{} ? Vector{} : x; }  // NaN stays NaN
};
struct Identity {
  static Vector apply(Vector x) { return x; }
};

// Computes `sums` vectors of a panel that is `width` wide. Each column is summed along k in order, whatever the vector
// width.
template <class Activation, int width, int sums>
void run_columns(const float* panel, const float* bias, int in, const float* x, float* y) {
  Vector sum[sums];
  for (int i = 0; i < sums; ++i) sum[i] = at(bias + i * LANES);
  for (int k = 0; k < in; ++k, panel += width) {
    const Vector input = x[k] - Vector{};  // broadcast; subtracting zero changes no bit
    for (int i = 0; i < sums; ++i) sum[i] += input * at(panel + i * LANES);
  }
  for (int i = 0; i < sums; ++i) *reinterpret_cast<Vector*>(y + i * LANES) = Activation::apply(sum[i]);
}

// Eight sums at a time hide the latency of the additions and leave registers for the operands.
template <class Activation, int width>
void run_panel(const float* panel, const float* bias, int in, const float* x, float* y) {
  constexpr int sums = width / LANES < 8 ? width / LANES : 8;
  for (int j = 0; j < width; j += sums * LANES) run_columns<Activation, width, sums>(panel + j, bias + j, in, x, y + j);
}

template <class Activation>
void run_layer(const float* packed, int in, int columns, const float* x, float* y) {
  const float* panel = packed + columns;
  int j = 0;
  for (; columns - j >= kWidePanel; j += kWidePanel, panel += in * kWidePanel)
    run_panel<Activation, kWidePanel>(panel, packed + j, in, x, y + j);
  for (; j < columns; j += kNarrowPanel, panel += in * kNarrowPanel)
    run_panel<Activation, kNarrowPanel>(panel, packed + j, in, x, y + j);
}

}  // namespace

void NAME(dense_tanh_, LANES)(const float* packed, int in, int columns, const float* x, float* y) {
  run_layer<Tanh>(packed, in, columns, x, y);
}
void NAME(dense_relu_, LANES)(const float* packed, int in, int columns, const float* x, float* y) {
  run_layer<Relu>(packed, in, columns, x, y);
}
void NAME(dense_identity_, LANES)(const float* packed, int in, int columns, const float* x, float* y) {
  run_layer<Identity>(packed, in, columns, x, y);
}

}  // namespace gogepo
