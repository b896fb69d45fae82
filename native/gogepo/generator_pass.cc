#include "generator_pass.h"

#include <ATen/ops/empty.h>
#include <ATen/ops/empty_like.h>

#include "dense_layers.h"

namespace gogepo {

using at::Tensor;

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

}  // namespace gogepo
