#include "actor.h"

#include <algorithm>
#include <stdexcept>
#include <string>

namespace gogepo {
namespace {

int padded(int columns) { return (columns + kNarrowPanel - 1) / kNarrowPanel * kNarrowPanel; }

// A NaN stays NaN.
float clamped(float x, float low, float high) { return x > high ? high : x < low ? low : x; }

}  // namespace

std::vector<PolicyKernel> policy_kernels() {
  std::vector<PolicyKernel> kernels{{"sse2", dense_tanh_4, dense_relu_4, dense_identity_4}};
  if (__builtin_cpu_supports("avx2")) kernels.push_back({"avx2", dense_tanh_8, dense_relu_8, dense_identity_8});
  if (__builtin_cpu_supports("avx512f")) kernels.push_back({"avx512", dense_tanh_16, dense_relu_16, dense_identity_16});
  return kernels;
}

// ---------------------------------------------------------------- MLP

MlpActor::MlpActor(const PolicySpec& spec, const PolicyKernel& kernel)
    : layout_(spec), scaling_(spec), discrete_(spec.discrete), scaled_(spec.output == PolicyOutput::tanh) {
  const DenseLayer hidden = spec.activation == Activation::tanh ? kernel.tanh : kernel.relu;
  const DenseLayer output = spec.output == PolicyOutput::tanh ? kernel.tanh : kernel.identity;
  size_t size = 0, widest = 0;
  for (const PolicyLayer& layer : layout_.layers) {
    const int columns = padded(layer.out);
    layers_.push_back({&layer == &layout_.layers.back() ? output : hidden, layer.in, columns});
    size += size_t(columns) * (size_t(layer.in) + 1);
    widest = std::max(widest, size_t(columns));
  }
  packed_.resize(size / 16);
  for (auto& activations : activations_) activations.resize(widest / 16);
}

void MlpActor::load(const float* theta) {
  float* packed = packed_[0].values;
  for (const PolicyLayer& layer : layout_.layers) {
    // The biases; the padding, and absent biases, stay zero.
    const int columns = padded(layer.out);
    if (layout_.has_bias) std::copy_n(theta + layer.bias, layer.out, packed);
    packed += columns;
    // The weights, transposed into panels.
    for (int j = 0; j < columns;) {
      const int width = columns - j >= kWidePanel ? kWidePanel : kNarrowPanel;
      // Sixteen rows of theta at a time: more would compete for the same cache sets.
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

void MlpActor::act(const float* observation, float* action) {
  // Forward through the layers, alternating between two buffers.
  const float* packed = packed_[0].values;
  const float* x = observation;
  int turn = 0;
  for (const Layer& layer : layers_) {
    float* y = activations_[turn][0].values;
    layer.run(packed, layer.in, layer.columns, x, y);
    packed += int64_t(layer.columns) * (layer.in + 1);
    x = y;
    turn = 1 - turn;
  }
  // From outputs to an action inside the bounds.
  const int actions = layout_.layers.back().out;
  if (discrete_) {
    *action = float(std::max_element(x, x + actions) - x);
    return;
  }
  for (int i = 0; i < actions; ++i) {
    const float value = scaled_ ? scaling_.center[i] + scaling_.scale[i] * x[i] : x[i];
    action[i] = clamped(value, scaling_.low[i], scaling_.high[i]);
  }
}

// ---------------------------------------------------------------- noise

NoisyActor::NoisyActor(std::shared_ptr<Actor> actor, const PolicySpec& spec, double noise)
    : actor_(std::move(actor)), scaling_(spec), random_(0, Purpose::action_noise, 0) {
  if (spec.discrete)
    throw std::invalid_argument("actionNoise: expected 0, since a discrete action takes no noise, got " +
                                std::to_string(noise) + ".");
  for (int i = 0; i < spec.action_size; ++i)
    deviation_.push_back(noise * ((spec.action_high[i] - spec.action_low[i]) / 2));
}

void NoisyActor::begin(Stream random) {
  actor_->begin(random);
  random_ = random;
}

void NoisyActor::act(const float* observation, float* action) {
  actor_->act(observation, action);
  for (size_t i = 0; i < deviation_.size(); ++i)
    action[i] = clamped(float(action[i] + deviation_[i] * random_.normal()), scaling_.low[i], scaling_.high[i]);
}

}  // namespace gogepo
