// The critic, forward and backward, written by hand like the generator, and through the policies that it judges.
// B policies, N probing states, O observation size, A action size.
#pragma once
#include <ATen/core/Tensor.h>

#include <vector>

#include "generator_pass.h"
#include "layout.h"
#include "policy_tensors.h"
#include "work.h"

namespace gogepo {

// V: from policies to predicted returns.
class CriticPass {
 public:
  CriticPass(const CriticLayout& layout, const Architecture& a, const at::Tensor& scale, const at::Tensor& center,
             Work& work)
      : layout_(layout), a_(a), scale_(scale), center_(center), work_(work) {}
  // -> (B). generator: the pass that generates the policies, if they are not there yet
  at::Tensor forward(const at::Tensor& w, const std::vector<PolicyTensors>& policies,
                     GeneratorPass* generator = nullptr);
  // grad_values (B) -> the gradient with respect to w, which is overwritten
  void backward_critic(const at::Tensor& w, const std::vector<PolicyTensors>& policies, const at::Tensor& grad_values,
                       const at::Tensor& gradient);
  // grad_values (B) -> the gradient with respect to the policies, each layer queued on its lanes
  std::vector<PolicyTensors> backward_policies(const at::Tensor& w, const std::vector<PolicyTensors>& policies,
                                               const at::Tensor& grad_values, const std::vector<LayerLanes>& lanes);

 private:
  at::Tensor states(const at::Tensor& w) const;  // (N, O)
  // grad_input (B, N*A), of the fingerprint -> (B, N, A), of the last policy layer before its tanh
  at::Tensor grad_last_layer(const at::Tensor& grad_input);
  // The same of layer i -> that of layer i - 1 (B, N, in)
  at::Tensor grad_layer_below(size_t i, const at::Tensor& before, const at::Tensor& weight);

  const CriticLayout& layout_;
  const Architecture& a_;
  const at::Tensor &scale_, &center_;  // (A)
  Work& work_;
  std::vector<at::Tensor> outputs_;  // of each policy layer, (B, N, out)
  std::vector<at::Tensor> inputs_;   // of each layer of the value network
};

}  // namespace gogepo
