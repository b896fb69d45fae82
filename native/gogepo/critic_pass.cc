#include "critic_pass.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/bmm.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/empty_like.h>

#include "dense_layers.h"

namespace gogepo {

using at::Tensor;

Tensor CriticPass::states(const Tensor& w) const {
  return w.narrow(0, layout_.probing_states, int64_t(a_.probing_states) * a_.policy.observation_size)
      .view({a_.probing_states, a_.policy.observation_size});
}

Tensor CriticPass::forward(const Tensor& w, const std::vector<PolicyTensors>& policies, GeneratorPass* generator) {
  const int64_t batch = policies.front().weight.size(0), N = a_.probing_states;
  outputs_.clear();
  Tensor input;
  if (a_.critic_kind == CriticKind::fingerprint) {
    Tensor x = states(w).unsqueeze(0).expand({batch, -1, -1});  // (B, N, O)
    for (size_t i = 0; i < policies.size(); ++i) {
      const PolicyTensors& layer = policies[i];
      const int64_t out = layer.weight.size(1);
      if (generator != nullptr) generator->wait_for(i);
      if (i + 1 < policies.size()) {
        x = work_.keep(x.bmm(layer.weight.transpose(1, 2)));  // (B, N, out)
        work_.run(ops::BiasTanh{.x = write(x),
                                .bias = read(layer.bias),
                                .stride = layer.bias.stride(0),
                                .states = int(N),
                                .width = int(out)},
                  batch * ops::eighths(unsigned(N)) * out);
        outputs_.push_back(x);
      } else {
        const bool scaled = !a_.policy.discrete;
        const Tensor y = work_.keep(at::empty({batch, N, out}, w.options()));
        input = scaled ? work_.keep(at::empty_like(y)) : y;
        work_.run(ops::OutputLayer{.x = read(x),
                                   .weight = read(layer.weight),
                                   .bias = read(layer.bias),
                                   .weight_stride = layer.weight.stride(0),
                                   .bias_stride = layer.bias.stride(0),
                                   .scale = scaled ? read(scale_) : nullptr,
                                   .center = scaled ? read(center_) : nullptr,
                                   .y = write(y),
                                   .actions = write(input),
                                   .states = int(N),
                                   .in = int(layer.weight.size(2)),
                                   .out = int(out)},
                  batch * N);
        outputs_.push_back(y);
        input = input.flatten(1);  // (B, N*A)
      }
    }
  } else {
    for (size_t i = 0; generator != nullptr && i < policies.size(); ++i) generator->wait_for(i);
    input = work_.keep(flatten(policies));
  }
  return forward_layers(work_, input, layout_.value, 0, layout_.value.size(), w, inputs_).squeeze(1);
}

Tensor CriticPass::grad_last_layer(const Tensor& grad_input) {
  const Tensor before = work_.keep(at::empty_like(outputs_.back()));
  work_.run(ops::ActionGradient{.gradient = read(grad_input),
                                .y = read(outputs_.back()),
                                .scale = a_.policy.discrete ? nullptr : read(scale_),
                                .before = write(before),
                                .out = a_.policy.action_size},
            before.numel());
  return before;
}

Tensor CriticPass::grad_layer_below(size_t i, const Tensor& before, const Tensor& weight) {
  const Tensor& x = outputs_[i - 1];  // (B, N, in)
  constexpr int64_t few_outputs = 8;
  if (before.size(2) <= few_outputs) {
    const Tensor below = work_.keep(at::empty_like(x));
    work_.run(ops::OutputLayerGradient{.gradient = read(before),
                                       .weight = read(weight),
                                       .x = read(x),
                                       .stride = weight.stride(0),
                                       .before = write(below),
                                       .states = a_.probing_states,
                                       .in = int(x.size(2)),
                                       .out = int(before.size(2))},
              x.size(0) * ops::eighths(unsigned(x.size(1))) * x.size(2));
    return below;
  }
  const Tensor below = work_.keep(before.bmm(weight));
  work_.run(ops::ActivationGradient{.gradient = write(below), .output = read(x), .size = elements(below), .tanh = true},
            ops::quarter(elements(below)));
  return below;
}

void CriticPass::backward_critic(const Tensor& w, const std::vector<PolicyTensors>& policies, const Tensor& grad_values,
                                 const Tensor& gradient) {
  const bool probes = a_.critic_kind == CriticKind::fingerprint;
  constexpr int parameters_lane = 1;
  const Tensor grad_input = backward_layers(work_, grad_values.unsqueeze(1), layout_.value, 0, layout_.value.size(), w,
                                            inputs_, gradient, parameters_lane, probes);
  if (!probes) return;
  Tensor before = grad_last_layer(grad_input);  // (B, N, out)
  for (size_t i = policies.size(); i-- > 1;) before = grad_layer_below(i, before, policies[i].weight);
  const Tensor grad_states = states(gradient);
  const Tensor by_policy = work_.keep(before.bmm(policies.front().weight));  // (B, N, O)
  column_sums(work_, by_policy.flatten(1), by_policy.size(0), grad_states);
}

std::vector<PolicyTensors> CriticPass::backward_policies(const Tensor& w, const std::vector<PolicyTensors>& policies,
                                                         const Tensor& grad_values,
                                                         const std::vector<LayerLanes>& lanes) {
  const int64_t batch = grad_values.size(0);
  const Tensor grad_input = backward_layers(work_, grad_values.unsqueeze(1), layout_.value, 0, layout_.value.size(), w,
                                            inputs_, {}, no_lane, true);
  std::vector<PolicyTensors> gradients(policies.size());
  if (a_.critic_kind == CriticKind::parameters) {
    gradients = unflatten(grad_input, PolicyLayout(a_.policy));
    for (const LayerLanes& own : lanes)
      for (const int lane : {own.weight, own.bias}) work_.fork(lane), work_.enter(0);
    return gradients;
  }
  Tensor before = grad_last_layer(grad_input);  // (B, N, out)
  for (size_t i = policies.size(); i-- > 0;) {
    const Tensor x = i > 0 ? outputs_[i - 1] : states(w).unsqueeze(0).expand({batch, -1, -1});
    work_.fork(lanes[i].weight);
    gradients[i].weight = work_.keep(before.transpose(1, 2).bmm(x));
    work_.enter(0);
    work_.fork(lanes[i].bias);
    gradients[i].bias = column_sums(work_, before.flatten(0, 1), before.size(1));  // (B, out)
    work_.enter(0);
    if (i > 0) before = grad_layer_below(i, before, policies[i].weight);
  }
  return gradients;
}

}  // namespace gogepo
