#include "networks.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/empty.h>

namespace gogepo {

using at::Tensor;

Parameters initial_generator(const GeneratorLayout& layout, uint64_t seed, at::Device device) {
  const Tensor host = at::empty({layout.size}, at::kFloat);
  float* const flat = host.mutable_data_ptr<float>();
  uint64_t index = 0;
  for (const Kind& kind : layout.kinds) {
    initialize_mlp(flat, kind.slice, seed, Purpose::generator_init, index);
    initialize_mlp(flat, kind.bias, seed, Purpose::generator_init, index);
  }
  // The embeddings are the rest of the vector.
  Stream stream(seed, Purpose::embedding_init, 0);
  for (int64_t i = layout.layers.front().embedding; i < layout.size; ++i) flat[i] = float(stream.normal());
  return make_parameters(host, device);
}

Parameters initial_critic(const CriticLayout& layout, uint64_t seed, at::Device device) {
  const Tensor host = at::empty({layout.size}, at::kFloat);
  float* const flat = host.mutable_data_ptr<float>();
  // The probing states, if any, come before the value network.
  Stream stream(seed, Purpose::probing_init, 0);
  for (int64_t i = layout.probing_states; i < layout.value.front().weight; ++i) flat[i] = stream.uniform_float();
  uint64_t index = 0;
  initialize_mlp(flat, layout.value, seed, Purpose::critic_init, index);
  return make_parameters(host, device);
}

Parameters initial_policy(const PolicyLayout& layout, uint64_t seed, at::Device device) {
  const Tensor host = at::empty({layout.size}, at::kFloat);
  Mlp mlp;  // the policy as a dense network: its biases follow their weights
  for (const PolicyLayer& layer : layout.layers) mlp.push_back({layer.in, layer.out, layer.weight, layer.bias});
  uint64_t index = 0;
  initialize_mlp(host.mutable_data_ptr<float>(), mlp, seed, Purpose::policy_init, index);
  return make_parameters(host, device);
}

std::vector<PolicyTensors> generate(const Tensor& commands, const NamedViews& rho, const GeneratorLayout& layout,
                                    const Architecture& a) {
  const int64_t batch = commands.size(0), d = a.embedding_size;
  const Tensor scaled = commands / (a.return_max - a.return_min);
  std::vector<PolicyTensors> policies;
  for (const GeneratedLayer& layer : layout.layers) {
    const Kind& kind = layout.kinds[layer.kind];
    const int64_t in = layer.tiles_in, out = layer.tiles_out, tiles = in * out;
    // The input: each tile's embedding with the command appended, (B*tiles, d + 1).
    const Tensor z = rho.at(layer.embedding).reshape({tiles, d});
    const Tensor x = at::cat({z.repeat({batch, 1}), scaled.repeat_interleave(tiles).unsqueeze(1)}, 1);
    // The slices and the biases that each tile proposes.
    const Tensor slices =
        mlp_forward(x, kind.slice, rho).view({batch, in, out, kind.slice_out, kind.slice_in}) * layer.scale;
    const Tensor proposals = mlp_forward(x, kind.bias, rho).view({batch, in, out, kind.slice_out}) * layer.scale;
    // Slice (m, n) is input tile m, output tile n of the weight; the biases proposed for an output tile are averaged.
    policies.push_back({slices.permute({0, 2, 3, 1, 4}).reshape({batch, out * kind.slice_out, in * kind.slice_in}),
                        proposals.mean(1).reshape({batch, out * kind.slice_out})});
  }
  return policies;
}

Tensor fingerprint(const std::vector<PolicyTensors>& policies, const NamedViews& w, const CriticLayout& layout,
                   const Architecture& a) {
  return policy_outputs(policies, w.at(layout.probing_states), a.policy).flatten(1);
}

Tensor value(const std::vector<PolicyTensors>& policies, const NamedViews& w, const CriticLayout& layout,
             const Architecture& a) {
  const Tensor input =
      a.critic_kind == CriticKind::fingerprint ? fingerprint(policies, w, layout, a) : flatten(policies);
  return mlp_forward(input, layout.value, w).squeeze(1);
}

}  // namespace gogepo
