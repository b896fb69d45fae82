#include "probing.h"

#include <stdexcept>

namespace gogepo::kernels {

Probing::Probing(const Kernels& kernels, const Architecture& a)
    : kernels_(kernels),
      policy_(a.policy_sizes()),
      states_(a.probing_states),
      center_(a.action_size, 0),
      scale_(a.action_size, 1) {
  if (a.action.discrete) return;
  if (int(a.action.center.size()) != a.action_size || int(a.action.scale.size()) != a.action_size)
    throw std::invalid_argument("action scaling: expected " + std::to_string(a.action_size) +
                                " centers and half-ranges, got " + std::to_string(a.action.center.size()) + " and " +
                                std::to_string(a.action.scale.size()));
  center_ = a.action.center;
  scale_ = a.action.scale;
}

Probing::Activations Probing::activations() const {
  Activations all;
  for (const PolicyLayer& layer : policy_.layers) all.emplace_back(kernels_.width, states_, layer.out);
  return all;
}

Probing::Work Probing::work() const {
  Work work;
  size_t widest = 0;
  for (const PolicyLayer& layer : policy_.layers) {
    work.layers.emplace_back(kernels_.width, layer.in, layer.out, layer.in);
    widest = std::max(widest, work.layers.back().bias.size());
  }
  work.sums.resize(widest);
  return work;
}

void Probing::forward(const float* theta, const Panels& states, Work& work, Activations& activations) const {
  for (size_t j = 0; j < policy_.layers.size(); ++j) {
    const PolicyLayer& layer = policy_.layers[j];
    work.layers[j].pack_forward(kernels_, theta + layer.weight, theta + layer.bias);
    kernels_.multiply(j == 0 ? states : activations[j - 1], work.layers[j].forward, activations[j],
                      work.layers[j].bias.data(), Finish::tanh, {});
  }
}

void Probing::write_fingerprint(const Activations& activations, const Panels& to, int64_t row) const {
  const int width = kernels_.width, actions = policy_.layers.back().out;
  for (int64_t n = 0; n < states_; ++n)
    for (int a = 0; a < actions; ++a)
      *at(to, width, row, n * actions + a) = center_[a] + scale_[a] * *at(activations.back(), width, n, a);
}

void Probing::start_backward(const Panels& last, const Panels& gradient, int64_t row) const {
  const int width = kernels_.width, actions = policy_.layers.back().out;
  for (int64_t n = 0; n < states_; ++n)
    for (int a = 0; a < actions; ++a) {
      float& t = *at(last, width, n, a);
      t = *at(gradient, width, row, n * actions + a) * scale_[a] * (1 - t * t);
    }
}

void Probing::backward_to_theta(const float* theta, const Panels& states, Activations& deltas, const Panels& gradient,
                                int64_t row, Work& work, float* theta_gradient) const {
  start_backward(deltas.back(), gradient, row);
  for (size_t j = policy_.layers.size(); j-- > 0;) {
    const PolicyLayer& layer = policy_.layers[j];
    kernels_.multiply_transposed(deltas[j], j == 0 ? states : deltas[j - 1], theta_gradient + layer.weight, layer.in,
                                 false);
    kernels_.column_sums(deltas[j], work.sums.data());
    std::copy_n(work.sums.data(), layer.out, theta_gradient + layer.bias);
    if (j == 0) break;
    work.layers[j].pack_backward(kernels_, theta + layer.weight);
    kernels_.multiply(deltas[j], work.layers[j].backward, deltas[j - 1], nullptr, Finish::tanh_slope, deltas[j - 1]);
  }
}

void Probing::backward_to_states(const float* theta, Activations& deltas, const Panels& gradient, int64_t row,
                                 Work& work, const Panels& states_gradient) const {
  start_backward(deltas.back(), gradient, row);
  for (size_t j = policy_.layers.size(); j-- > 0;) {
    work.layers[j].pack_backward(kernels_, theta + policy_.layers[j].weight);
    if (j == 0)
      kernels_.multiply(deltas[0], work.layers[0].backward, states_gradient, nullptr, Finish::none, {});
    else
      kernels_.multiply(deltas[j], work.layers[j].backward, deltas[j - 1], nullptr, Finish::tanh_slope, deltas[j - 1]);
  }
}

}  // namespace gogepo::kernels
