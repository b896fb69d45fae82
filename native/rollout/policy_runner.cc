#include "policy_runner.h"

#include <algorithm>
#include <stdexcept>
#include <string>

namespace gogepo {
namespace {

int columns_of(const PolicyLayer& layer) { return (layer.out + kNarrowPanel - 1) / kNarrowPanel * kNarrowPanel; }

}  // namespace

std::vector<PolicyKernel> policy_kernels() {
  std::vector<PolicyKernel> kernels{{"sse2", dense_tanh_4}};
  if (__builtin_cpu_supports("avx2")) kernels.push_back({"avx2", dense_tanh_8});
  if (__builtin_cpu_supports("avx512f")) kernels.push_back({"avx512", dense_tanh_16});
  return kernels;
}

PolicyRunner::PolicyRunner(const PolicyLayout& layout, const ActionScaling& scaling, const PolicyKernel& kernel)
    : layout_(layout), scaling_(scaling), dense_tanh_(kernel.dense_tanh) {
  const size_t actions = layout.layers.back().out;
  if (!scaling.discrete && (scaling.center.size() != actions || scaling.scale.size() != actions))
    throw std::invalid_argument("action scaling: expected " + std::to_string(actions) +
                                " centres and half-ranges, got " + std::to_string(scaling.center.size()) + " and " +
                                std::to_string(scaling.scale.size()));
  size_t size = 0, widest = 0;
  for (const PolicyLayer& layer : layout.layers) {
    const size_t columns = columns_of(layer);
    size += columns * (layer.in + 1);
    widest = std::max(widest, columns);
  }
  packed_.resize(size / 16);
  for (auto& activations : activations_) activations.resize(widest / 16);
}

void PolicyRunner::load(const float* theta) {
  float* packed = packed_[0].values;
  for (const PolicyLayer& layer : layout_.layers) {
    const int columns = columns_of(layer);
    std::copy_n(theta + layer.bias, layer.out, packed);  // what lies beyond layer.out stays zero
    packed += columns;
    for (int j = 0; j < columns;) {
      const int width = columns - j >= kWidePanel ? kWidePanel : kNarrowPanel;
      // Sixteen rows of theta at a time: more would fight for the same cache sets.
      for (int c = 0; c < width; c += 16) {
        const int present = std::min(16, layer.out - j - c);
        const float* rows = theta + layer.weight + int64_t(j + c) * layer.in;
        for (int k = 0; k < layer.in; ++k)
          for (int i = 0; i < present; ++i) packed[int64_t(k) * width + c + i] = rows[int64_t(i) * layer.in + k];
      }
      packed += int64_t(layer.in) * width;
      j += width;
    }
  }
}

void PolicyRunner::act(const float* observation, float* action) {
  const float* packed = packed_[0].values;
  const float* x = observation;
  int turn = 0;
  for (const PolicyLayer& layer : layout_.layers) {
    const int columns = columns_of(layer);
    float* y = activations_[turn][0].values;
    dense_tanh_(packed, layer.in, columns, x, y);
    packed += int64_t(columns) * (layer.in + 1);
    x = y;
    turn = 1 - turn;
  }
  const int actions = layout_.layers.back().out;
  if (scaling_.discrete)
    *action = float(std::max_element(x, x + actions) - x);
  else
    for (int i = 0; i < actions; ++i) action[i] = scaling_.center[i] + scaling_.scale[i] * x[i];
}

}  // namespace gogepo
