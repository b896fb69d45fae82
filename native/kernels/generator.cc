#include "generator.h"

#include <bit>
#include <stdexcept>

namespace gogepo::kernels {
namespace {

constexpr int64_t kSumPiece = 16384;  // floats
constexpr int64_t kGroupRows = 128;   // rows enough for a product to run at full speed

}  // namespace

Generator::Generator(const Kernels& kernels, const Architecture& a)
    : kernels_(kernels),
      layout_(a),
      policy_(a.policy_sizes()),
      embedding_size_(a.embedding_size),
      range_(float(a.return_max - a.return_min)) {
  if (a.generator_hidden.empty())
    throw std::invalid_argument("generatorHidden: expected at least one hidden layer, got none");
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
      // a power of two, so that groups and the updates' chunks of commands begin together
      network.group =
          std::min(kMostCommands, int64_t(std::bit_floor(uint64_t(std::max<int64_t>(1, kGroupRows / network.rows)))));
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
      const int64_t begin = network.mlp.front().weight, end = network.mlp.back().bias + network.mlp.back().out;
      sums_.push_back({int64_t(networks_.size()), 0, 0});
      for (int64_t at = begin; at < end; at += kSumPiece)
        sums_.push_back({int64_t(networks_.size()), at, std::min(kSumPiece, end - at)});
      networks_.push_back(std::move(network));
    }
}

Generator::Work Generator::work(int64_t n) const {
  const Network& network = networks_[n];
  Work work;
  for (size_t i = 0; i + 1 < network.mlp.size(); ++i)
    work.hidden.emplace_back(kernels_.width, network.group * network.rows, network.mlp[i].out);
  if (network.averages)
    work.average = Matrix(kernels_.width, network.group * network.output_rows, network.mlp.back().in);
  work.out = Matrix(kernels_.width, network.group * network.output_rows, network.mlp.back().out);
  size_t widest = 0;
  for (const PackedDense& layer : network.layers) widest = std::max(widest, layer.bias.size());
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
  for (int o = 0; o < dense.out; ++o)
    network.command_column[o] = rho[dense.weight + int64_t(o) * dense.in + embedding_size_];
  for (const Tiles& tiles : tiles_[network.kind])
    kernels_.pack(rho + layout_.layers[tiles.layer].embedding, embedding_size_,
                  rows_of(network.z, kernels_.width, tiles.row, tiles.in * tiles.out));
}

void Generator::embed(int64_t n) {
  Network& network = networks_[n];
  kernels_.multiply(network.z, network.layers[0].forward, network.embedded, network.layers[0].bias.data(), Finish::none,
                    {});
}

// visit(the rows of input tile m and all its output tiles within one panel, their averages, floats in such a block, m,
// input tiles)
template <class Visit>
void Generator::along_averages(const Network& network, const Work& work, int64_t count, const Visit& visit) const {
  const Panels &hidden = work.hidden.back(), &average = work.average;
  for (int64_t p = 0; p < panel_count(hidden, kernels_.width); ++p)
    for (int64_t c = 0; c < count; ++c)
      for (const Tiles& tiles : tiles_[network.kind])
        for (int64_t m = 0; m < tiles.in; ++m)
          visit(hidden.data + p * hidden.stride + (c * network.rows + tiles.row + m * tiles.out) * kernels_.width,
                average.data + p * average.stride + (c * network.output_rows + tiles.output_row) * kernels_.width,
                tiles.out * kernels_.width, m, tiles.in);
}

