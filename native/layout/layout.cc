#include "layout.h"

#include <cmath>
#include <limits>
#include <stdexcept>

namespace gogepo {
namespace {

int64_t append(std::vector<NamedTensor>& tensors, int64_t& end, std::string name, std::vector<int64_t> shape) {
  int64_t size = 1;
  for (int64_t n : shape) size *= n;
  tensors.push_back({std::move(name), std::move(shape), end, size});
  end += size;
  return end - size;
}

Mlp append_mlp(std::vector<NamedTensor>& tensors, int64_t& end, const std::string& name,
               const std::vector<int>& sizes) {
  Mlp mlp;
  for (size_t i = 0; i + 1 < sizes.size(); ++i) {
    const std::string layer = name + "." + std::to_string(i);
    Dense dense{sizes[i], sizes[i + 1]};
    dense.weight = append(tensors, end, layer + ".weight", {dense.out, dense.in});
    dense.bias = append(tensors, end, layer + ".bias", {dense.out});
    mlp.push_back(dense);
  }
  return mlp;
}

std::vector<int> chain(int first, const std::vector<int>& middle, int last) {
  std::vector<int> sizes{first};
  sizes.insert(sizes.end(), middle.begin(), middle.end());
  sizes.push_back(last);
  return sizes;
}

// A width is an int: what multiplies to more is refused rather than wrapped around.
int width(int64_t a, int64_t b, const char* what) {
  if (a * b > std::numeric_limits<int>::max())
    throw std::invalid_argument(std::string(what) + ": " + std::to_string(a * b) +
                                " numbers are more than a layer can have");
  return int(a * b);
}

}  // namespace

std::vector<int> Architecture::policy_sizes() const { return chain(observation_size, policy_hidden, action_size); }

PolicyLayout::PolicyLayout(const std::vector<int>& sizes) {
  for (size_t i = 0; i + 1 < sizes.size(); ++i) {
    PolicyLayer layer{sizes[i], sizes[i + 1]};
    layer.weight = size;
    layer.bias = size + int64_t(layer.out) * layer.in;
    size = layer.bias + layer.out;
    layers.push_back(layer);
  }
}

GeneratorLayout::GeneratorLayout(const Architecture& a) {
  const int f = a.slice_size, d = a.embedding_size;
  if (a.policy_hidden.empty())
    throw std::invalid_argument("policyHidden: expected at least one hidden layer, got none");
  for (int width : a.policy_hidden)
    if (width <= 0 || width % f != 0)
      throw std::invalid_argument("policyHidden: expected multiples of sliceSize (" + std::to_string(f) + "), got " +
                                  std::to_string(width));

  const std::vector<int> sizes = a.policy_sizes();
  const int last = int(sizes.size()) - 2;
  auto add_kind = [&](const char* name, int slice_out, int slice_in) {
    Kind kind{name, slice_out, slice_in, {}, {}};
    kind.slice = append_mlp(tensors, size, std::string(name) + ".slice",
                            chain(d + 1, a.generator_hidden, width(slice_out, slice_in, "sliceSize")));
    kind.bias = append_mlp(tensors, size, std::string(name) + ".bias", chain(d + 1, a.generator_hidden, slice_out));
    kinds.push_back(std::move(kind));
  };
  add_kind("input", f, sizes.front());
  if (last > 1) add_kind("hidden", f, f);
  add_kind("output", sizes.back(), f);

  for (int j = 0; j <= last; ++j) {
    GeneratedLayer layer;
    layer.kind = j == 0 ? 0 : j == last ? int(kinds.size()) - 1 : 1;
    layer.tiles_in = j == 0 ? 1 : sizes[j] / f;
    layer.tiles_out = j == last ? 1 : sizes[j + 1] / f;
    layer.embedding = append(tensors, size, "embedding." + std::to_string(j), {layer.tiles_in, layer.tiles_out, d});
    layer.scale = a.output_scale / std::sqrt(double(sizes[j]));
    layers.push_back(layer);
  }
}

CriticLayout::CriticLayout(const Architecture& a) {
  const bool reads_actions = a.critic_kind == CriticKind::fingerprint;
  if (reads_actions) append(tensors, size, "probing_states", {a.probing_states, a.observation_size});
  const int input = reads_actions ? width(a.probing_states, a.action_size, "probingStates")
                                  : width(PolicyLayout(a.policy_sizes()).size, 1, "policyHidden");
  value = append_mlp(tensors, size, "value", chain(input, a.critic_hidden, 1));
}

}  // namespace gogepo
