#include "backprop.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/_addmm_activation.h>
#include <ATen/ops/addmm.h>
#include <ATen/ops/bmm.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/empty_like.h>
#include <ATen/ops/mm.h>

namespace gogepo {
namespace {

using at::Tensor;

constexpr int no_lane = -1;

Tensor weight(const Tensor& flat, const Dense& dense) {
  return flat.narrow(0, dense.weight, int64_t(dense.out) * dense.in).view({dense.out, dense.in});
}
Tensor bias(const Tensor& flat, const Dense& dense) { return flat.narrow(0, dense.bias, dense.out); }

const float* read(const Tensor& x) { return x.const_data_ptr<float>(); }
float* write(const Tensor& x) { return x.mutable_data_ptr<float>(); }

// x (R, C) -> the sums of its columns over each `chunk` of rows (chunks, C), written to `out` if that is given
Tensor column_sums(Work& work, const Tensor& x, int64_t chunk, Tensor out = {}) {
  const int64_t chunks = (x.size(0) + chunk - 1) / chunk;
  if (!out.defined()) out = work.keep(at::empty({chunks, x.size(1)}, x.options()));
  work.run(
      ops::ColumnSums{
          .x = read(x), .sums = write(out), .rows = int(x.size(0)), .columns = int(x.size(1)), .chunk = int(chunk)},
      chunks * ops::eighths(unsigned(x.size(1))));
  return out;
}

// What element-wise operations count in 32 bits.
unsigned elements(const Tensor& x) {
  if (x.numel() > INT32_MAX) throw std::invalid_argument(too_large);
  return unsigned(x.numel());
}

// Whether a dense layer has so few rows that hand-written kernels beat a matrix multiplication.
bool few_rows(const Tensor& x, const Dense& dense) { return x.size(0) <= 32 && dense.in <= 4096 && dense.out <= 4096; }

// x (R, in) -> (R, out)
Tensor dense_layer(Work& work, const Tensor& x, const Dense& dense, const Tensor& flat, bool activation) {
  if (few_rows(x, dense)) {
    const Tensor y = work.keep(at::empty({x.size(0), dense.out}, x.options()));
    work.run(ops::DenseLayer{.x = read(x),
                             .weight = read(flat) + dense.weight,
                             .bias = read(flat) + dense.bias,
                             .y = write(y),
                             .in = dense.in,
                             .out = dense.out,
                             .activation = activation},
             y.numel());
    return y;
  }
  const Tensor W = weight(flat, dense).t(), b = bias(flat, dense);
  return work.keep(activation ? at::_addmm_activation(b, x, W) : at::addmm(b, x, W));
}

// grad_output (R, out) -> the gradient with respect to x (R, in), through the ReLU that x came out of, if it did
Tensor dense_input_gradient(Work& work, const Tensor& grad_output, const Tensor& x, bool activation, const Dense& dense,
                            const Tensor& flat) {
  if (few_rows(x, dense)) {
    const Tensor out = work.keep(at::empty({x.size(0), dense.in}, x.options()));
    work.run(ops::DenseInputGradient{.gradient = read(grad_output),
                                     .weight = read(flat) + dense.weight,
                                     .x = activation ? read(x) : nullptr,
                                     .out_gradient = write(out),
                                     .in = dense.in,
                                     .out = dense.out},
             out.size(0) * ops::eighths(unsigned(dense.in)));
    return out;
  }
  const Tensor out = work.keep(grad_output.mm(weight(flat, dense)));
  if (activation)
    work.run(ops::ActivationGradient{.gradient = write(out), .output = read(x), .size = elements(out), .tanh = false},
             ops::quarter(elements(out)));
  return out;
}

// Writes the gradients of the layer's parameters.
void dense_parameter_gradient(Work& work, const Tensor& grad_output, const Tensor& x, const Dense& dense,
                              const Tensor& gradient) {
  if (few_rows(x, dense))
    return work.run(ops::DenseParameterGradient{.gradient = read(grad_output),
                                                .x = read(x),
                                                .weight = write(gradient) + dense.weight,
                                                .bias = write(gradient) + dense.bias,
                                                .rows = int(x.size(0)),
                                                .in = dense.in,
                                                .out = dense.out},
                    int64_t(dense.out) * (dense.in + 1));
  Tensor grad_weight = weight(gradient, dense);
  at::mm_out(grad_weight, grad_output.t(), x);
  constexpr int64_t chunk = 64;  // in two steps, so that there is enough to do at once
  const Tensor partial = column_sums(work, grad_output, chunk);
  column_sums(work, partial, partial.size(0), bias(gradient, dense));
}

// Layers begin to end of a network, with ReLU after each layer except the network's last. Stores the input of each
// layer in `inputs`.
Tensor forward_layers(Work& work, Tensor x, const Mlp& mlp, size_t begin, size_t end, const Tensor& flat,
                      std::vector<Tensor>& inputs) {
  inputs.clear();
  for (size_t i = begin; i < end; ++i) {
    inputs.push_back(x);
    x = dense_layer(work, x, mlp[i], flat, i + 1 < mlp.size());
  }
  return x;
}

// Backward through layers begin to end, from the gradient with respect to the last layer's output before its ReLU.
// Writes the gradients of the layers' parameters, on a lane of their own, unless that is no_lane. Returns the gradient
// with respect to the input of the first layer if wants_input, not through the ReLU that it came out of.
Tensor backward_layers(Work& work, Tensor grad_output, const Mlp& mlp, size_t begin, size_t end, const Tensor& flat,
                       const std::vector<Tensor>& inputs, const Tensor& gradient, int parameters_lane,
                       bool wants_input) {
  const int lane = work.lane();
  for (size_t i = end; i-- > begin;) {
    const Tensor& x = inputs[i - begin];
    if (parameters_lane != no_lane) {
      work.fork(parameters_lane);
      dense_parameter_gradient(work, grad_output, x, mlp[i], gradient);
      work.enter(lane);
    }
    if (i > begin || wants_input) grad_output = dense_input_gradient(work, grad_output, x, i > begin, mlp[i], flat);
  }
  return grad_output;
}

}  // namespace

// ---------------------------------------------------------------- generator

std::vector<LayerLanes> GeneratorPass::lanes() const {
  std::vector<LayerLanes> lanes;
  for (const GeneratedLayer& layer : layout_.layers) lanes.push_back(lanes_of(size_t(layer.kind)));
  return lanes;
}

std::vector<GeneratorPass::OwnLayer> GeneratorPass::layers_of(size_t kind, int& tiles, int& outputs) const {
  std::vector<OwnLayer> own;
  tiles = outputs = 0;
  for (size_t j = 0; j < layout_.layers.size(); ++j) {
    const GeneratedLayer& layer = layout_.layers[j];
    if (size_t(layer.kind) != kind) continue;
    own.push_back({j,
                   {.tiles = 0,
                    .first = tiles,
                    .tiles_in = layer.tiles_in,
                    .tiles_out = layer.tiles_out,
                    .slice_out = layout_.kinds[kind].slice_out,
                    .slice_in = layout_.kinds[kind].slice_in},
                   outputs});
    tiles += layer.tiles_in * layer.tiles_out;
    outputs += layer.tiles_out;
  }
  for (OwnLayer& layer : own) layer.tiling.tiles = tiles;
  return own;
}

// The embeddings of a kind (T, d), in rho or in its gradient: its layers are contiguous.
Tensor GeneratorPass::embeddings(size_t kind, const Tensor& flat) const {
  int tiles = 0, outputs = 0;
  const std::vector<OwnLayer> own = layers_of(kind, tiles, outputs);
  const int64_t d = a_.embedding_size;
  return flat.narrow(0, layout_.layers[own.front().index].embedding, tiles * d).view({tiles, d});
}

// The first layer of a slice or bias network. Its input is an embedding with a command appended: z (T, d) -> (B*T, h)
Tensor GeneratorPass::first_layer(const Tensor& z, const Dense& dense, const Tensor& rho) {
  const int64_t rows = commands_.size(0) * z.size(0);
  const Tensor out = work_.keep(at::empty({rows, dense.out}, z.options()));
  work_.run(ops::FirstLayer{.z = read(z),
                            .command = read(commands_),
                            .weight = read(rho) + dense.weight,
                            .bias = read(rho) + dense.bias,
                            .out = write(out),
                            .batch = int(commands_.size(0)),
                            .tiles = int(z.size(0)),
                            .embedding = int(z.size(1)),
                            .width = dense.out},
            z.size(0) * dense.out);
  return out;
}

// grad_output (B*T, h), of the layer's output after its ReLU: writes the gradients of its parameters.
GeneratorPass::FirstSums GeneratorPass::first_gradient(const Tensor& grad_output, const Tensor& output, const Tensor& z,
                                                       const Dense& dense, const Tensor& rho, const Tensor& gradient,
                                                       int parameters_lane) {
  const int64_t tiles = z.size(0);
  const Tensor sum = work_.keep(at::empty({tiles, dense.out}, z.options())),
               weighted = work_.keep(at::empty({tiles, dense.out}, z.options()));
  work_.run(ops::TileGradient{.gradient = read(grad_output),
                              .output = read(output),
                              .command = read(commands_),
                              .sum = write(sum),
                              .weighted = write(weighted),
                              .batch = int(commands_.size(0)),
                              .size = int(sum.numel())},
            sum.numel());
  const int lane = work_.lane();
  work_.fork(parameters_lane);
  work_.run(ops::FirstParameterGradient{.sum = read(sum),
                                        .weighted = read(weighted),
                                        .z = read(z),
                                        .weight = write(gradient) + dense.weight,
                                        .bias = write(gradient) + dense.bias,
                                        .tiles = int(tiles),
                                        .embedding = int(z.size(1)),
                                        .width = dense.out},
            (z.size(1) + 2) * ops::eighths(unsigned(dense.out)));
  work_.enter(lane);
  return {sum, read(rho) + dense.weight};
}

std::vector<PolicyTensors> GeneratorPass::forward(const Tensor& rho, const Tensor& commands) {
  commands_ = commands;
  kinds_.assign(layout_.kinds.size(), {});
  ready_.assign(layout_.layers.size(), {});
  std::vector<PolicyTensors> policies(layout_.layers.size());
  for (size_t k = 0; k < layout_.kinds.size(); ++k) {
    kinds_[k].z = embeddings(k, rho);
    work_.fork(lanes_of(k).weight);
    generate_weights(k, rho, policies);
    work_.enter(0);
    work_.fork(lanes_of(k).bias);
    generate_biases(k, rho, policies);
    work_.enter(0);
  }
  return policies;
}

// The slices of all tiles of a kind, assembled into its layers' weights.
void GeneratorPass::generate_weights(size_t k, const Tensor& rho, std::vector<PolicyTensors>& policies) {
  const int64_t batch = commands_.size(0);
  const Kind& kind = layout_.kinds[k];
  KindPass& pass = kinds_[k];
  pass.slice_hidden = first_layer(pass.z, kind.slice[0], rho);
  const Tensor slices =  // (B*T, slice_out * slice_in)
      forward_layers(work_, pass.slice_hidden, kind.slice, 1, kind.slice.size(), rho, pass.slice_inputs);
  int tiles = 0, outputs = 0;
  for (const OwnLayer& layer : layers_of(k, tiles, outputs)) {
    const ops::Tiling& t = layer.tiling;
    Tensor& out = policies[layer.index].weight =
        work_.keep(at::empty({batch, t.tiles_out * t.slice_out, t.tiles_in * t.slice_in}, rho.options()));
    work_.run(ops::Assemble{.tiling = t,
                            .slices = read(slices),
                            .weight = write(out),
                            .batch = int(batch),
                            .scale = float(layout_.layers[layer.index].scale)},
              t.weights());
    ready_[layer.index].push_back(work_.point());
  }
}

// The proposals for an output tile's biases are averaged over the input tiles; the last layer is linear, so its inputs
// can be averaged instead.
void GeneratorPass::generate_biases(size_t k, const Tensor& rho, std::vector<PolicyTensors>& policies) {
  const int64_t batch = commands_.size(0);
  const Kind& kind = layout_.kinds[k];
  KindPass& pass = kinds_[k];
  int tiles = 0, outputs = 0;
  const std::vector<OwnLayer> own = layers_of(k, tiles, outputs);
  pass.bias_hidden = first_layer(pass.z, kind.bias[0], rho);
  pass.bias_output = forward_layers(work_, pass.bias_hidden, kind.bias, 1, kind.bias.size() - 1, rho, pass.bias_inputs);
  const int width = kind.bias.back().in;
  pass.bias_mean = work_.keep(at::empty({batch * outputs, width}, rho.options()));
  for (const OwnLayer& layer : own)
    work_.run(ops::Average{.tiling = layer.tiling,
                           .hidden = read(pass.bias_output),
                           .mean = write(pass.bias_mean),
                           .outputs = outputs,
                           .first = layer.first_output,
                           .width = width},
              batch * layer.tiling.tiles_out * width);
  const Tensor biases = dense_layer(work_, pass.bias_mean, kind.bias.back(), rho, false);  // (B*G, slice_out)
  for (const OwnLayer& layer : own) {
    const int size = layer.tiling.tiles_out * kind.slice_out;
    Tensor& out = policies[layer.index].bias = work_.keep(at::empty({batch, size}, rho.options()));
    work_.run(ops::ScaleRows{.from = read(biases) + layer.first_output * kind.slice_out,
                             .to = write(out),
                             .from_stride = outputs * kind.slice_out,
                             .to_stride = size,
                             .size = size,
                             .scale = float(layout_.layers[layer.index].scale)},
              out.numel());
    ready_[layer.index].push_back(work_.point());
  }
}

void GeneratorPass::backward(const Tensor& rho, const std::vector<PolicyTensors>& grad_policies,
                             const Tensor& gradient) {
  const int64_t batch = commands_.size(0);
  for (size_t k = layout_.kinds.size(); k-- > 0;) {
    const Kind& kind = layout_.kinds[k];
    const KindPass& pass = kinds_[k];
    const LayerLanes lanes = lanes_of(k);
    int tiles = 0, outputs = 0;
    const std::vector<OwnLayer> own = layers_of(k, tiles, outputs);

    // Slice network: the gradient of the layers' weights is taken apart into that of the tiles' slices.
    work_.enter(lanes.weight);
    const Tensor grad_slices = work_.keep(at::empty({batch * tiles, kind.slice_out * kind.slice_in}, rho.options()));
    for (const OwnLayer& layer : own) {
      const Tensor& grad = grad_policies[layer.index].weight;
      work_.run(ops::Disassemble{.tiling = layer.tiling,
                                 .weight = read(grad),
                                 .stride = grad.stride(0),
                                 .slices = write(grad_slices),
                                 .batch = int(batch),
                                 .scale = float(layout_.layers[layer.index].scale)},
                layer.tiling.weights());
    }
    const Tensor grad_slice_hidden = backward_layers(work_, grad_slices, kind.slice, 1, kind.slice.size(), rho,
                                                     pass.slice_inputs, gradient, lanes.weight_parameters, true);
    const FirstSums slice = first_gradient(grad_slice_hidden, pass.slice_hidden, pass.z, kind.slice[0], rho, gradient,
                                           lanes.weight_parameters);

    // Bias network: its last layer, then the average, then the layers before it.
    work_.enter(lanes.bias);
    const Tensor grad_biases = work_.keep(at::empty({batch * outputs, kind.slice_out}, rho.options()));
    for (const OwnLayer& layer : own) {
      const Tensor& grad = grad_policies[layer.index].bias;
      const int size = layer.tiling.tiles_out * kind.slice_out;
      work_.run(ops::ScaleRows{.from = read(grad),
                               .to = write(grad_biases) + layer.first_output * kind.slice_out,
                               .from_stride = grad.stride(0),
                               .to_stride = outputs * kind.slice_out,
                               .size = size,
                               .scale = float(layout_.layers[layer.index].scale)},
                batch * size);
    }
    const size_t last = kind.bias.size() - 1;
    const Tensor grad_mean = backward_layers(work_, grad_biases, kind.bias, last, last + 1, rho, {pass.bias_mean},
                                             gradient, lanes.bias_parameters, true);
    Tensor grad_hidden = work_.keep(at::empty_like(pass.bias_output));
    for (const OwnLayer& layer : own)
      work_.run(ops::Spread{.tiling = layer.tiling,
                            .hidden = read(pass.bias_output),
                            .mean = read(grad_mean),
                            .gradient = write(grad_hidden),
                            .batch = int(batch),
                            .outputs = outputs,
                            .first = layer.first_output,
                            .width = kind.bias[last].in},
                int64_t(layer.tiling.tiles_in) * layer.tiling.tiles_out * kind.bias[last].in);
    if (last > 1)
      grad_hidden = backward_layers(work_, grad_hidden, kind.bias, 1, last, rho, pass.bias_inputs, gradient,
                                    lanes.bias_parameters, true);
    const FirstSums bias =
        first_gradient(grad_hidden, pass.bias_hidden, pass.z, kind.bias[0], rho, gradient, lanes.bias_parameters);

    // Both networks read the embeddings.
    work_.fork(lanes.weight);
    const Tensor grad_z = embeddings(k, gradient);
    work_.run(ops::EmbeddingGradient{.sum = {read(slice.sum), read(bias.sum)},
                                     .weight = {slice.weight, bias.weight},
                                     .z = write(grad_z),
                                     .embedding = a_.embedding_size,
                                     .width = kind.slice[0].out},
              grad_z.numel());
    work_.enter(0);
  }
}

// ---------------------------------------------------------------- critic

Tensor CriticPass::states(const Tensor& w) const {
  return w.narrow(0, layout_.probing_states, int64_t(a_.probing_states) * a_.policy.observation_size)
      .view({a_.probing_states, a_.policy.observation_size});
}

Tensor CriticPass::forward(const Tensor& w, const std::vector<PolicyTensors>& policies, GeneratorPass* generator) {
  const int64_t batch = policies.front().weight.size(0), N = a_.probing_states;
  outputs_.clear();
  Tensor input;
  if (a_.critic_kind == CriticKind::fingerprint) {
    Tensor x = states(w).unsqueeze(0).expand({batch, -1, -1});  // (B, N, O)
    for (size_t i = 0; i < policies.size(); ++i) {
      const PolicyTensors& layer = policies[i];
      const int64_t out = layer.weight.size(1);
      if (generator != nullptr) generator->wait_for(i);
      if (i + 1 < policies.size()) {
        x = work_.keep(x.bmm(layer.weight.transpose(1, 2)));  // (B, N, out)
        work_.run(ops::BiasTanh{.x = write(x),
                                .bias = read(layer.bias),
                                .stride = layer.bias.stride(0),
                                .states = int(N),
                                .width = int(out)},
                  batch * ops::eighths(unsigned(N)) * out);
        outputs_.push_back(x);
      } else {
        const bool scaled = !a_.policy.discrete;
        const Tensor y = work_.keep(at::empty({batch, N, out}, w.options()));
        input = scaled ? work_.keep(at::empty_like(y)) : y;
        work_.run(ops::OutputLayer{.x = read(x),
                                   .weight = read(layer.weight),
                                   .bias = read(layer.bias),
                                   .weight_stride = layer.weight.stride(0),
                                   .bias_stride = layer.bias.stride(0),
                                   .scale = scaled ? read(scale_) : nullptr,
                                   .center = scaled ? read(center_) : nullptr,
                                   .y = write(y),
                                   .actions = write(input),
                                   .states = int(N),
                                   .in = int(layer.weight.size(2)),
                                   .out = int(out)},
                  batch * N);
        outputs_.push_back(y);
        input = input.flatten(1);  // (B, N*A)
      }
    }
  } else {
    for (size_t i = 0; generator != nullptr && i < policies.size(); ++i) generator->wait_for(i);
    input = work_.keep(flatten(policies));
  }
  return forward_layers(work_, input, layout_.value, 0, layout_.value.size(), w, inputs_).squeeze(1);
}

Tensor CriticPass::grad_last_layer(const Tensor& grad_input) {
  const Tensor before = work_.keep(at::empty_like(outputs_.back()));
  work_.run(ops::ActionGradient{.gradient = read(grad_input),
                                .y = read(outputs_.back()),
                                .scale = a_.policy.discrete ? nullptr : read(scale_),
                                .before = write(before),
                                .out = a_.policy.action_size},
            before.numel());
  return before;
}

Tensor CriticPass::grad_layer_below(size_t i, const Tensor& before, const Tensor& weight) {
  const Tensor& x = outputs_[i - 1];  // (B, N, in)
  constexpr int64_t few_outputs = 8;
  if (before.size(2) <= few_outputs) {
    const Tensor below = work_.keep(at::empty_like(x));
    work_.run(ops::OutputLayerGradient{.gradient = read(before),
                                       .weight = read(weight),
                                       .x = read(x),
                                       .stride = weight.stride(0),
                                       .before = write(below),
                                       .states = a_.probing_states,
                                       .in = int(x.size(2)),
                                       .out = int(before.size(2))},
              x.size(0) * ops::eighths(unsigned(x.size(1))) * x.size(2));
    return below;
  }
  const Tensor below = work_.keep(before.bmm(weight));
  work_.run(ops::ActivationGradient{.gradient = write(below), .output = read(x), .size = elements(below), .tanh = true},
            ops::quarter(elements(below)));
  return below;
}

void CriticPass::backward_critic(const Tensor& w, const std::vector<PolicyTensors>& policies, const Tensor& grad_values,
                                 const Tensor& gradient) {
  const bool probes = a_.critic_kind == CriticKind::fingerprint;
  constexpr int parameters_lane = 1;
  const Tensor grad_input = backward_layers(work_, grad_values.unsqueeze(1), layout_.value, 0, layout_.value.size(), w,
                                            inputs_, gradient, parameters_lane, probes);
  if (!probes) return;
  Tensor before = grad_last_layer(grad_input);  // (B, N, out)
  for (size_t i = policies.size(); i-- > 1;) before = grad_layer_below(i, before, policies[i].weight);
  const Tensor grad_states = states(gradient);
  const Tensor by_policy = work_.keep(before.bmm(policies.front().weight));  // (B, N, O)
  column_sums(work_, by_policy.flatten(1), by_policy.size(0), grad_states);
}

std::vector<PolicyTensors> CriticPass::backward_policies(const Tensor& w, const std::vector<PolicyTensors>& policies,
                                                         const Tensor& grad_values,
                                                         const std::vector<LayerLanes>& lanes) {
  const int64_t batch = grad_values.size(0);
  const Tensor grad_input = backward_layers(work_, grad_values.unsqueeze(1), layout_.value, 0, layout_.value.size(), w,
                                            inputs_, {}, no_lane, true);
  std::vector<PolicyTensors> gradients(policies.size());
  if (a_.critic_kind == CriticKind::parameters) {
    gradients = unflatten(grad_input, PolicyLayout(a_.policy));
    for (const LayerLanes& own : lanes)
      for (const int lane : {own.weight, own.bias}) work_.fork(lane), work_.enter(0);
    return gradients;
  }
  Tensor before = grad_last_layer(grad_input);  // (B, N, out)
  for (size_t i = policies.size(); i-- > 0;) {
    const Tensor x = i > 0 ? outputs_[i - 1] : states(w).unsqueeze(0).expand({batch, -1, -1});
    work_.fork(lanes[i].weight);
    gradients[i].weight = work_.keep(before.transpose(1, 2).bmm(x));
    work_.enter(0);
    work_.fork(lanes[i].bias);
    gradients[i].bias = column_sums(work_, before.flatten(0, 1), before.size(1));  // (B, out)
    work_.enter(0);
    if (i > 0) before = grad_layer_below(i, before, policies[i].weight);
  }
  return gradients;
}

}  // namespace gogepo
