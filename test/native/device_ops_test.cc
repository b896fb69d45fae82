// The kernels as a GPU runs them, whose lanes add up together, against the same as the CPU runs them.
#include "device_ops.h"

#include <cmath>
#include <string_view>
#include <vector>

#include "check.h"
#include "random.h"

using namespace gogepo;

void run_on_warp(std::string_view name, const void* op, unsigned elements);

namespace {

using Numbers = std::vector<float>;

Numbers normals(size_t count, uint64_t seed) {
  Numbers out(count);
  Stream stream(seed, Purpose::strategy, 0);
  for (float& x : out) x = float(stream.normal());
  return out;
}

// Runs an operation both ways; `out` is what it writes.
template <class Op>
void check_same(std::string_view name, const Op& op, unsigned elements, const std::vector<Numbers*>& out) {
  std::vector<Numbers> before, host;
  for (const Numbers* x : out) before.push_back(*x);
  for (unsigned e = 0; e < elements; ++e) op(e);
  for (size_t i = 0; i < out.size(); ++i) host.push_back(*out[i]), *out[i] = before[i];
  run_on_warp(name, &op, elements);
  for (size_t i = 0; i < out.size(); ++i)
    for (size_t j = 0; j < host[i].size(); ++j)
      check::expect(std::abs((*out[i])[j] - host[i][j]) <= 1e-5f * (1 + std::abs(host[i][j])), __FILE__, __LINE__,
                    std::string(name));
}

}  // namespace

TEST("operations of a whole warp: sums over lanes, and over lanes that share eight columns") {
  // Sizes that are no multiples of 8 or 32.
  const int rows = 3, in = 37, out = 11;
  const Numbers x = normals(size_t(rows * in), 1), weight = normals(size_t(out * in), 2), bias = normals(out, 3),
                gradient = normals(size_t(rows * out), 4);
  Numbers y(size_t(rows * out)), gx(size_t(rows * in)), sums(2 * in);
  for (const bool activation : {false, true}) {
    check_same("DenseLayer", ops::DenseLayer{x.data(), weight.data(), bias.data(), y.data(), in, out, activation},
               rows * out, {&y});
    check_same(
        "DenseInputGradient",
        ops::DenseInputGradient{gradient.data(), weight.data(), activation ? x.data() : nullptr, gx.data(), in, out},
        rows * ops::eighths(in), {&gx});
  }
  check_same("ColumnSums", ops::ColumnSums{x.data(), sums.data(), rows, in, 2}, 2 * ops::eighths(in), {&sums});

  const int tiles = 5, embedding = 3, width = 13;
  const Numbers tile = normals(size_t(tiles * width), 5), weighted = normals(size_t(tiles * width), 6),
                z = normals(size_t(tiles * embedding), 7), first = normals(size_t(width * (embedding + 1)), 8);
  Numbers gw(size_t(width * (embedding + 1))), gb(width), gz(size_t(tiles * embedding));
  check_same("FirstParameterGradient",
             ops::FirstParameterGradient{tile.data(), weighted.data(), z.data(), gw.data(), gb.data(), tiles, embedding,
                                         width},
             (embedding + 2) * ops::eighths(width), {&gw, &gb});
  check_same(
      "EmbeddingGradient",
      ops::EmbeddingGradient{{tile.data(), weighted.data()}, {first.data(), first.data()}, gz.data(), embedding, width},
      tiles * embedding, {&gz});

  const int states = 5, actions = 2;
  const Numbers policy = normals(size_t(rows * actions * in), 9), shift = normals(size_t(rows * actions), 10),
                hidden = normals(size_t(rows * states * in), 11), scale{2, 3}, center{-1, 1};
  Numbers outputs(size_t(rows * states * actions)), scaled = outputs;
  check_same("OutputLayer",
             ops::OutputLayer{hidden.data(), policy.data(), shift.data(), actions * in, actions, scale.data(),
                              center.data(), outputs.data(), scaled.data(), states, in, actions},
             rows * states, {&outputs, &scaled});

  const long long cursor = 1;
  Numbers losses(2), errors(size_t(rows * out));
  check_same("Loss", ops::Loss{y.data(), gradient.data(), errors.data(), losses.data(), &cursor, rows * out}, 1,
             {&errors, &losses});
  CHECK(losses[1] > 0 && losses[0] == 0);
}

TEST("operations of one thread each") {
  const int batch = 19, tiles = 6, embedding = 3, width = 5;
  const Numbers z = normals(size_t(tiles * embedding), 1), command = normals(batch, 2),
                weight = normals(size_t(width * (embedding + 1)), 3), bias = normals(width, 4);
  Numbers out(size_t(batch * tiles * width)), sum(size_t(tiles * width)), weighted = sum;
  check_same(
      "FirstLayer",
      ops::FirstLayer{z.data(), command.data(), weight.data(), bias.data(), out.data(), batch, tiles, embedding, width},
      tiles * width, {&out});
  const Numbers gradient = normals(out.size(), 5);
  check_same(
      "TileGradient",
      ops::TileGradient{gradient.data(), out.data(), command.data(), sum.data(), weighted.data(), batch, tiles * width},
      tiles * width, {&sum, &weighted});
  for (const unsigned size : {1u, 3u, 4u, 7u, 70u}) {
    Numbers g = normals(size, 6);
    const Numbers y = normals(size, 7);
    for (const bool tanh : {false, true})
      check_same("ActivationGradient", ops::ActivationGradient{g.data(), y.data(), size, tanh}, ops::quarter(size),
                 {&g});
  }
  // Assembling and taking apart are inverse.
  const ops::Tiling tiling{.tiles = 6, .first = 0, .tiles_in = 2, .tiles_out = 3, .slice_out = 4, .slice_in = 5};
  const Numbers slices = normals(size_t(batch) * tiling.slices(), 8);
  Numbers weights(slices.size()), again(slices.size());
  check_same("Assemble", ops::Assemble{tiling, slices.data(), weights.data(), batch, 2}, tiling.weights(), {&weights});
  check_same("Disassemble", ops::Disassemble{tiling, weights.data(), tiling.weights(), again.data(), batch, 0.5},
             tiling.weights(), {&again});
  CHECK(again == slices && weights != slices);
}
