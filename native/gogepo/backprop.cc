#include "backprop.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/_addmm_activation.h>
#include <ATen/ops/addmm.h>
#include <ATen/ops/baddbmm.h>
#include <ATen/ops/bmm.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/mm.h>
#include <ATen/ops/sum.h>
#include <ATen/ops/tanh_backward.h>
#include <ATen/ops/threshold_backward.h>

namespace gogepo {
namespace {

using at::Tensor;

Tensor weight(const Tensor& flat, const Dense& dense) {
  return flat.narrow(0, dense.weight, int64_t(dense.out) * dense.in).view({dense.out, dense.in});
}
Tensor bias(const Tensor& flat, const Dense& dense) { return flat.narrow(0, dense.bias, dense.out); }

Tensor relu_backward(const Tensor& grad_output, const Tensor& output) {
  return at::threshold_backward(grad_output, output, 0);
}

// Layers begin to end of a network, with ReLU after each layer except the network's last. Stores the input of each
// layer in `inputs`.
Tensor forward_layers(Tensor x, const Mlp& mlp, size_t begin, size_t end, const Tensor& flat,
                      std::vector<Tensor>& inputs) {
  inputs.clear();
  for (size_t i = begin; i < end; ++i) {
    inputs.push_back(x);
    const bool last = i + 1 == mlp.size();
    x = last ? at::addmm(bias(flat, mlp[i]), x, weight(flat, mlp[i]).t())
             : at::_addmm_activation(bias(flat, mlp[i]), x, weight(flat, mlp[i]).t());  // ReLU fused into addmm
  }
  return x;
}

// Backward through layers begin to end, from the gradient with respect to the last layer's output before its ReLU.
// Writes the gradients of the layers' parameters unless `gradient` is null. Returns the gradient with respect to the
// input of the first layer if wants_input.
Tensor backward_layers(Tensor grad_output, const Mlp& mlp, size_t begin, size_t end, const Tensor& flat,
                       const std::vector<Tensor>& inputs, const Tensor* gradient, bool wants_input) {
  for (size_t i = end; i-- > begin;) {
    const Tensor& x = inputs[i - begin];
    if (gradient != nullptr) {
      Tensor grad_weight = weight(*gradient, mlp[i]), grad_bias = bias(*gradient, mlp[i]);
      at::mm_out(grad_weight, grad_output.t(), x);
      at::sum_out(grad_bias, grad_output, 0);
    }
    if (i > begin || wants_input) grad_output = grad_output.mm(weight(flat, mlp[i]));
    if (i > begin) grad_output = relu_backward(grad_output, x);
  }
  return grad_output;
}

// The first layer of a slice or bias network. Its input is an embedding with a command appended, so its output is the
// sum of a term per tile and a term per command: z (T, d), c (B, 1) -> (B*T, h)
Tensor forward_first(const Tensor& z, const Tensor& c, const Dense& dense, const Tensor& flat) {
  const int64_t d = z.size(1);
  const Tensor W = weight(flat, dense);
  const Tensor tile_terms = at::addmm(bias(flat, dense), z, W.narrow(1, 0, d).t()),
               command_terms = c.mm(W.narrow(1, d, 1).t());
  return (tile_terms.unsqueeze(0) + command_terms.unsqueeze(1)).relu_().flatten(0, 1);
}

// grad_output (B*T, h): writes the gradients of the first layer's parameters; returns the gradient with respect to z
// (T, d).
Tensor backward_first(const Tensor& grad_output, const Tensor& output, const Tensor& z, const Tensor& c,
                      const Dense& dense, const Tensor& flat, const Tensor& gradient) {
  const int64_t d = z.size(1), tiles = z.size(0);
  const Tensor before = relu_backward(grad_output, output).view({-1, tiles, dense.out});
  const Tensor grad_tile = before.sum(0), grad_command = before.sum(1);  // (T, h), (B, h)
  const Tensor grad_weight = weight(gradient, dense);
  grad_weight.narrow(1, 0, d).copy_(grad_tile.t().mm(z));
  grad_weight.narrow(1, d, 1).copy_(grad_command.t().mm(c));
  Tensor grad_bias = bias(gradient, dense);
  at::sum_out(grad_bias, grad_command, 0);
  return grad_tile.mm(weight(flat, dense).narrow(1, 0, d));
}

Tensor join(const std::vector<Tensor>& parts, int64_t dimension) {
  return parts.size() == 1 ? parts[0] : at::cat(parts, dimension);
}

}  // namespace

// ---------------------------------------------------------------- generator

// The offset of the embeddings of a kind, and their number: its layers are contiguous.
int64_t GeneratorPass::embedding(size_t kind, int64_t& tiles) const {
  int64_t offset = -1;
  tiles = 0;
  for (const GeneratedLayer& layer : layout_.layers)
    if (size_t(layer.kind) == kind) {
      if (offset < 0) offset = layer.embedding;
      tiles += int64_t(layer.tiles_in) * layer.tiles_out;
    }
  return offset;
}

std::vector<PolicyTensors> GeneratorPass::forward(const Tensor& rho, const Tensor& commands) {
  const int64_t batch = commands.size(0), d = a_.embedding_size;
  scaled_ = (commands / (a_.return_max - a_.return_min)).unsqueeze(1);
  kinds_.assign(layout_.kinds.size(), {});
  std::vector<PolicyTensors> policies;
  for (size_t k = 0; k < layout_.kinds.size(); ++k) {  // kinds are in the order of their layers
    const Kind& kind = layout_.kinds[k];
    KindPass& pass = kinds_[k];
    int64_t tiles = 0;
    const int64_t offset = embedding(k, tiles);
    pass.z = rho.narrow(0, offset, tiles * d).view({tiles, d});

    // Slices of all tiles.
    pass.slice_hidden = forward_first(pass.z, scaled_, kind.slice[0], rho);
    const Tensor slices = forward_layers(pass.slice_hidden, kind.slice, 1, kind.slice.size(), rho, pass.slice_inputs)
                              .view({batch, tiles, kind.slice_out * kind.slice_in});

    // Biases. The proposals for an output tile are averaged over the input tiles; the last layer is linear, so its
    // inputs can be averaged instead.
    pass.bias_hidden = forward_first(pass.z, scaled_, kind.bias[0], rho);
    pass.bias_output = forward_layers(pass.bias_hidden, kind.bias, 1, kind.bias.size() - 1, rho, pass.bias_inputs);
    const Tensor hidden = pass.bias_output.view({batch, tiles, -1});
    std::vector<Tensor> means;  // (B, output tiles, h) each
    int64_t tile = 0;
    for (const GeneratedLayer& layer : layout_.layers)
      if (size_t(layer.kind) == k) {
        const int64_t in = layer.tiles_in, out = layer.tiles_out;
        means.push_back(hidden.narrow(1, tile, in * out).unflatten(1, {in, out}).mean(1));
        tile += in * out;
      }
    const Tensor mean = join(means, 1);  // (B, G, h)
    pass.bias_mean = mean.flatten(0, 1);
    const Tensor biases = at::addmm(bias(rho, kind.bias.back()), pass.bias_mean, weight(rho, kind.bias.back()).t())
                              .view({batch, mean.size(1), kind.slice_out});

    // Assemble each layer's weight and bias.
    tile = 0;
    int64_t output = 0;
    for (const GeneratedLayer& layer : layout_.layers)
      if (size_t(layer.kind) == k) {
        const int64_t in = layer.tiles_in, out = layer.tiles_out;
        const Tensor own =
            slices.narrow(1, tile, in * out).view({batch, in, out, kind.slice_out, kind.slice_in}) * layer.scale;
        policies.push_back({own.permute({0, 2, 3, 1, 4}).reshape({batch, out * kind.slice_out, in * kind.slice_in}),
                            (biases.narrow(1, output, out) * layer.scale).reshape({batch, out * kind.slice_out})});
        tile += in * out;
        output += out;
      }
  }
  return policies;
}

void GeneratorPass::backward(const Tensor& rho, const std::vector<PolicyTensors>& grad_policies,
                             const Tensor& gradient) const {
  const int64_t batch = scaled_.size(0), d = a_.embedding_size;
  for (size_t k = 0; k < layout_.kinds.size(); ++k) {
    const Kind& kind = layout_.kinds[k];
    const KindPass& pass = kinds_[k];
    // Split the layers' gradients into tiles.
    std::vector<Tensor> grad_slices, grad_biases;  // (B, tiles, size), (B, output tiles, slice_out) each
    for (size_t j = 0; j < layout_.layers.size(); ++j) {
      const GeneratedLayer& layer = layout_.layers[j];
      if (size_t(layer.kind) != k) continue;
      const int64_t in = layer.tiles_in, out = layer.tiles_out;
      const Tensor tiled =
          grad_policies[j].weight.view({batch, out, kind.slice_out, in, kind.slice_in}).permute({0, 3, 1, 2, 4});
      grad_slices.push_back((tiled * layer.scale).reshape({batch, in * out, int64_t(kind.slice_out) * kind.slice_in}));
      grad_biases.push_back((grad_policies[j].bias * layer.scale).view({batch, out, kind.slice_out}));
    }
    // Slice network.
    const Tensor grad_slice_hidden = backward_layers(join(grad_slices, 1).flatten(0, 1), kind.slice, 1,
                                                     kind.slice.size(), rho, pass.slice_inputs, &gradient, true);
    const Tensor grad_embedding =
        backward_first(grad_slice_hidden, pass.slice_hidden, pass.z, scaled_, kind.slice[0], rho, gradient);

    // Bias network: its last layer, then the average, then the layers before it.
    const size_t last = kind.bias.size() - 1;
    const Tensor grad_mean = backward_layers(join(grad_biases, 1).flatten(0, 1), kind.bias, last, last + 1, rho,
                                             {pass.bias_mean}, &gradient, true)
                                 .view({batch, -1, kind.bias[last].in});
    std::vector<Tensor> grad_hidden;  // (B, tiles, h) each
    int64_t output = 0;
    for (const GeneratedLayer& layer : layout_.layers)
      if (size_t(layer.kind) == k) {
        const int64_t in = layer.tiles_in, out = layer.tiles_out;
        const Tensor share =
            grad_mean.narrow(1, output, out).unsqueeze(1) / double(in);  // every input tile has the same weight
        grad_hidden.push_back(
            share.expand({batch, in, out, kind.bias[last].in}).reshape({batch, in * out, kind.bias[last].in}));
        output += out;
      }
    Tensor grad_bias_hidden = join(grad_hidden, 1).flatten(0, 1);
    if (last > 1) {
      // The averaged activations come out of a ReLU; backward_first handles the one of the first layer.
      grad_bias_hidden = backward_layers(relu_backward(grad_bias_hidden, pass.bias_output), kind.bias, 1, last, rho,
                                         pass.bias_inputs, &gradient, true);
    }
    const Tensor grad_embedding_2 =
        backward_first(grad_bias_hidden, pass.bias_hidden, pass.z, scaled_, kind.bias[0], rho, gradient);
    // Both networks read the embeddings.
    int64_t tiles = 0;
    const int64_t offset = embedding(k, tiles);
    Tensor grad_z = gradient.narrow(0, offset, tiles * d).view({tiles, d});
    at::add_out(grad_z, grad_embedding, grad_embedding_2);
  }
}

// ---------------------------------------------------------------- critic

Tensor CriticPass::states(const Tensor& w) const {
  return w.narrow(0, layout_.probing_states, int64_t(a_.probing_states) * a_.policy.observation_size)
      .view({a_.probing_states, a_.policy.observation_size});
}

Tensor CriticPass::forward(const Tensor& w, const std::vector<PolicyTensors>& policies) {
  outputs_.clear();
  Tensor input;
  if (a_.critic_kind == CriticKind::fingerprint) {
    Tensor x = states(w).unsqueeze(0).expand({policies.front().weight.size(0), -1, -1});  // (B, N, O)
    for (const PolicyTensors& layer : policies) {
      x = at::baddbmm(layer.bias.unsqueeze(1), x, layer.weight.transpose(1, 2)).tanh_();  // (B, N, out)
      outputs_.push_back(x);
    }
    input = (a_.policy.discrete ? x : x * scale_ + center_).flatten(1);  // (B, N*A)
  } else {
    input = flatten(policies);
  }
  return forward_layers(input, layout_.value, 0, layout_.value.size(), w, inputs_).squeeze(1);
}

Tensor CriticPass::grad_last_layer(const Tensor& grad_input) const {
  Tensor grad_actions = grad_input.view({grad_input.size(0), a_.probing_states, a_.policy.action_size});
  if (!a_.policy.discrete) grad_actions = grad_actions * scale_;
  return at::tanh_backward(grad_actions, outputs_.back());
}

void CriticPass::backward_critic(const Tensor& w, const std::vector<PolicyTensors>& policies, const Tensor& grad_values,
                                 const Tensor& gradient) const {
  const bool probes = a_.critic_kind == CriticKind::fingerprint;
  const Tensor grad_input =
      backward_layers(grad_values.unsqueeze(1), layout_.value, 0, layout_.value.size(), w, inputs_, &gradient, probes);
  if (!probes) return;
  Tensor before = grad_last_layer(grad_input);  // (B, N, out)
  for (size_t i = policies.size(); i-- > 1;)
    before = at::tanh_backward(before.bmm(policies[i].weight), outputs_[i - 1]);
  Tensor grad_states = states(gradient);
  at::sum_out(grad_states, before.bmm(policies.front().weight), 0);  // (N, O)
}

std::vector<PolicyTensors> CriticPass::backward_policies(const Tensor& w, const std::vector<PolicyTensors>& policies,
                                                         const Tensor& grad_values) const {
  const int64_t batch = grad_values.size(0);
  const Tensor grad_input =
      backward_layers(grad_values.unsqueeze(1), layout_.value, 0, layout_.value.size(), w, inputs_, nullptr, true);
  if (a_.critic_kind == CriticKind::parameters) return unflatten(grad_input, PolicyLayout(a_.policy));
  std::vector<PolicyTensors> gradients(policies.size());
  Tensor before = grad_last_layer(grad_input);
  for (size_t i = policies.size(); i-- > 0;) {
    const Tensor x = i > 0 ? outputs_[i - 1] : states(w).unsqueeze(0).expand({batch, -1, -1});
    gradients[i] = {before.transpose(1, 2).bmm(x), before.sum(1)};
    if (i > 0) before = at::tanh_backward(before.bmm(policies[i].weight), x);
  }
  return gradients;
}

}  // namespace gogepo
