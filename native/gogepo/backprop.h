// Generator, policies and critic: forward passes, and backward passes written by hand with LibTorch's operators alone.
// Shapes are fixed, and nothing is copied between host and device, so a CUDA graph can capture all of it; autograd
// would bring threads and streams of its own. B policies, N probing states, O observation size, A action size, T tiles
// of all layers of one kind, G output tiles of those layers, h width, d embedding size.
#pragma once
#include <ATen/core/Tensor.h>

#include <vector>

#include "layout.h"
#include "policy_tensors.h"

namespace gogepo {

// G(c). forward() keeps what backward() needs.
class GeneratorPass {
 public:
  GeneratorPass(const GeneratorLayout& layout, const Architecture& a) : layout_(layout), a_(a) {}
  // commands (B), in return units -> the policies, layer by layer
  std::vector<PolicyTensors> forward(const at::Tensor& rho, const at::Tensor& commands);
  // From the gradient with respect to the policies to the gradient with respect to rho, which is overwritten.
  void backward(const at::Tensor& rho, const std::vector<PolicyTensors>& grad_policies,
                const at::Tensor& gradient) const;

 private:
  struct KindPass {
    at::Tensor z;                                       // (T, d)
    at::Tensor slice_hidden, bias_hidden;               // (B*T, h) outputs of the first layers
    std::vector<at::Tensor> slice_inputs, bias_inputs;  // inputs of the layers that follow
    at::Tensor bias_output;                             // (B*T, h) before the bias network's last layer
    at::Tensor bias_mean;                               // (B*G, h) the same, averaged over the input tiles
  };
  int64_t embedding(size_t kind, int64_t& tiles) const;

  const GeneratorLayout& layout_;
  const Architecture& a_;
  at::Tensor scaled_;  // (B, 1) commands divided by the return range
  std::vector<KindPass> kinds_;
};

// V: from policies to predicted returns.
class CriticPass {
 public:
  CriticPass(const CriticLayout& layout, const Architecture& a, const at::Tensor& scale, const at::Tensor& center)
      : layout_(layout), a_(a), scale_(scale), center_(center) {}
  at::Tensor forward(const at::Tensor& w, const std::vector<PolicyTensors>& policies);  // -> (B)
  // grad_values (B) -> the gradient with respect to w, which is overwritten
  void backward_critic(const at::Tensor& w, const std::vector<PolicyTensors>& policies, const at::Tensor& grad_values,
                       const at::Tensor& gradient) const;
  // grad_values (B) -> the gradient with respect to the policies
  std::vector<PolicyTensors> backward_policies(const at::Tensor& w, const std::vector<PolicyTensors>& policies,
                                               const at::Tensor& grad_values) const;

 private:
  at::Tensor states(const at::Tensor& w) const;  // (N, O)
  // grad_input (B, N*A), of the fingerprint -> (B, N, A), of the last policy layer before its tanh
  at::Tensor grad_last_layer(const at::Tensor& grad_input) const;

  const CriticLayout& layout_;
  const Architecture& a_;
  const at::Tensor &scale_, &center_;  // (A)
  std::vector<at::Tensor> outputs_;    // of each policy layer, (B, N, out)
  std::vector<at::Tensor> inputs_;     // of each layer of the value network
};

}  // namespace gogepo
