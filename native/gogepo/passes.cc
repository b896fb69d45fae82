#include "passes.h"

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

Tensor relu_backward(const Tensor& by_output, const Tensor& output) {
  return at::threshold_backward(by_output, output, 0);
}

// The dense layers begin to end of a network, with ReLU after each, but not after its last; `inputs` gets what went
// into each.
Tensor forward_layers(Tensor x, const Mlp& mlp, size_t begin, size_t end, const Tensor& flat,
                      std::vector<Tensor>& inputs) {
  inputs.clear();
  for (size_t i = begin; i < end; ++i) {
    inputs.push_back(x);
    const bool last = i + 1 == mlp.size();
    x = last ? at::addmm(bias(flat, mlp[i]), x, weight(flat, mlp[i]).t())
             : at::_addmm_activation(bias(flat, mlp[i]), x, weight(flat, mlp[i]).t());  // ReLU within the product
  }
  return x;
}

// From the gradient by what the last of these layers gives before its ReLU, to that by the input of the first where it
// is wanted. The layers' own gradients are written where there is a place for them.
Tensor backward_layers(Tensor by_output, const Mlp& mlp, size_t begin, size_t end, const Tensor& flat,
                       const std::vector<Tensor>& inputs, const Tensor* gradient, bool wants_input) {
  for (size_t i = end; i-- > begin;) {
    const Tensor& x = inputs[i - begin];
    if (gradient != nullptr) {
      Tensor by_weight = weight(*gradient, mlp[i]), by_bias = bias(*gradient, mlp[i]);
      at::mm_out(by_weight, by_output.t(), x);
      at::sum_out(by_bias, by_output, 0);
    }
    if (i > begin || wants_input) by_output = by_output.mm(weight(flat, mlp[i]));
    if (i > begin) by_output = relu_backward(by_output, x);
  }
  return by_output;
}

// The first layer of a slice or bias network. Its input is an embedding beside a command, so its product is the sum of
// one made for each tile and one made for each command: z (T, d), c (B, 1) -> (B*T, h)
Tensor forward_first(const Tensor& z, const Tensor& c, const Dense& dense, const Tensor& flat) {
  const int64_t d = z.size(1);
  const Tensor W = weight(flat, dense);
  const Tensor of_tiles = at::addmm(bias(flat, dense), z, W.narrow(1, 0, d).t()),
               of_commands = c.mm(W.narrow(1, d, 1).t());
  return (of_tiles.unsqueeze(0) + of_commands.unsqueeze(1)).relu_().flatten(0, 1);
}

// by_output (B*T, h), by the first layer's output -> its gradients; returns that by z (T, d)
Tensor backward_first(const Tensor& by_output, const Tensor& output, const Tensor& z, const Tensor& c,
                      const Dense& dense, const Tensor& flat, const Tensor& gradient) {
  const int64_t d = z.size(1), tiles = z.size(0);
  const Tensor before = relu_backward(by_output, output).view({-1, tiles, dense.out});
  const Tensor by_tile = before.sum(0), by_command = before.sum(1);  // (T, h), (B, h)
  const Tensor by_weight = weight(gradient, dense);
  by_weight.narrow(1, 0, d).copy_(by_tile.t().mm(z));
  by_weight.narrow(1, d, 1).copy_(by_command.t().mm(c));
  Tensor by_bias = bias(gradient, dense);
  at::sum_out(by_bias, by_command, 0);
  return by_tile.mm(weight(flat, dense).narrow(1, 0, d));
}

Tensor join(const std::vector<Tensor>& parts, int64_t dimension) {
  return parts.size() == 1 ? parts[0] : at::cat(parts, dimension);
}

}  // namespace

// ---------------------------------------------------------------- generator

