#include "generator.h"

#include <bit>
#include <stdexcept>

namespace gogepo::kernels {
namespace {

constexpr int64_t kSumPiece = 16384;  // parameters per piece when gradient sums are added up
constexpr int64_t kGroupRows = 128;   // a matrix multiplication with this many rows runs at full speed

}  // namespace

Generator::Generator(const Kernels& kernels, const Architecture& a)
    : kernels_(kernels),
      layout_(a),
      policy_(a.policy),
      embedding_size_(a.embedding_size),
      return_range_(float(a.return_max - a.return_min)) {
  if (a.generator_hidden.empty())
    throw std::invalid_argument("generatorHidden: expected at least one hidden layer, got none");
  const int width = kernels_.width;

  // Policy layers of the same kind share their networks: assign each layer's tiles a range of rows.
  tiles_.resize(layout_.kinds.size());
  for (size_t j = 0; j < layout_.layers.size(); ++j) {
    const GeneratedLayer& layer = layout_.layers[j];
    auto& tiles = tiles_[layer.kind];
    Tiles here{int64_t(j), 0, 0, layer.tiles_in, layer.tiles_out};
    if (!tiles.empty()) {
      here.row = tiles.back().row + tiles.back().in * tiles.back().out;
      here.output_row = tiles.back().output_row + tiles.back().out;
    }
    tiles.push_back(here);
  }

  // A slice network and a bias network per kind, in this order.
  for (size_t kind = 0; kind < layout_.kinds.size(); ++kind)
    for (bool is_bias : {false, true}) {
      Network network;
      network.mlp = is_bias ? layout_.kinds[kind].bias : layout_.kinds[kind].slice;
      network.kind = int(kind);
      network.is_bias = is_bias;
      const Tiles& last = tiles_[kind].back();
      network.rows = last.row + last.in * last.out;
      network.output_rows = is_bias ? last.output_row + last.out : network.rows;
      // A power of two divides the chunks of commands evenly, so that no group spans two chunks.
      network.group =
          std::min(kMaxCommands, int64_t(std::bit_floor(uint64_t(std::max<int64_t>(1, kGroupRows / network.rows)))));

      // Packed weights, one work piece per panel. The command column of the first layer is kept separately.
      for (size_t i = 0; i < network.mlp.size(); ++i) {
        const Dense& dense = network.mlp[i];
        network.layers.emplace_back(width, i == 0 ? embedding_size_ : dense.in, dense.out, dense.in);
        for (int64_t p = 0; p < network.layers[i].pieces(width); ++p) pack_pieces_.push_back({networks_.size(), i, p});
      }
      const int64_t first = network.mlp[0].out;
      network.command_column.resize(padded(first, width));
      network.z = Matrix(width, network.rows, embedding_size_);
      network.embedded = Matrix(width, network.rows, first);
      network.first_gradient = Matrix(width, network.rows, first);
      network.z_gradient = Matrix(width, network.rows, embedding_size_);

      // Work pieces for adding up gradient sums: first the gradient before the first ReLU, then ranges of the flat one.
      const int64_t begin = network.mlp.front().weight, end = network.mlp.back().bias + network.mlp.back().out;
      sum_pieces_.push_back({int64_t(networks_.size()), 0, 0});
      for (int64_t at = begin; at < end; at += kSumPiece)
        sum_pieces_.push_back({int64_t(networks_.size()), at, std::min(kSumPiece, end - at)});
      networks_.push_back(std::move(network));
    }
}

Generator::Scratch Generator::make_scratch(int64_t n) const {
  const Network& network = networks_[n];
  Scratch scratch;
  for (size_t i = 0; i + 1 < network.mlp.size(); ++i)
    scratch.hidden.emplace_back(kernels_.width, network.group * network.rows, network.mlp[i].out);
  if (network.is_bias)
    scratch.average = Matrix(kernels_.width, network.group * network.output_rows, network.mlp.back().in);
  scratch.out = Matrix(kernels_.width, network.group * network.output_rows, network.mlp.back().out);
  size_t widest = 0;
  for (const PackedDense& layer : network.layers) widest = std::max(widest, layer.bias.size());
  scratch.column_sums.resize(widest);
  return scratch;
}

Generator::GradientSum Generator::make_gradient_sum() const {
  GradientSum sum{AlignedBuffer(layout_.size), {}};
  for (const Network& network : networks_) sum.first.emplace_back(kernels_.width, network.rows, network.mlp[0].out);
  return sum;
}

void Generator::pack_piece(const float* rho, int64_t piece) {
  const auto [n, i, index] = pack_pieces_[piece];
  Network& network = networks_[n];
  const Dense& dense = network.mlp[i];
  network.layers[i].pack_piece(kernels_, rho + dense.weight, rho + dense.bias, index);

  // The piece with the first panel also copies the command column and the embeddings.
  if (i > 0 || index > 0) return;
  for (int o = 0; o < dense.out; ++o)
    network.command_column[o] = rho[dense.weight + int64_t(o) * dense.in + embedding_size_];
  for (const Tiles& tiles : tiles_[network.kind])
    kernels_.pack(rho + layout_.layers[tiles.layer].embedding, embedding_size_,
                  rows_of(network.z, kernels_.width, tiles.row, tiles.in * tiles.out));
}

void Generator::embed(int64_t n) {
  Network& network = networks_[n];
  kernels_.multiply(network.z, network.layers[0].forward, network.embedded, network.layers[0].bias.data(),
                    Epilogue::none, {});
}

// Pairs the last hidden layer of a bias network with its average over the input tiles. Calls visit(hidden, average,
// size, m, tiles_in) for each panel, command and input tile m of tiles_in; a block of `size` floats covers all output
// tiles.
template <class Visit>
void Generator::for_each_average(const Network& network, const Scratch& scratch, int64_t count,
                                 const Visit& visit) const {
  const Panels &hidden = scratch.hidden.back(), &average = scratch.average;
  for (int64_t p = 0; p < panel_count(hidden, kernels_.width); ++p)
    for (int64_t c = 0; c < count; ++c)
      for (const Tiles& tiles : tiles_[network.kind])
        for (int64_t m = 0; m < tiles.in; ++m)
          visit(hidden.data + p * hidden.stride + (c * network.rows + tiles.row + m * tiles.out) * kernels_.width,
                average.data + p * average.stride + (c * network.output_rows + tiles.output_row) * kernels_.width,
                tiles.out * kernels_.width, m, tiles.in);
}

// Maps a network's output to theta. Calls visit(x, at, count, scale) for each span of `count` elements that is
// contiguous both in `out`, at pointer x, and in theta, at offset `at`.
template <class Visit>
void Generator::for_each_theta_span(const Network& network, const Panels& out, int64_t command,
                                    const Visit& visit) const {
  const Kind& kind = layout_.kinds[network.kind];
  const int64_t start = command * network.output_rows;
  for (const Tiles& tiles : tiles_[network.kind]) {
    const PolicyLayer& layer = policy_.layers[tiles.layer];
    const float scale = float(layout_.layers[tiles.layer].scale);
    if (network.is_bias) {
      for (int64_t n = 0; n < tiles.out; ++n)
        for_each_span(out, kernels_.width, start + tiles.output_row + n, 0, kind.slice_out,
                      [&](float* x, int64_t done, int64_t count) {
                        visit(x, layer.bias + n * kind.slice_out + done, count, scale);
                      });
      continue;
    }
    for (int64_t m = 0; m < tiles.in; ++m)
      for (int64_t n = 0; n < tiles.out; ++n) {
        // Row o of the slice is contiguous in theta, but is split where a panel of `out` ends.
        float* x = at(out, kernels_.width, start + tiles.row + m * tiles.out + n, 0);
        int64_t left = kernels_.width;
        for (int o = 0; o < kind.slice_out; ++o) {
          int64_t to = layer.weight + (n * kind.slice_out + o) * layer.in + m * kind.slice_in;
          for (int64_t wanted = kind.slice_in; wanted > 0;) {
            if (left == 0) {
              x += out.stride - kernels_.width;
              left = kernels_.width;
            }
            const int64_t size = std::min(wanted, left);
            visit(x, to, size, scale);
            to += size;
            wanted -= size;
            x += size;
            left -= size;
          }
        }
      }
  }
}

void Generator::forward(int64_t n, const float* commands, int64_t count, Scratch& scratch, float* thetas) const {
  const Network& network = networks_[n];
  const int width = kernels_.width;
  const size_t last = network.layers.size() - 1;
  const auto rows = [&](const Panels& m) { return rows_of(m, width, 0, count * network.rows); };
  const auto output_rows = [&](const Panels& m) { return rows_of(m, width, 0, count * network.output_rows); };

  // First layer: add the command's contribution to the precomputed one of the embeddings, then ReLU.
  for (int64_t c = 0; c < count; ++c)
    kernels_.relu_shifted(network.embedded, network.command_column.data(), commands[c] / return_range_,
                          rows_of(scratch.hidden[0], width, c * network.rows, network.rows));

  // Remaining hidden layers.
  for (size_t i = 1; i < last; ++i)
    kernels_.multiply(rows(scratch.hidden[i - 1]), network.layers[i].forward, rows(scratch.hidden[i]),
                      network.layers[i].bias.data(), Epilogue::relu, {});

  // Bias network: average over input tiles, m = 0 first.
  if (network.is_bias)
    for_each_average(network, scratch, count,
                     [&](const float* hidden, float* average, int64_t block, int64_t m, int64_t tiles_in) {
                       if (m == 0)
                         std::copy_n(hidden, block, average);
                       else
                         kernels_.add(hidden, average, block);
                       if (m + 1 == tiles_in) kernels_.scale(average, 1.0f / float(tiles_in), average, block);
                     });

  // Last layer, linear.
  kernels_.multiply(output_rows(network.is_bias ? scratch.average : scratch.hidden.back()),
                    network.layers[last].forward, output_rows(scratch.out), network.layers[last].bias.data(),
                    Epilogue::none, {});

  // Scale the tiles and write them to their places in theta.
  for (int64_t c = 0; c < count; ++c) {
    float* theta = thetas + c * policy_.size;
    for_each_theta_span(network, scratch.out, c, [&](const float* x, int64_t to, int64_t size, float scale) {
      for (int64_t i = 0; i < size; ++i) theta[to + i] = scale * x[i];
    });
  }
}

void Generator::set_output_gradient(int64_t n, int64_t command, const float* theta_gradient, Scratch& scratch) const {
  for_each_theta_span(networks_[n], scratch.out, command, [&](float* x, int64_t from, int64_t size, float scale) {
    for (int64_t i = 0; i < size; ++i) x[i] = scale * theta_gradient[from + i];
  });
}

void Generator::backward(int64_t n, const float* commands, int64_t count, Scratch& scratch, bool add,
                         GradientSum& sum) const {
  const Network& network = networks_[n];
  const int width = kernels_.width;
  const size_t last = network.layers.size() - 1;
  const auto rows = [&](const Panels& m) { return rows_of(m, width, 0, count * network.rows); };
  const auto output_rows = [&](const Panels& m) { return rows_of(m, width, 0, count * network.output_rows); };
  float* gradient = sum.flat.data();
  // Gradients of layer i's weights (delta^T input) and bias (sum of delta over the rows).
  const auto add_weights = [&](size_t i, const Panels& delta, const Panels& input) {
    const Dense& dense = network.mlp[i];
    kernels_.multiply_transposed(delta, input, gradient + dense.weight, dense.in, add);
    kernels_.column_sums(delta, scratch.column_sums.data());
    for (int o = 0; o < dense.out; ++o)
      gradient[dense.bias + o] = (add ? gradient[dense.bias + o] : 0) + scratch.column_sums[o];
  };

  // Last layer. From here on, each gradient overwrites the activations it belongs to.
  const Panels out = output_rows(scratch.out), hidden = rows(scratch.hidden.back());
  if (network.is_bias) {
    const Panels average = output_rows(scratch.average);
    add_weights(last, out, average);
    kernels_.multiply(out, network.layers[last].backward, average, nullptr, Epilogue::none, {});
    for_each_average(network, scratch, count,
                     [&](float* activations, const float* gradients, int64_t block, int64_t, int64_t tiles_in) {
                       kernels_.scale_by_relu_derivative(gradients, 1.0f / float(tiles_in), activations, activations,
                                                         block);
                     });
  } else {
    add_weights(last, out, hidden);
    kernels_.multiply(out, network.layers[last].backward, hidden, nullptr, Epilogue::relu_derivative, hidden);
  }

  // Hidden layers, from the last to the second.
  for (size_t i = last - 1; i > 0; --i) {
    const Panels delta = rows(scratch.hidden[i]), input = rows(scratch.hidden[i - 1]);
    add_weights(i, delta, input);
    kernels_.multiply(delta, network.layers[i].backward, input, nullptr, Epilogue::relu_derivative, input);
  }

  // First layer: bias and command column now; the gradient before its ReLU is only added up over commands.
  // finish_first_layer() multiplies the total by the embeddings.
  const Dense& first = network.mlp[0];
  const Panels& to = sum.first[n];
  for (int64_t c = 0; c < count; ++c) {
    const bool adds = add || c > 0;
    const Panels delta = rows_of(scratch.hidden[0], width, c * network.rows, network.rows);
    kernels_.column_sums(delta, scratch.column_sums.data());
    for (int o = 0; o < first.out; ++o) {
      float &bias = gradient[first.bias + o],
            &column = gradient[first.weight + int64_t(o) * first.in + embedding_size_];
      bias = (adds ? bias : 0) + scratch.column_sums[o];
      column = (adds ? column : 0) + commands[c] / return_range_ * scratch.column_sums[o];
    }
    for (int64_t p = 0; p < panel_count(to, width); ++p) {
      const float* from = delta.data + p * delta.stride;
      if (adds)
        kernels_.add(from, to.data + p * to.stride, network.rows * width);
      else
        std::copy_n(from, network.rows * width, to.data + p * to.stride);
    }
  }
}

void Generator::sum_piece(const std::vector<const GradientSum*>& gradient_sums, const std::vector<int64_t>& counts,
                          int64_t piece, float* gradient) {
  const auto [n, first, size] = sum_pieces_[piece];
  std::vector<const float*> from;
  for (int64_t i = 0; i < counts[n]; ++i)
    from.push_back(size ? gradient_sums[i]->flat.data() + first : gradient_sums[i]->first[n]->data);
  const Panels& to = networks_[n].first_gradient;
  kernels_.sum(from.data(), int(from.size()), size ? gradient + first : to.data,
               size ? size : to.rows * padded(to.cols, kernels_.width));
}

void Generator::finish_first_layer(int64_t n, float* gradient) {
  Network& network = networks_[n];
  // The command column already has its gradient: network.z has d columns, so column d of the weights is not touched.
  const Dense& first = network.mlp[0];
  kernels_.multiply_transposed(network.first_gradient, network.z, gradient + first.weight, first.in, false);
  kernels_.multiply(network.first_gradient, network.layers[0].backward, network.z_gradient, nullptr, Epilogue::none,
                    {});
}

void Generator::write_embedding_gradient(float* gradient) const {
  // Slice and bias network of a kind, at n and n + 1, read the same embeddings.
  for (size_t n = 0; n < networks_.size(); n += 2) {
    const Panels &slice = networks_[n].z_gradient, &bias = networks_[n + 1].z_gradient;
    for (const Tiles& tiles : tiles_[networks_[n].kind]) {
      float* to = gradient + layout_.layers[tiles.layer].embedding;
      for (int64_t t = 0; t < tiles.in * tiles.out; ++t)
        for (int64_t i = 0; i < embedding_size_; ++i)
          *to++ = *at(slice, kernels_.width, tiles.row + t, i) + *at(bias, kernels_.width, tiles.row + t, i);
    }
  }
}

}  // namespace gogepo::kernels
