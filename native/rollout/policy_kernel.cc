// Compiled once for each vector width (CMakeLists.txt), so nothing here may be shared with another width's object file:
// only constants and functions of internal linkage, apart from the one function that carries the width in its name.
#include "policy_kernel.h"

#include "tanh.h"

#define NAME_(prefix, lanes) prefix##lanes
#define NAME(prefix, lanes) NAME_(prefix, lanes)

namespace gogepo {
namespace {

typedef float Vector __attribute__((vector_size(4 * LANES), may_alias));

const Vector& at(const float* p) { return *reinterpret_cast<const Vector*>(p); }

// `sums` vectors of a panel that is `width` wide. Each column adds along k in order, whatever the width of a vector is.
template <int width, int sums>
void columns_of(const float* panel, const float* bias, int in, const float* x, float* y) {
  Vector sum[sums];
  for (int i = 0; i < sums; ++i) sum[i] = at(bias + i * LANES);
  for (int k = 0; k < in; ++k, panel += width) {
    const Vector input = x[k] - Vector{};  // broadcast; minus zero changes no bit
    for (int i = 0; i < sums; ++i) sum[i] += input * at(panel + i * LANES);
  }
  for (int i = 0; i < sums; ++i) *reinterpret_cast<Vector*>(y + i * LANES) = tanh_of(sum[i]);
}

// Eight sums at a time: they hide the latency of an addition and leave registers for the products.
template <int width>
void panel_of(const float* panel, const float* bias, int in, const float* x, float* y) {
  constexpr int sums = width / LANES < 8 ? width / LANES : 8;
  for (int j = 0; j < width; j += sums * LANES) columns_of<width, sums>(panel + j, bias + j, in, x, y + j);
}

}  // namespace

void NAME(dense_tanh_, LANES)(const float* packed, int in, int columns, const float* x, float* y) {
  const float* panel = packed + columns;
  int j = 0;
  for (; columns - j >= kWidePanel; j += kWidePanel, panel += in * kWidePanel)
    panel_of<kWidePanel>(panel, packed + j, in, x, y + j);
  for (; j < columns; j += kNarrowPanel, panel += in * kNarrowPanel)
    panel_of<kNarrowPanel>(panel, packed + j, in, x, y + j);
}

}  // namespace gogepo
