// Memory layout of the flat float32 vectors: theta (a policy), rho (the generator), w (the critic), and those of
// actor-critic algorithms.
// The only place that knows offsets; everything else looks them up here.
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace gogepo {

// ---------------------------------------------------------------- policies

enum class Activation { tanh, relu };
enum class PolicyOutput { tanh, clip, gaussian };

// The logarithms of standard deviations that a gaussian policy outputs are clamped to this range.
constexpr float kLowestLogStd = -20, kHighestLogStd = 2;

// What an episode of a commanded policy is still asked for: a return, and the number of steps in which to reach it.
constexpr int kCommandSize = 2;
struct CommandScales {
  double desired_return = 0, horizon = 0;  // the network sees each multiplied by its scale
  bool operator==(const CommandScales&) const = default;
};

// The shape of a policy: an MLP from an observation (O) to an action (A).
struct PolicySpec {
  int observation_size = 0;
  int action_size = 0;  // discrete: the number of actions
  bool discrete = false;
  std::vector<double> action_low = {}, action_high = {};  // (A) each; empty when discrete
  std::vector<int> hidden = {};                           // widths of the hidden layers; empty: a linear policy
  bool bias = true;
  Activation activation = Activation::tanh;  // of the hidden layers
  // tanh: the action is center + half-range * tanh(output). clip: the action is the output, clipped to the bounds.
  // A discrete policy acts by the argmax of either. gaussian: the outputs are A means mu and A logarithms of standard
  // deviations; the action is center + half-range * tanh(mu), and a sample has mu + sigma * N(0, 1) in place of mu.
  PolicyOutput output = PolicyOutput::tanh;
  // A commanded policy: the first hidden layer is tanh(W o + b) * sigmoid(V c + d), where c is the command.
  std::optional<CommandScales> command = {};

  int input_size() const { return observation_size + (command ? kCommandSize : 0); }
  int outputs() const { return output == PolicyOutput::gaussian ? 2 * action_size : action_size; }
  std::vector<int> sizes() const;  // O, hidden..., outputs
  bool operator==(const PolicySpec&) const = default;
};

// How a policy's outputs become actions: center + scale * output, clamped to [low, high]. (A) each.
struct ActionScaling {
  std::vector<float> center, scale;  // discrete: 0 and 1
  // The smallest and largest float32 numbers inside the bounds, so that no action leaves them after rounding.
  std::vector<float> low, high;  // discrete: -infinity and infinity

  explicit ActionScaling(const PolicySpec& spec);  // throws std::invalid_argument if the bounds are unusable
};

// theta, one policy: w1 b1 w2 b2 ..., weights (out, in) row-major. Without biases: w1 w2 ... A commanded policy: the
// gate's weights and biases follow those of the first layer, and the command with which an episode begins comes last.
struct PolicyLayer {
  int in = 0, out = 0;
  int64_t weight = 0, bias = 0;  // offsets into theta
};
struct PolicyLayout {
  std::vector<PolicyLayer> layers;
  std::optional<PolicyLayer> gate;  // from the command to the first layer; none without a command
  int64_t command = 0;              // offset of the return and the horizon; only with a gate
  bool has_bias = true;
  int64_t size = 0;  // |theta|
  PolicyLayout() = default;
  explicit PolicyLayout(const PolicySpec& spec);  // throws std::invalid_argument if it cannot take a command
};

// ---------------------------------------------------------------- GoGePo's networks

enum class CriticKind { fingerprint, parameters };

struct Architecture {
  PolicySpec policy;                       // tanh throughout, with biases and at least one hidden layer
  int slice_size = 0, embedding_size = 0;  // f, d
  std::vector<int> generator_hidden;
  double output_scale = 0;  // generated w, b of layer j are multiplied by output_scale / sqrt(fan_in(j)); 0: by nothing
  int probing_states = 0;   // N
  CriticKind critic_kind = CriticKind::fingerprint;
  std::vector<int> critic_hidden;
  double return_min = 0, return_max = 0;  // a command is divided by return_max - return_min
};

// A dense network inside a flat vector: weights (out, in) row-major, each followed by its bias.
struct Dense {
  int in = 0, out = 0;
  int64_t weight = 0, bias = 0;
};
using Mlp = std::vector<Dense>;  // ReLU between layers, linear at the end

struct NamedTensor {
  std::string name;
  std::vector<int64_t> shape;
  int64_t offset = 0, size = 0;
};

// One slice network H and its bias network, for the input, the hidden or the output layers of the policy.
struct Kind {
  std::string name;
  int slice_out = 0, slice_in = 0;  // a slice is (slice_out, slice_in), row-major
  Mlp slice, bias;                  // (d + 1) -> generator_hidden... -> slice_out * slice_in, and -> slice_out
};
struct GeneratedLayer {
  int kind = 0;                     // index into GeneratorLayout::kinds
  int tiles_in = 0, tiles_out = 0;  // slice (m, n): input tile m, output tile n
  int64_t embedding = 0;            // offset of z: (tiles_in, tiles_out, d)
  double scale = 0;                 // output_scale / sqrt(fan_in), or 1
};
// rho: for each kind (input, hidden, output) the slice network, then the bias network; then the embeddings, layer by
// layer.
struct GeneratorLayout {
  std::vector<Kind> kinds;
  std::vector<GeneratedLayer> layers;  // one per policy layer
  std::vector<NamedTensor> tensors;
  int64_t size = 0;
  GeneratorLayout() = default;
  explicit GeneratorLayout(const Architecture&);  // throws std::invalid_argument if it cannot generate such policies
};

// w: the probing states (N, O), then the value network. A critic that reads theta itself has no probing states.
struct CriticLayout {
  int64_t probing_states = 0;  // offset, always 0
  Mlp value;
  std::vector<NamedTensor> tensors;
  int64_t size = 0;
  CriticLayout() = default;
  explicit CriticLayout(const Architecture&);
};

// ---------------------------------------------------------------- actor and critics of states and actions

struct ActorCriticSpec {
  PolicySpec policy;  // with ReLU and biases; output tanh: a deterministic actor, gaussian: a stochastic one
  std::vector<int> critic_hidden;
  int critics = 0;  // each maps an observation and an action (O + A) to a value
};

// Two flat vectors: the actor, which is theta of the policy, and the critics, one after another.
struct ActorCriticLayout {
  Mlp actor;
  std::vector<Mlp> critics;
  std::vector<NamedTensor> actor_tensors, critics_tensors;
  int64_t actor_size = 0, critics_size = 0;
  ActorCriticLayout() = default;
  explicit ActorCriticLayout(const ActorCriticSpec&);  // throws std::invalid_argument for any other policy
};

// ---------------------------------------------------------------- behavior function of UDRL

// theta of a commanded policy without its command.
struct BehaviorLayout {
  Dense embedding, gate;  // of the observation and of the command
  Mlp body;               // from their product to the outputs
  std::vector<NamedTensor> tensors;
  int64_t size = 0;
  BehaviorLayout() = default;
  explicit BehaviorLayout(const PolicySpec& policy);  // throws std::invalid_argument for any other policy
};

}  // namespace gogepo
