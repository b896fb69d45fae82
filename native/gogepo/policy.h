// pi_theta(s), batched over theta and differentiable: what the critic looks through.
// B policies, N states, O observation size, A action size.
#pragma once
#include <ATen/core/Tensor.h>

#include <vector>

#include "layout.h"

namespace gogepo {

struct PolicyTensors {      // one policy layer of B policies
  at::Tensor weight, bias;  // (B, out, in), (B, out)
};

std::vector<PolicyTensors> unflatten(const at::Tensor& theta, const PolicyLayout& layout);  // theta (B, |theta|)
at::Tensor flatten(const std::vector<PolicyTensors>& layers);                               // -> (B, |theta|)

// states (N, O) -> actions (B, N, A): tanh in every layer, then centre + half-range * tanh.
at::Tensor policy_actions(const std::vector<PolicyTensors>& layers, const at::Tensor& states,
                          const ActionScaling& scaling);

}  // namespace gogepo
