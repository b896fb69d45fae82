#include "layout.h"

#include <cmath>
#include <limits>
#include <stdexcept>

#include "shown.h"

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

// A width is an int: a product that overflows one is refused rather than wrapped around.
int width(int64_t a, int64_t b, const char* what) {
  if (a * b > std::numeric_limits<int>::max())
    throw std::invalid_argument(std::string(what) + ": a layer of " + std::to_string(a * b) +
                                " units is too wide. Reduce the sizes that it is a product of.");
  return int(a * b);
}

float largest_at_most(double bound) {
  const float rounded = float(bound);
  return rounded > bound ? std::nextafter(rounded, -std::numeric_limits<float>::infinity()) : rounded;
}

// The generator and the kernels are written for one family of policies.
void require_generable(const Architecture& a) {
  const PolicySpec& p = a.policy;
  if (p.activation != Activation::tanh)
    throw std::invalid_argument("activation: expected tanh, since GoGePo generates tanh policies, got relu.");
  if (p.output != PolicyOutput::tanh)
    throw std::invalid_argument("output: expected tanh, since GoGePo generates tanh policies, got another.");
  if (p.command)
    throw std::invalid_argument("command: expected none, since GoGePo generates policies that take none, got one.");
  if (!p.bias)
    throw std::invalid_argument("bias: expected true, since GoGePo generates policies with biases, got false.");
  if (p.hidden.empty()) throw std::invalid_argument("policyHidden: expected at least one hidden layer, got none.");
  for (int width : p.hidden)
    if (width <= 0 || width % a.slice_size != 0)
      throw std::invalid_argument("policyHidden: expected multiples of sliceSize (" + std::to_string(a.slice_size) +
                                  "), got " + std::to_string(width));
}

}  // namespace

// ---------------------------------------------------------------- policies

std::vector<int> PolicySpec::sizes() const { return chain(observation_size, hidden, outputs()); }

ActionScaling::ActionScaling(const PolicySpec& spec) {
  constexpr float infinity = std::numeric_limits<float>::infinity();
  const size_t actions = size_t(spec.action_size), expected = spec.discrete ? 0 : actions;
  if (spec.action_low.size() != expected || spec.action_high.size() != expected)
    throw std::invalid_argument("actionLow and actionHigh: expected " + std::to_string(expected) +
                                " bounds each, got " + std::to_string(spec.action_low.size()) + " and " +
                                std::to_string(spec.action_high.size()) + ".");
  if (spec.discrete) {
    center.assign(actions, 0);
    scale.assign(actions, 1);
    low.assign(actions, -infinity);
    high.assign(actions, infinity);
    return;
  }
  for (size_t i = 0; i < actions; ++i) {
    const double from = spec.action_low[i], to = spec.action_high[i];
    center.push_back(float((from + to) / 2));
    scale.push_back(float((to - from) / 2));
    low.push_back(0.0f - largest_at_most(-from));
    high.push_back(largest_at_most(to));
    // A NaN bound fails the first comparison.
    if (!(from <= to) || !std::isfinite(center[i]) || !std::isfinite(scale[i]) || low[i] > high[i])
      throw std::invalid_argument(
          "actionLow and actionHigh: expected finite bounds with a float32 number between "
          "them, got [" +
          shown(from) + ", " + shown(to) + "] in dimension " + std::to_string(i) + ".");
  }
}

PolicyLayout::PolicyLayout(const PolicySpec& spec) : has_bias(spec.bias) {
  if (spec.command && (!spec.bias || spec.hidden.empty()))
    throw std::invalid_argument("policy: expected biases and at least one hidden layer, since it takes a command.");
  const auto append_layer = [this](int in, int out) {
    PolicyLayer layer{in, out};
    layer.weight = size;
    layer.bias = size + int64_t(layer.out) * layer.in;
    size = layer.bias + (has_bias ? layer.out : 0);
    return layer;
  };
  const std::vector<int> sizes = spec.sizes();
  for (size_t i = 0; i + 1 < sizes.size(); ++i) {
    layers.push_back(append_layer(sizes[i], sizes[i + 1]));
    if (i == 0 && spec.command) gate = append_layer(kCommandSize, sizes[1]);
  }
  if (!spec.command) return;
  command = size;
  size += kCommandSize;
}

// ---------------------------------------------------------------- GoGePo's networks

GeneratorLayout::GeneratorLayout(const Architecture& a) {
  require_generable(a);
  const int f = a.slice_size, d = a.embedding_size;
  const std::vector<int> sizes = a.policy.sizes();
  const int last = int(sizes.size()) - 2;

  // One pair of networks per kind of layer.
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

  // One embedding per tile of each policy layer.
  for (int j = 0; j <= last; ++j) {
    GeneratedLayer layer;
    layer.kind = j == 0 ? 0 : j == last ? int(kinds.size()) - 1 : 1;
    layer.tiles_in = j == 0 ? 1 : sizes[j] / f;
    layer.tiles_out = j == last ? 1 : sizes[j + 1] / f;
    layer.embedding = append(tensors, size, "embedding." + std::to_string(j), {layer.tiles_in, layer.tiles_out, d});
    layer.scale = a.output_scale == 0 ? 1 : a.output_scale / std::sqrt(double(sizes[j]));
    layers.push_back(layer);
  }
}

CriticLayout::CriticLayout(const Architecture& a) {
  const bool reads_actions = a.critic_kind == CriticKind::fingerprint;
  if (reads_actions) append(tensors, size, "probing_states", {a.probing_states, a.policy.observation_size});
  const int input = reads_actions ? width(a.probing_states, a.policy.action_size, "probingStates")
                                  : width(PolicyLayout(a.policy).size, 1, "policyHidden");
  value = append_mlp(tensors, size, "value", chain(input, a.critic_hidden, 1));
}

// ---------------------------------------------------------------- actor and critics of states and actions

ActorCriticLayout::ActorCriticLayout(const ActorCriticSpec& spec) {
  const PolicySpec& policy = spec.policy;
  if (policy.command || policy.discrete || policy.activation != Activation::relu ||
      policy.output == PolicyOutput::clip || !policy.bias || policy.hidden.empty())
    throw std::invalid_argument(
        "policy: expected continuous actions, ReLU, biases, at least one hidden layer, output tanh or gaussian and no "
        "command.");
  actor = append_mlp(actor_tensors, actor_size, "actor", policy.sizes());
  for (int i = 0; i < spec.critics; ++i)
    critics.push_back(append_mlp(critics_tensors, critics_size, "critics." + std::to_string(i),
                                 chain(policy.observation_size + policy.action_size, spec.critic_hidden, 1)));
}

// ---------------------------------------------------------------- behavior function of UDRL

BehaviorLayout::BehaviorLayout(const PolicySpec& policy) {
  const PolicyOutput expected = policy.discrete ? PolicyOutput::clip : PolicyOutput::tanh;
  if (!policy.command || policy.activation != Activation::relu || policy.output != expected || !policy.bias ||
      policy.hidden.empty())
    throw std::invalid_argument(
        "policy: expected a command, ReLU, biases, at least one hidden layer and output tanh, or clip if it is "
        "discrete.");
  const int width = policy.hidden[0];
  embedding = append_mlp(tensors, size, "observation", {policy.observation_size, width})[0];
  gate = append_mlp(tensors, size, "command", {kCommandSize, width})[0];
  std::vector<int> sizes = policy.hidden;
  sizes.push_back(policy.outputs());
  body = append_mlp(tensors, size, "body", sizes);
}

}  // namespace gogepo