// visit(element of out, element of theta, how many lie side by side, scale)
template <class Visit>
void Generator::along_theta(const Network& network, const Panels& out, int64_t command, const Visit& visit) const {
  const Kind& kind = layout_.kinds[network.kind];
  const int64_t start = command * network.output_rows;
  for (const Tiles& tiles : tiles_[network.kind]) {
    const PolicyLayer& layer = policy_.layers[tiles.layer];
    const float scale = float(layout_.layers[tiles.layer].scale);
    if (network.averages) {
      for (int64_t n = 0; n < tiles.out; ++n)
        along_row(out, kernels_.width, start + tiles.output_row + n, 0, kind.slice_out,
                  [&](float* x, int64_t done, int64_t count) {
                    visit(x, layer.bias + n * kind.slice_out + done, count, scale);
                  });
      continue;
    }
    for (int64_t m = 0; m < tiles.in; ++m)
      for (int64_t n = 0; n < tiles.out; ++n) {
        // Row o of the slice is a stretch of theta; where a panel ends, a stretch is in two parts.
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

void Generator::forward(int64_t n, const float* commands, int64_t count, Work& work, float* thetas) const {
  const Network& network = networks_[n];
  const int width = kernels_.width;
  const size_t last = network.layers.size() - 1;
  const auto rows = [&](const Panels& m) { return rows_of(m, width, 0, count * network.rows); };
  const auto output_rows = [&](const Panels& m) { return rows_of(m, width, 0, count * network.output_rows); };

  for (int64_t c = 0; c < count; ++c)
    kernels_.relu_shifted(network.embedded, network.command_column.data(), commands[c] / range_,
                          rows_of(work.hidden[0], width, c * network.rows, network.rows));
  for (size_t i = 1; i < last; ++i)
    kernels_.multiply(rows(work.hidden[i - 1]), network.layers[i].forward, rows(work.hidden[i]),
                      network.layers[i].bias.data(), Finish::relu, {});
  if (network.averages)
    along_averages(network, work, count,
                   [&](const float* hidden, float* average, int64_t block, int64_t m, int64_t tiles_in) {
                     if (m == 0)
                       std::copy_n(hidden, block, average);
                     else
                       kernels_.add(hidden, average, block);
                     if (m + 1 == tiles_in) kernels_.scale(average, 1.0f / float(tiles_in), average, block);
                   });
  kernels_.multiply(output_rows(network.averages ? work.average : work.hidden.back()), network.layers[last].forward,
                    output_rows(work.out), network.layers[last].bias.data(), Finish::none, {});

  for (int64_t c = 0; c < count; ++c) {
    float* theta = thetas + c * policy_.size;
    along_theta(network, work.out, c, [&](const float* x, int64_t to, int64_t size, float scale) {
      for (int64_t i = 0; i < size; ++i) theta[to + i] = scale * x[i];
    });
  }
}

void Generator::take_gradient(int64_t n, int64_t command, const float* theta_gradient, Work& work) const {
  along_theta(networks_[n], work.out, command, [&](float* x, int64_t from, int64_t size, float scale) {
    for (int64_t i = 0; i < size; ++i) x[i] = scale * theta_gradient[from + i];
  });
}

void Generator::backward(int64_t n, const float* commands, int64_t count, Work& work, bool add, Share& share) const {
  const Network& network = networks_[n];
  const int width = kernels_.width;
  const size_t last = network.layers.size() - 1;
  const auto rows = [&](const Panels& m) { return rows_of(m, width, 0, count * network.rows); };
  const auto output_rows = [&](const Panels& m) { return rows_of(m, width, 0, count * network.output_rows); };
  float* gradient = share.flat.data();
  const auto add_weights = [&](size_t i, const Panels& delta, const Panels& input) {
    const Dense& dense = network.mlp[i];
    kernels_.multiply_transposed(delta, input, gradient + dense.weight, dense.in, add);
    kernels_.column_sums(delta, work.sums.data());
    for (int o = 0; o < dense.out; ++o) gradient[dense.bias + o] = (add ? gradient[dense.bias + o] : 0) + work.sums[o];
  };

  // The last layer, then down to the first; each gradient takes the place of the activations it belongs to.
  const Panels out = output_rows(work.out), hidden = rows(work.hidden.back());
  if (network.averages) {
    const Panels average = output_rows(work.average);
    add_weights(last, out, average);
    kernels_.multiply(out, network.layers[last].backward, average, nullptr, Finish::none, {});
    along_averages(network, work, count,
                   [&](float* activations, const float* gradients, int64_t block, int64_t, int64_t tiles_in) {
                     kernels_.scale_by_relu_slope(gradients, 1.0f / float(tiles_in), activations, activations, block);
                   });
  } else {
    add_weights(last, out, hidden);
    kernels_.multiply(out, network.layers[last].backward, hidden, nullptr, Finish::relu_slope, hidden);
  }
  for (size_t i = last - 1; i > 0; --i) {
    const Panels delta = rows(work.hidden[i]), input = rows(work.hidden[i - 1]);
    add_weights(i, delta, input);
    kernels_.multiply(delta, network.layers[i].backward, input, nullptr, Finish::relu_slope, input);
  }

  const Dense& first = network.mlp[0];
  const Panels& to = share.first[n];
  for (int64_t c = 0; c < count; ++c) {
    const bool adds = add || c > 0;
    const Panels delta = rows_of(work.hidden[0], width, c * network.rows, network.rows);
    kernels_.column_sums(delta, work.sums.data());
    for (int o = 0; o < first.out; ++o) {
      float &bias = gradient[first.bias + o],
            &column = gradient[first.weight + int64_t(o) * first.in + embedding_size_];
      bias = (adds ? bias : 0) + work.sums[o];
      column = (adds ? column : 0) + commands[c] / range_ * work.sums[o];
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

void Generator::sum_piece(const std::vector<const Share*>& shares, const std::vector<int64_t>& counts, int64_t piece,
                          float* gradient) {
  const auto [n, first, size] = sums_[piece];
  std::vector<const float*> from;
  for (int64_t i = 0; i < counts[n]; ++i)
    from.push_back(size ? shares[i]->flat.data() + first : shares[i]->first[n]->data);
  const Panels& to = networks_[n].first_gradient;
  kernels_.sum(from.data(), int(from.size()), size ? gradient + first : to.data,
               size ? size : to.rows * whole_panels(to.cols, kernels_.width));
}

void Generator::finish(int64_t n, float* gradient) {
  Network& network = networks_[n];
  const Dense& first = network.mlp[0];
  kernels_.multiply_transposed(network.first_gradient, network.z, gradient + first.weight, first.in, false);
  kernels_.multiply(network.first_gradient, network.layers[0].backward, network.z_gradient, nullptr, Finish::none, {});
}

void Generator::write_embeddings(float* gradient) const {
  for (size_t n = 0; n < networks_.size(); n += 2) {  // a kind's slice network, then its bias network
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
