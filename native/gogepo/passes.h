// Generator, policies and critic forward and, by hand, backward, in LibTorch's operators alone. Shapes are fixed,
// nothing is read by the host and nothing is copied from it, so a CUDA graph can hold all of it; autograd brings
// threads and streams of its own. B policies, N probing states, O observation size, A action size, T tiles of all
// layers of one kind, h width, d embedding size.
#pragma once
#include <ATen/core/Tensor.h>

#include <vector>

#include "layout.h"
#include "policy.h"

namespace gogepo {

// G(c): each pass keeps what its backward pass needs.
class GeneratorPass {
 public:
  GeneratorPass(const GeneratorLayout& layout, const Architecture& a) : layout_(layout), a_(a) {}
  // commands (B), in return units -> the policies, layer by layer
  std::vector<PolicyTensors> forward(const at::Tensor& rho, const at::Tensor& commands);
  // The gradient by every weight and bias of the policies -> by rho, which is overwritten.
  void backward(const at::Tensor& rho, const std::vector<PolicyTensors>& by_policies, const at::Tensor& gradient) const;

 private:
  struct KindPass {
    at::Tensor z;                                       // (T, d)
    at::Tensor slice_hidden, bias_hidden;               // (B*T, h): after the first layer
    std::vector<at::Tensor> slice_inputs, bias_inputs;  // of the dense layers that follow
    at::Tensor bias_output,
        bias_mean;  // (B*T, h), (B*outs, h): before the last layer, and averaged over the input tiles
  };
  int64_t embedding(size_t kind, int64_t& tiles) const;

  const GeneratorLayout& layout_;
  const Architecture& a_;
  at::Tensor scaled_;  // (B, 1)
  std::vector<KindPass> kinds_;
};

// V: from policies to predicted returns.
class CriticPass {
 public:
  CriticPass(const CriticLayout& layout, const Architecture& a, const at::Tensor& scale, const at::Tensor& center)
      : layout_(layout), a_(a), scale_(scale), center_(center) {}
  at::Tensor forward(const at::Tensor& w, const std::vector<PolicyTensors>& policies);  // -> (B)
  // by_values (B) -> the gradient by w, which is overwritten
  void backward_critic(const at::Tensor& w, const std::vector<PolicyTensors>& policies, const at::Tensor& by_values,
                       const at::Tensor& gradient) const;
  // by_values (B) -> the gradient by the policies
  std::vector<PolicyTensors> backward_policies(const at::Tensor& w, const std::vector<PolicyTensors>& policies,
                                               const at::Tensor& by_values) const;

 private:
  at::Tensor states(const at::Tensor& w) const;  // (N, O)
  at::Tensor by_last_layer(
      const at::Tensor& by_input) const;  // by the fingerprint -> by the last layer before its tanh

  const CriticLayout& layout_;
  const Architecture& a_;
  const at::Tensor &scale_, &center_;  // (A)
  std::vector<at::Tensor> outputs_;    // of each policy layer, (B, N, out)
  std::vector<at::Tensor> inputs_;     // of each dense layer of the value network
};

}  // namespace gogepo
