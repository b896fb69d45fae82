// The generator G_rho and the critic V_w as functions of flat parameter vectors. Plain LibTorch, differentiable.
#pragma once
#include <ATen/core/Tensor.h>

#include <map>
#include <string>
#include <vector>

#include "layout.h"
#include "policy.h"

namespace gogepo {

// Each tensor of a flat vector as a view of it: cut off from the graph, so that a gradient can be asked for tensor by
// tensor.
class NamedViews {
 public:
  NamedViews(const at::Tensor& flat, const std::vector<NamedTensor>& tensors, bool requires_grad);
  const at::Tensor& at(int64_t offset) const { return by_offset_.at(offset); }
  const std::vector<at::Tensor>& all() const { return views_; }

 private:
  std::vector<at::Tensor> views_;
  std::map<int64_t, at::Tensor> by_offset_;
};

at::Tensor mlp_forward(at::Tensor x, const Mlp& mlp,
                       const NamedViews& parameters);  // ReLU between layers, linear at the end

// commands (B) in return units -> the policies G(c), layer by layer
std::vector<PolicyTensors> generate(const at::Tensor& commands, const NamedViews& rho, const GeneratorLayout& layout,
                                    const Architecture& a);

// -> (B, N*A): the probing actions, states outermost
at::Tensor fingerprint(const std::vector<PolicyTensors>& policies, const NamedViews& w, const CriticLayout& layout,
                       const Architecture& a);

// -> (B): the predicted returns
at::Tensor value(const std::vector<PolicyTensors>& policies, const NamedViews& w, const CriticLayout& layout,
                 const Architecture& a);

}  // namespace gogepo