// Where the embeddings of the layers of a kind begin; they follow one another.
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
  for (size_t k = 0; k < layout_.kinds.size(); ++k) {  // kinds come in the order of their layers
    const Kind& kind = layout_.kinds[k];
    KindPass& pass = kinds_[k];
    int64_t tiles = 0;
    const int64_t offset = embedding(k, tiles);
    pass.z = rho.narrow(0, offset, tiles * d).view({tiles, d});

    pass.slice_hidden = forward_first(pass.z, scaled_, kind.slice[0], rho);
    const Tensor slices = forward_layers(pass.slice_hidden, kind.slice, 1, kind.slice.size(), rho, pass.slice_inputs)
                              .view({batch, tiles, kind.slice_out * kind.slice_in});

    // The proposals for an output tile are averaged; the last layer is linear, so what goes into it may be averaged
    // instead.
    pass.bias_hidden = forward_first(pass.z, scaled_, kind.bias[0], rho);
    pass.bias_output = forward_layers(pass.bias_hidden, kind.bias, 1, kind.bias.size() - 1, rho, pass.bias_inputs);
    const Tensor hidden = pass.bias_output.view({batch, tiles, -1});
    std::vector<Tensor> means;  // (B, out, h) each
    int64_t tile = 0;
    for (const GeneratedLayer& layer : layout_.layers)
      if (size_t(layer.kind) == k) {
        const int64_t in = layer.tiles_in, out = layer.tiles_out;
        means.push_back(hidden.narrow(1, tile, in * out).unflatten(1, {in, out}).mean(1));
        tile += in * out;
      }
    const Tensor mean = join(means, 1);  // (B, outs, h)
    pass.bias_mean = mean.flatten(0, 1);
    const Tensor biases = at::addmm(bias(rho, kind.bias.back()), pass.bias_mean, weight(rho, kind.bias.back()).t())
                              .view({batch, mean.size(1), kind.slice_out});

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

void GeneratorPass::backward(const Tensor& rho, const std::vector<PolicyTensors>& by_policies,
                             const Tensor& gradient) const {
  const int64_t batch = scaled_.size(0), d = a_.embedding_size;
  for (size_t k = 0; k < layout_.kinds.size(); ++k) {
    const Kind& kind = layout_.kinds[k];
    const KindPass& pass = kinds_[k];
    std::vector<Tensor> by_slices, by_biases;  // (B, T of a layer, size), (B, out, slice_out)
    for (size_t j = 0; j < layout_.layers.size(); ++j) {
      const GeneratedLayer& layer = layout_.layers[j];
      if (size_t(layer.kind) != k) continue;
      const int64_t in = layer.tiles_in, out = layer.tiles_out;
      const Tensor tiled =
          by_policies[j].weight.view({batch, out, kind.slice_out, in, kind.slice_in}).permute({0, 3, 1, 2, 4});
      by_slices.push_back((tiled * layer.scale).reshape({batch, in * out, int64_t(kind.slice_out) * kind.slice_in}));
      by_biases.push_back((by_policies[j].bias * layer.scale).view({batch, out, kind.slice_out}));
    }
    const Tensor by_slice_hidden = backward_layers(join(by_slices, 1).flatten(0, 1), kind.slice, 1, kind.slice.size(),
                                                   rho, pass.slice_inputs, &gradient, true);
    const Tensor by_embedding =
        backward_first(by_slice_hidden, pass.slice_hidden, pass.z, scaled_, kind.slice[0], rho, gradient);

    const size_t last = kind.bias.size() - 1;
    const Tensor by_mean = backward_layers(join(by_biases, 1).flatten(0, 1), kind.bias, last, last + 1, rho,
                                           {pass.bias_mean}, &gradient, true)
                               .view({batch, -1, kind.bias[last].in});
    std::vector<Tensor> by_hidden;  // (B, T of a layer, h)
    int64_t output = 0;
    for (const GeneratedLayer& layer : layout_.layers)
      if (size_t(layer.kind) == k) {
        const int64_t in = layer.tiles_in, out = layer.tiles_out;
        const Tensor share =
            by_mean.narrow(1, output, out).unsqueeze(1) / double(in);  // every input tile has the same part in the mean
        by_hidden.push_back(
            share.expand({batch, in, out, kind.bias[last].in}).reshape({batch, in * out, kind.bias[last].in}));
        output += out;
      }
    Tensor by_bias_hidden = join(by_hidden, 1).flatten(0, 1);
    if (last > 1) {
      // What was averaged had been through a ReLU, unless that is the first layer's own, which backward_first undoes.
      by_bias_hidden = backward_layers(relu_backward(by_bias_hidden, pass.bias_output), kind.bias, 1, last, rho,
                                       pass.bias_inputs, &gradient, true);
    }
    const Tensor also = backward_first(by_bias_hidden, pass.bias_hidden, pass.z, scaled_, kind.bias[0], rho, gradient);
    int64_t tiles = 0;
    const int64_t offset = embedding(k, tiles);
    Tensor place = gradient.narrow(0, offset, tiles * d).view({tiles, d});
    at::add_out(place, by_embedding, also);
  }
}

// ---------------------------------------------------------------- critic

Tensor CriticPass::states(const Tensor& w) const {
  return w.narrow(0, layout_.probing_states, int64_t(a_.probing_states) * a_.observation_size)
      .view({a_.probing_states, a_.observation_size});
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
    input = (a_.action.discrete ? x : x * scale_ + center_).flatten(1);  // (B, N*A)
  } else {
    input = flatten(policies);
  }
  return forward_layers(input, layout_.value, 0, layout_.value.size(), w, inputs_).squeeze(1);
}

Tensor CriticPass::by_last_layer(const Tensor& by_input) const {
  Tensor by_actions = by_input.view({by_input.size(0), a_.probing_states, a_.action_size});
  if (!a_.action.discrete) by_actions = by_actions * scale_;
  return at::tanh_backward(by_actions, outputs_.back());
}

void CriticPass::backward_critic(const Tensor& w, const std::vector<PolicyTensors>& policies, const Tensor& by_values,
                                 const Tensor& gradient) const {
  const bool looks = a_.critic_kind == CriticKind::fingerprint;
  const Tensor by_input =
      backward_layers(by_values.unsqueeze(1), layout_.value, 0, layout_.value.size(), w, inputs_, &gradient, looks);
  if (!looks) return;
  Tensor before = by_last_layer(by_input);  // (B, N, out)
  for (size_t i = policies.size(); i-- > 1;)
    before = at::tanh_backward(before.bmm(policies[i].weight), outputs_[i - 1]);
  Tensor by_states = states(gradient);
  at::sum_out(by_states, before.bmm(policies.front().weight), 0);  // (N, O)
}

std::vector<PolicyTensors> CriticPass::backward_policies(const Tensor& w, const std::vector<PolicyTensors>& policies,
                                                         const Tensor& by_values) const {
  const int64_t batch = by_values.size(0);
  const Tensor by_input =
      backward_layers(by_values.unsqueeze(1), layout_.value, 0, layout_.value.size(), w, inputs_, nullptr, true);
  if (a_.critic_kind == CriticKind::parameters) return unflatten(by_input, PolicyLayout(a_.policy_sizes()));
  std::vector<PolicyTensors> gradients(policies.size());
  Tensor before = by_last_layer(by_input);
  for (size_t i = policies.size(); i-- > 0;) {
    const Tensor x = i > 0 ? outputs_[i - 1] : states(w).unsqueeze(0).expand({batch, -1, -1});
    gradients[i] = {before.transpose(1, 2).bmm(x), before.sum(1)};
    if (i > 0) before = at::tanh_backward(before.bmm(policies[i].weight), x);
  }
  return gradients;
}

}  // namespace gogepo
