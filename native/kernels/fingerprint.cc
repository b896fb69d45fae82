#include "fingerprint.h"

#include <utility>

namespace gogepo::kernels {

Fingerprint::Fingerprint(const Kernels& kernels, const Architecture& a)
    : kernels_(kernels), policy_(a.policy), states_(a.probing_states) {
  ActionScaling scaling(a.policy);
  center_ = std::move(scaling.center);
  scale_ = std::move(scaling.scale);
}

Fingerprint::Activations Fingerprint::make_activations() const {
  Activations all;
  for (const PolicyLayer& layer : policy_.layers) all.emplace_back(kernels_.width, states_, layer.out);
  return all;
}

Fingerprint::Scratch Fingerprint::make_scratch() const {
  Scratch scratch;
  size_t widest = 0;
  for (const PolicyLayer& layer : policy_.layers) {
    scratch.layers.emplace_back(kernels_.width, layer.in, layer.out, layer.in);
    widest = std::max(widest, scratch.layers.back().bias.size());
  }
  scratch.column_sums.resize(widest);
  return scratch;
}

void Fingerprint::forward(const float* theta, const Panels& states, Scratch& scratch, Activations& activations) const {
  for (size_t j = 0; j < policy_.layers.size(); ++j) {
    const PolicyLayer& layer = policy_.layers[j];
    // Pack this layer's weights, then tanh(x W^T + b).
    scratch.layers[j].pack_forward(kernels_, theta + layer.weight, theta + layer.bias);
    kernels_.multiply(j == 0 ? states : activations[j - 1], scratch.layers[j].forward, activations[j],
                      scratch.layers[j].bias.data(), Epilogue::tanh, {});
  }
}

void Fingerprint::write_fingerprint(const Activations& activations, const Panels& to, int64_t row) const {
  const int width = kernels_.width, actions = policy_.layers.back().out;
  for (int64_t n = 0; n < states_; ++n)
    for (int a = 0; a < actions; ++a)
      *at(to, width, row, n * actions + a) = center_[a] + scale_[a] * *at(activations.back(), width, n, a);
}

void Fingerprint::start_backward(const Panels& last, const Panels& gradient, int64_t row) const {
  const int width = kernels_.width, actions = policy_.layers.back().out;
  for (int64_t n = 0; n < states_; ++n)
    for (int a = 0; a < actions; ++a) {
      float& t = *at(last, width, n, a);
      t = *at(gradient, width, row, n * actions + a) * scale_[a] * (1 - t * t);
    }
}

void Fingerprint::backward_to_theta(const float* theta, const Panels& states, Activations& deltas,
                                    const Panels& gradient, int64_t row, Scratch& scratch,
                                    float* theta_gradient) const {
  start_backward(deltas.back(), gradient, row);
  for (size_t j = policy_.layers.size(); j-- > 0;) {
    const PolicyLayer& layer = policy_.layers[j];
    // Gradients of this layer's weights and bias.
    kernels_.multiply_transposed(deltas[j], j == 0 ? states : deltas[j - 1], theta_gradient + layer.weight, layer.in,
                                 false);
    kernels_.column_sums(deltas[j], scratch.column_sums.data());
    std::copy_n(scratch.column_sums.data(), layer.out, theta_gradient + layer.bias);

    // Gradient at the previous layer's output, before its tanh.
    if (j == 0) break;
    scratch.layers[j].pack_backward(kernels_, theta + layer.weight);
    kernels_.multiply(deltas[j], scratch.layers[j].backward, deltas[j - 1], nullptr, Epilogue::tanh_derivative,
                      deltas[j - 1]);
  }
}

void Fingerprint::backward_to_states(const float* theta, Activations& deltas, const Panels& gradient, int64_t row,
                                     Scratch& scratch, const Panels& states_gradient) const {
  start_backward(deltas.back(), gradient, row);
  for (size_t j = policy_.layers.size(); j-- > 0;) {
    scratch.layers[j].pack_backward(kernels_, theta + policy_.layers[j].weight);
    if (j == 0)
      kernels_.multiply(deltas[0], scratch.layers[0].backward, states_gradient, nullptr, Epilogue::none, {});
    else
      kernels_.multiply(deltas[j], scratch.layers[j].backward, deltas[j - 1], nullptr, Epilogue::tanh_derivative,
                        deltas[j - 1]);
  }
}

}  // namespace gogepo::kernels
