#include "actor.h"

#include <algorithm>
#include <cmath>
#include <stdexcept>
#include <string>

#include "tanh.h"

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
    : layout_(spec), scaling_(spec), discrete_(spec.discrete), output_(spec.output), scales_(spec.command) {
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
  if (!scales_) return;
  layers_[0].run = kernel.tanh;
  gate_ = {kernel.tanh, kCommandSize, layers_[0].columns};
  packed_gate_.resize(size_t(gate_.columns) * (kCommandSize + 1) / 16);
  gates_.resize(size_t(gate_.columns) / 16);
}

void MlpActor::load(const float* theta) {
  float* packed = packed_[0].values;
  for (const PolicyLayer& layer : layout_.layers) packed = pack(theta, layer, packed);
  if (!scales_) return;
  pack(theta, *layout_.gate, packed_gate_[0].values);
  // sigmoid(x) = (1 + tanh(x / 2)) / 2; halving changes no digit.
  for (Block& block : packed_gate_)
    for (float& value : block.values) value /= 2;
  command_ = {theta[layout_.command], theta[layout_.command + 1]};
}

// Packs one layer as in policy_kernel.h, and returns where the next one begins.
float* MlpActor::pack(const float* theta, const PolicyLayer& layer, float* packed) const {
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
  return packed;
}

// Forward through the layers, alternating between two buffers.
const float* MlpActor::outputs(const float* input) {
  const float* packed = packed_[0].values;
  const float* x = input;
  int turn = 0;
  for (const Layer& layer : layers_) {
    float* y = activations_[turn][0].values;
    layer.run(packed, layer.in, layer.columns, x, y);
    if (scales_ && x == input) {
      // What the command lets through of the first layer.
      const float* const asked = input + layer.in;
      const float scaled[kCommandSize] = {float(asked[0] * scales_->desired_return),
                                          float(asked[1] * scales_->horizon)};
      float* const gates = gates_[0].values;
      gate_.run(packed_gate_[0].values, gate_.in, gate_.columns, scaled, gates);
      for (int i = 0; i < layer.columns; ++i) y[i] *= 0.5f + 0.5f * gates[i];
    }
    packed += int64_t(layer.columns) * (layer.in + 1);
    x = y;
    turn = 1 - turn;
  }
  return x;
}

void MlpActor::act(const float* input, float* action) {
  const float* x = outputs(input);
  if (discrete_) {
    *action = float(std::max_element(x, x + layout_.layers.back().out) - x);
    return;
  }
  for (size_t i = 0; i < scaling_.scale.size(); ++i) {
    const float y = output_ == PolicyOutput::gaussian ? tanh_of(x[i]) : x[i];
    const float value = output_ == PolicyOutput::clip ? y : scaling_.center[i] + scaling_.scale[i] * y;
    action[i] = clamped(value, scaling_.low[i], scaling_.high[i]);
  }
}

void MlpActor::sample(const float* input, Stream& random, float* action) {
  const float* x = outputs(input);
  if (discrete_) {
    // The first choice at which the cumulated probabilities, softmax(x), exceed a uniform number.
    const int choices = layout_.layers.back().out;
    const double highest = *std::max_element(x, x + choices);
    double sum = 0;
    for (int i = 0; i < choices; ++i) sum += std::exp(x[i] - highest);
    double left = random.uniform() * sum;
    int choice = 0;
    while (choice + 1 < choices && (left -= std::exp(x[choice] - highest)) >= 0) ++choice;
    *action = float(choice);
    return;
  }
  const size_t actions = scaling_.scale.size();
  for (size_t i = 0; i < actions; ++i) {
    const double deviation = std::exp(double(clamped(x[actions + i], kLowestLogStd, kHighestLogStd)));
    const float y = tanh_of(float(x[i] + deviation * random.normal()));
    action[i] = clamped(scaling_.center[i] + scaling_.scale[i] * y, scaling_.low[i], scaling_.high[i]);
  }
}

// ---------------------------------------------------------------- exploration

void require_possible(const Exploration& e, const PolicySpec& spec) {
  if (spec.discrete && e.noise != 0)
    throw std::invalid_argument("exploration: expected noise to be 0, since a discrete action takes none.");
  if (e.sample && !spec.discrete && spec.output != PolicyOutput::gaussian)
    throw std::invalid_argument(
        "exploration: expected sample to be false, since only a gaussian or a discrete policy has a distribution.");
  if (!(e.noise >= 0) || !(e.correlation >= 0 && e.correlation < 1) || e.uniform_steps < 0)
    throw std::invalid_argument(
        "exploration: expected noise and uniformSteps of at least 0, and correlation from 0 to below 1.");
}

ExploringActor::ExploringActor(std::shared_ptr<MlpActor> actor, const PolicySpec& spec, const Exploration& exploration)
    : actor_(std::move(actor)),
      spec_(spec),
      scaling_(spec),
      exploration_(exploration),
      noise_(size_t(spec.action_size)),
      random_(0, Purpose::action_noise, 0) {
  require_possible(exploration, spec);
}

void ExploringActor::begin(Stream random) {
  random_ = random;
  uniform_left_ = exploration_.uniform_steps;
  started_ = false;
}

void ExploringActor::act(const float* input, float* action) {
  const size_t actions = noise_.size();
  // The first actions do not ask the policy.
  if (uniform_left_ > 0) {
    --uniform_left_;
    if (spec_.discrete) {
      *action = float(int64_t(random_.uniform() * double(actions)));
      return;
    }
    for (size_t i = 0; i < actions; ++i)
      action[i] =
          clamped(float(random_.uniform(spec_.action_low[i], spec_.action_high[i])), scaling_.low[i], scaling_.high[i]);
    return;
  }
  if (exploration_.sample)
    actor_->sample(input, random_, action);
  else
    actor_->act(input, action);
  if (exploration_.noise == 0) return;
  // The noise is stationary: it has variance 1 in every step, whatever its correlation.
  const double kept = started_ ? exploration_.correlation : 0, added = std::sqrt(1 - kept * kept);
  started_ = true;
  for (size_t i = 0; i < actions; ++i) {
    noise_[i] = kept * noise_[i] + added * random_.normal();
    const double deviation = exploration_.noise * ((spec_.action_high[i] - spec_.action_low[i]) / 2);
    action[i] = clamped(float(action[i] + deviation * noise_[i]), scaling_.low[i], scaling_.high[i]);
  }
}

}  // namespace gogepo
