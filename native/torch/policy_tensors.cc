#include "policy_tensors.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/baddbmm.h>
#include <ATen/ops/bmm.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/clamp.h>
#include <ATen/ops/tensor.h>

namespace gogepo {

using at::Tensor;

std::vector<PolicyTensors> unflatten(const Tensor& theta, const PolicyLayout& layout) {
  const int64_t batch = theta.size(0);
  std::vector<PolicyTensors> layers;
  for (const PolicyLayer& layer : layout.layers)
    layers.push_back({theta.narrow(1, layer.weight, int64_t(layer.out) * layer.in).view({batch, layer.out, layer.in}),
                      layout.has_bias ? theta.narrow(1, layer.bias, layer.out) : Tensor()});
  return layers;
}

Tensor flatten(const std::vector<PolicyTensors>& layers) {
  std::vector<Tensor> parts;
  for (const PolicyTensors& layer : layers) {
    parts.push_back(layer.weight.flatten(1));
    if (layer.bias.defined()) parts.push_back(layer.bias);
  }
  return at::cat(parts, 1);
}

Tensor policy_outputs(const std::vector<PolicyTensors>& layers, const Tensor& states, const PolicySpec& spec) {
  Tensor x = states.unsqueeze(0).expand({layers.front().weight.size(0), -1, -1});  // (B, N, O)
  for (size_t i = 0; i < layers.size(); ++i) {
    // One layer of all policies: (B, N, in) -> (B, N, out)
    const PolicyTensors& layer = layers[i];
    const Tensor weight = layer.weight.transpose(1, 2);
    x = layer.bias.defined() ? at::baddbmm(layer.bias.unsqueeze(1), x, weight) : x.bmm(weight);
    // Its activation: the output layer is linear if the action is clipped.
    const bool last = i + 1 == layers.size();
    if (last ? spec.output == PolicyOutput::tanh : spec.activation == Activation::tanh)
      x = x.tanh();
    else if (!last)
      x = x.relu();
  }
  if (spec.output == PolicyOutput::gaussian) x = x.narrow(2, 0, spec.action_size).tanh();  // of the means alone
  if (spec.discrete || spec.output == PolicyOutput::clip) return x;
  const ActionScaling scaling(spec);
  return x * at::tensor(scaling.scale, x.options()) + at::tensor(scaling.center, x.options());  // (B, N, A)
}

Tensor policy_actions(const std::vector<PolicyTensors>& layers, const Tensor& states, const PolicySpec& spec) {
  const Tensor x = policy_outputs(layers, states, spec);
  if (spec.discrete) return x;
  const ActionScaling scaling(spec);
  return at::clamp(x, at::tensor(scaling.low, x.options()), at::tensor(scaling.high, x.options()));
}

}  // namespace gogepo
