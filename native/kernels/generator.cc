#include "generator.h"

#include <stdexcept>

namespace gogepo::kernels {
namespace {

constexpr int64_t kSumPiece = 16384;   // floats

}  // namespace

Generator::Generator(const Kernels& kernels, const Architecture& a)
    : kernels_(kernels), layout_(a), policy_(a.policy_sizes()), embedding_size_(a.embedding_size),
      range_(float(a.return_max - a.return_min)) {
  if (a.generator_hidden.empty()) throw std::invalid_argument("generatorHidden: expected at least one hidden layer, got none");
  const int width = kernels_.width;
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
  for (size_t kind = 0; kind < layout_.kinds.size(); ++kind)
    for (bool averages : {false, true}) {
      Network network;
      network.mlp = averages ? layout_.kinds[kind].bias : layout_.kinds[kind].slice;
      network.kind = int(kind);
      network.averages = averages;
      const Tiles& last = tiles_[kind].back();
      network.rows = last.row + last.in * last.out;
      network.output_rows = averages ? last.output_row + last.out : network.rows;
      for (size_t i = 0; i < network.mlp.size(); ++i) {
        const Dense& dense = network.mlp[i];
        network.layers.emplace_back(width, i == 0 ? embedding_size_ : dense.in, dense.out, dense.in);
        for (int64_t p = 0; p < network.layers[i].pieces(width); ++p) pieces_.push_back({networks_.size(), i, p});
      }
      const int64_t first = network.mlp[0].out;
      network.command_column.resize(whole_panels(first, width));
      network.z = Matrix(width, network.rows, embedding_size_);
      network.embedded = Matrix(width, network.rows, first);
      network.first_gradient = Matrix(width, network.rows, first);
      network.z_gradient = Matrix(width, network.rows, embedding_size_);
      networks_.push_back(std::move(network));
    }
}

Generator::Work Generator::work() const {
  Work work;
  size_t widest = 0;
  for (const Network& network : networks_) {
    NetworkWork part;
    const int64_t hidden = int64_t(network.mlp.size()) - 1;
    for (int64_t i = 0; i < hidden; ++i) {
      part.hidden.emplace_back(kernels_.width, network.rows, network.mlp[i].out);
      part.deltas.emplace_back(kernels_.width, network.rows, network.mlp[i].out);
    }
    if (network.averages) {
      part.average = Matrix(kernels_.width, network.output_rows, network.mlp.back().in);
      part.average_delta = Matrix(kernels_.width, network.output_rows, network.mlp.back().in);
    }
    part.out = Matrix(kernels_.width, network.output_rows, network.mlp.back().out);
    for (const PackedDense& layer : network.layers) widest = std::max(widest, layer.bias.size());
    work.networks.push_back(std::move(part));
  }
  work.sums.resize(widest);
  return work;
}

Generator::Share Generator::share() const {
  Share share{Memory(layout_.size), {}};
  for (const Network& network : networks_) share.first.emplace_back(kernels_.width, network.rows, network.mlp[0].out);
  return share;
}

void Generator::pack_piece(const float* rho, int64_t piece) {
  const auto [n, i, index] = pieces_[piece];
  Network& network = networks_[n];
  const Dense& dense = network.mlp[i];
  network.layers[i].pack_piece(kernels_, rho + dense.weight, rho + dense.bias, index);
  if (i > 0 || index > 0) return;
  for (int o = 0; o < dense.out; ++o) network.command_column[o] = rho[dense.weight + int64_t(o) * dense.in + embedding_size_];
  for (const Tiles& tiles : tiles_[network.kind])
    kernels_.pack(rho + layout_.layers[tiles.layer].embedding, embedding_size_,
                  rows_of(network.z, kernels_.width, tiles.row, tiles.in * tiles.out));
}

void Generator::embed(int64_t n) {
  Network& network = networks_[n];
  kernels_.multiply(network.z, network.layers[0].forward, network.embedded, network.layers[0].bias.data(), Finish::none, {});
}

void Generator::forward(int64_t n, float command, Work& all, float* theta) const {
  const Network& network = networks_[n];
  NetworkWork& work = all.networks[n];
  const size_t last = network.layers.size() - 1;
  kernels_.relu_shifted(network.embedded, network.command_column.data(), command / range_, work.hidden[0]);
  for (size_t i = 1; i < last; ++i)
    kernels_.multiply(work.hidden[i - 1], network.layers[i].forward, work.hidden[i], network.layers[i].bias.data(), Finish::relu, {});

  if (network.averages) {
    // The rows (m, 0), (m, 1) ... of input tile m lie side by side, so that an average is a sum of blocks.
    const Panels& hidden = work.hidden.back();
    const Panels& average = work.average;
    for (const Tiles& tiles : tiles_[network.kind]) {
      const int64_t block = tiles.out * kernels_.width;
      for (int64_t p = 0; p < panel_count(hidden, kernels_.width); ++p) {
        const float* from = hidden.data + p * hidden.stride + tiles.row * kernels_.width;
        float* to = average.data + p * average.stride + tiles.output_row * kernels_.width;
        std::copy_n(from, block, to);
        for (int64_t m = 1; m < tiles.in; ++m) kernels_.add(from + m * block, to, block);
        kernels_.scale(to, 1.0f / float(tiles.in), to, block);
      }
    }
  }
  const Panels& before = network.averages ? work.average : work.hidden.back();
  kernels_.multiply(before, network.layers[last].forward, work.out, network.layers[last].bias.data(), Finish::none, {});
  write_theta(network, work.out, theta);
}

// visit(element of out, element of theta, how many lie side by side, scale)
template <class Visit>
void Generator::along_theta(const Network& network, const Panels& out, const Visit& visit) const {
  const Kind& kind = layout_.kinds[network.kind];
  for (const Tiles& tiles : tiles_[network.kind]) {
    const PolicyLayer& layer = policy_.layers[tiles.layer];
    const float scale = float(layout_.layers[tiles.layer].scale);
    if (network.averages) {
      for (int64_t n = 0; n < tiles.out; ++n)
        along_row(out, kernels_.width, tiles.output_row + n, 0, kind.slice_out, [&](float* x, int64_t done, int64_t count) {
          visit(x, layer.bias + n * kind.slice_out + done, count, scale);
        });
      continue;
    }
    for (int64_t m = 0; m < tiles.in; ++m)
      for (int64_t n = 0; n < tiles.out; ++n)
        for (int o = 0; o < kind.slice_out; ++o) {
          const int64_t to = layer.weight + (n * kind.slice_out + o) * layer.in + m * kind.slice_in;
          along_row(out, kernels_.width, tiles.row + m * tiles.out + n, int64_t(o) * kind.slice_in, kind.slice_in,
                    [&](float* x, int64_t done, int64_t count) { visit(x, to + done, count, scale); });
        }
  }
}

void Generator::write_theta(const Network& network, const Panels& out, float* theta) const {
  along_theta(network, out, [&](const float* x, int64_t to, int64_t count, float scale) {
    for (int64_t i = 0; i < count; ++i) theta[to + i] = scale * x[i];
  });
}

void Generator::read_theta_gradient(const Network& network, const float* theta_gradient, const Panels& out) const {
  along_theta(network, out, [&](float* x, int64_t from, int64_t count, float scale) {
    for (int64_t i = 0; i < count; ++i) x[i] = scale * theta_gradient[from + i];
  });
}

void Generator::backward(int64_t n, float command, const float* theta_gradient, Work& all, bool add, Share& share) const {
  const Network& network = networks_[n];
  NetworkWork& work = all.networks[n];
  const size_t last = network.layers.size() - 1;
  float* gradient = share.flat.data();
  const auto accumulate = [&](float& to, float x) { to = add ? to + x : x; };
  const auto add_weights = [&](size_t i, const Panels& delta, const Panels& input) {
    const Dense& dense = network.mlp[i];
    kernels_.multiply_transposed(delta, input, gradient + dense.weight, dense.in, add);
    kernels_.column_sums(delta, all.sums.data());
    for (int o = 0; o < dense.out; ++o) accumulate(gradient[dense.bias + o], all.sums[o]);
  };

  read_theta_gradient(network, theta_gradient, work.out);
  const Panels& hidden = work.hidden.back();
  const Panels& delta = work.deltas.back();
  if (network.averages) {
    add_weights(last, work.out, work.average);
    const Panels& average = work.average_delta;
    kernels_.multiply(work.out, network.layers[last].backward, average, nullptr, Finish::none, {});
    for (const Tiles& tiles : tiles_[network.kind]) {
      const int64_t block = tiles.out * kernels_.width;
      for (int64_t p = 0; p < panel_count(hidden, kernels_.width); ++p)
        for (int64_t m = 0; m < tiles.in; ++m) {
          const int64_t row = p * hidden.stride + tiles.row * kernels_.width + m * block;
          kernels_.scale_by_relu_slope(average.data + p * average.stride + tiles.output_row * kernels_.width, 1.0f / float(tiles.in),
                                       hidden.data + row, delta.data + row, block);
        }
    }
  } else {
    add_weights(last, work.out, hidden);
    kernels_.multiply(work.out, network.layers[last].backward, delta, nullptr, Finish::relu_slope, hidden);
  }
  for (size_t i = last - 1; i > 0; --i) {
    add_weights(i, work.deltas[i], work.hidden[i - 1]);
    kernels_.multiply(work.deltas[i], network.layers[i].backward, work.deltas[i - 1], nullptr, Finish::relu_slope, work.hidden[i - 1]);
  }

  const Dense& first = network.mlp[0];
  const Panels& before = work.deltas[0];
  kernels_.column_sums(before, all.sums.data());
  for (int o = 0; o < first.out; ++o) {
    accumulate(gradient[first.bias + o], all.sums[o]);
    accumulate(gradient[first.weight + int64_t(o) * first.in + embedding_size_], command / range_ * all.sums[o]);
  }
  const int64_t size = before.rows * whole_panels(before.cols, kernels_.width);
  if (add) kernels_.add(before.data, share.first[n]->data, size);
  else std::copy_n(before.data, size, share.first[n]->data);
}

int64_t Generator::sum_pieces() const {
  return (layout_.size + kSumPiece - 1) / kSumPiece + networks();
}

void Generator::sum_piece(const std::vector<const Share*>& shares, int64_t piece, float* gradient) {
  const float* from[64];
  const int count = int(shares.size());
  if (piece < networks()) {
    const Panels& to = networks_[piece].first_gradient;
    for (int i = 0; i < count; ++i) from[i] = shares[i]->first[piece]->data;
    kernels_.sum(from, count, to.data, to.rows * whole_panels(to.cols, kernels_.width));
    return;
  }
  const int64_t first = (piece - networks()) * kSumPiece;
  for (int i = 0; i < count; ++i) from[i] = shares[i]->flat.data() + first;
  kernels_.sum(from, count, gradient + first, std::min(kSumPiece, layout_.size - first));
}

void Generator::finish(int64_t n, float* gradient) {
  Network& network = networks_[n];
  const Dense& first = network.mlp[0];
  kernels_.multiply_transposed(network.first_gradient, network.z, gradient + first.weight, first.in, false);
  kernels_.multiply(network.first_gradient, network.layers[0].backward, network.z_gradient, nullptr, Finish::none, {});
}

void Generator::write_embeddings(float* gradient) const {
  for (size_t n = 0; n < networks_.size(); n += 2) {   // a kind's slice network, then its bias network
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
