// A multilayer perceptron as a function of a flat parameter vector. Plain LibTorch, differentiable.
#pragma once
#include <ATen/core/Tensor.h>

#include <map>
#include <vector>

#include "layout.h"

namespace gogepo {

// The tensors of a flat vector as views of it. The views are leaves of the graph, so that gradients can be taken tensor
// by tensor.
class NamedViews {
 public:
  NamedViews(const at::Tensor& flat, const std::vector<NamedTensor>& tensors, bool requires_grad);
  const at::Tensor& at(int64_t offset) const { return by_offset_.at(offset); }
  const std::vector<at::Tensor>& all() const { return views_; }

 private:
  std::vector<at::Tensor> views_;
  std::map<int64_t, at::Tensor> by_offset_;
};

// x (B, in) -> (B, out): ReLU between layers, linear at the end
at::Tensor mlp_forward(at::Tensor x, const Mlp& mlp, const NamedViews& parameters);

}  // namespace gogepo
