#include "mlp.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/addmm.h>

namespace gogepo {

using at::Tensor;

NamedViews::NamedViews(const Tensor& flat, const std::vector<NamedTensor>& tensors, bool requires_grad) {
  for (const NamedTensor& t : tensors) {
    Tensor view = flat.detach().narrow(0, t.offset, t.size).view(t.shape).detach();
    view.requires_grad_(requires_grad);
    views_.push_back(view);
    by_offset_[t.offset] = view;
  }
}

Tensor mlp_forward(Tensor x, const Mlp& mlp, const NamedViews& parameters) {
  for (size_t i = 0; i < mlp.size(); ++i) {
    x = at::addmm(parameters.at(mlp[i].bias), x, parameters.at(mlp[i].weight).t());
    if (i + 1 < mlp.size()) x = x.relu();
  }
  return x;
}

}  // namespace gogepo
