// The generator G_rho and the critic V_w as functions of flat parameter vectors. Plain LibTorch, differentiable.
// B policies, N probing states, A action size.
#pragma once
#include <ATen/core/Tensor.h>

#include <vector>

#include "layout.h"
#include "mlp.h"
#include "parameters.h"
#include "policy_tensors.h"

namespace gogepo {

// PyTorch's default initialization of Linear layers, also in a policy; embeddings N(0, 1); probing states U[0, 1).
Parameters initial_generator(const GeneratorLayout& layout, uint64_t seed, at::Device device);
Parameters initial_critic(const CriticLayout& layout, uint64_t seed, at::Device device);

Parameters initial_policy(const PolicyLayout& layout, uint64_t seed, at::Device device);

// commands (B), in return units -> the policies G(c), layer by layer
std::vector<PolicyTensors> generate(const at::Tensor& commands, const NamedViews& rho, const GeneratorLayout& layout,
                                    const Architecture& a);

// -> (B, N*A): the probing actions, states outermost
at::Tensor fingerprint(const std::vector<PolicyTensors>& policies, const NamedViews& w, const CriticLayout& layout,
                       const Architecture& a);

// -> (B): the predicted returns
at::Tensor value(const std::vector<PolicyTensors>& policies, const NamedViews& w, const CriticLayout& layout,
                 const Architecture& a);

}  // namespace gogepo
