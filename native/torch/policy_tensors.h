// pi_theta(s), batched over theta and differentiable.
// B policies, N states, O observation size, A action size.
#pragma once
#include <ATen/core/Tensor.h>

#include <vector>

#include "layout.h"

namespace gogepo {

struct PolicyTensors {      // one policy layer of B policies
  at::Tensor weight, bias;  // (B, out, in), (B, out); no bias: undefined
};

std::vector<PolicyTensors> unflatten(const at::Tensor& theta, const PolicyLayout& layout);  // theta (B, |theta|)
at::Tensor flatten(const std::vector<PolicyTensors>& layers);                               // -> (B, |theta|)

// states (N, O) -> (B, N, A): actions before they are clamped to the bounds; a discrete policy's outputs themselves.
at::Tensor policy_outputs(const std::vector<PolicyTensors>& layers, const at::Tensor& states, const PolicySpec& spec);

// states (N, O) -> (B, N, A): actions inside the bounds; a discrete policy's outputs themselves.
at::Tensor policy_actions(const std::vector<PolicyTensors>& layers, const at::Tensor& states, const PolicySpec& spec);

}  // namespace gogepo
