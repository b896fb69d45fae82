#include "policy.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/baddbmm.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/tensor.h>

namespace gogepo {

using at::Tensor;

std::vector<PolicyTensors> unflatten(const Tensor& theta, const PolicyLayout& layout) {
  const int64_t batch = theta.size(0);
  std::vector<PolicyTensors> layers;
  for (const PolicyLayer& layer : layout.layers)
    layers.push_back({theta.narrow(1, layer.weight, int64_t(layer.out) * layer.in).view({batch, layer.out, layer.in}),
                      theta.narrow(1, layer.bias, layer.out)});
  return layers;
}

Tensor flatten(const std::vector<PolicyTensors>& layers) {
  std::vector<Tensor> parts;
  for (const PolicyTensors& layer : layers) {
    parts.push_back(layer.weight.flatten(1));
    parts.push_back(layer.bias);
  }
  return at::cat(parts, 1);
}

Tensor policy_actions(const std::vector<PolicyTensors>& layers, const Tensor& states, const ActionScaling& scaling) {
  Tensor x = states.unsqueeze(0).expand({layers.front().weight.size(0), -1, -1});  // (B, N, O)
  for (const PolicyTensors& layer : layers)
    x = at::baddbmm(layer.bias.unsqueeze(1), x, layer.weight.transpose(1, 2)).tanh();  // (B, N, out)
  if (scaling.discrete) return x;
  return x * at::tensor(scaling.scale, x.options()) + at::tensor(scaling.center, x.options());  // (B, N, A)
}

}  // namespace gogepo
