#include "networks.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/addmm.h>
#include <ATen/ops/cat.h>

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

std::vector<PolicyTensors> generate(const Tensor& commands, const NamedViews& rho, const GeneratorLayout& layout,
                                    const Architecture& a) {
  const int64_t batch = commands.size(0), d = a.embedding_size;
  const Tensor scaled = commands / (a.return_max - a.return_min);
  std::vector<PolicyTensors> policies;
  for (const GeneratedLayer& layer : layout.layers) {
    const Kind& kind = layout.kinds[layer.kind];
    const int64_t in = layer.tiles_in, out = layer.tiles_out, tiles = in * out;
    const Tensor z = rho.at(layer.embedding).reshape({tiles, d});
    const Tensor x =
        at::cat({z.repeat({batch, 1}), scaled.repeat_interleave(tiles).unsqueeze(1)}, 1);  // (B*tiles, d + 1)
    const Tensor slices =
        mlp_forward(x, kind.slice, rho).view({batch, in, out, kind.slice_out, kind.slice_in}) * layer.scale;
    const Tensor proposals = mlp_forward(x, kind.bias, rho).view({batch, in, out, kind.slice_out}) * layer.scale;
    // slice (m, n) is input tile m, output tile n of the weight; the biases proposed for an output tile are averaged
    policies.push_back({slices.permute({0, 2, 3, 1, 4}).reshape({batch, out * kind.slice_out, in * kind.slice_in}),
                        proposals.mean(1).reshape({batch, out * kind.slice_out})});
  }
  return policies;
}

Tensor fingerprint(const std::vector<PolicyTensors>& policies, const NamedViews& w, const CriticLayout& layout,
                   const Architecture& a) {
  return policy_actions(policies, w.at(layout.probing_states), a.action).flatten(1);
}

Tensor value(const std::vector<PolicyTensors>& policies, const NamedViews& w, const CriticLayout& layout,
             const Architecture& a) {
  const Tensor input =
      a.critic_kind == CriticKind::fingerprint ? fingerprint(policies, w, layout, a) : flatten(policies);
  return mlp_forward(input, layout.value, w).squeeze(1);
}

}  // namespace gogepo
