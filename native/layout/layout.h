// Where each number sits in the three flat float32 vectors: theta (a policy), rho (the generator), w (the critic).
// The only place that knows. Everything else asks for an offset here.
#pragma once
#include <cstdint>
#include <string>
#include <vector>

namespace gogepo {

// How tanh outputs become actions: centre + half-range * tanh, per dimension. Discrete tasks act by argmax, and the
// tanh outputs themselves are what the fingerprint sees (centre 0, half-range 1).
struct ActionScaling {
  std::vector<float> center, scale;
  bool discrete = false;
};

enum class CriticKind { fingerprint, parameters };

struct Architecture {
  int observation_size = 0, action_size = 0;
  ActionScaling action;
  std::vector<int> policy_hidden;
  int slice_size = 0, embedding_size = 0;  // f, d
  std::vector<int> generator_hidden;
  double output_scale = 0;  // generated w, b of layer j are multiplied by output_scale / sqrt(fan_in(j))
  int probing_states = 0;   // N
  CriticKind critic_kind = CriticKind::fingerprint;
  std::vector<int> critic_hidden;
  double return_min = 0, return_max = 0;  // a command is divided by return_max - return_min

  std::vector<int> policy_sizes() const;  // O, hidden..., A
};

// theta, one policy: w1 b1 w2 b2 ..., weights (out, in) row-major.
struct PolicyLayer {
  int in = 0, out = 0;
  int64_t weight = 0, bias = 0;  // offsets into theta
};
struct PolicyLayout {
  std::vector<PolicyLayer> layers;
  int64_t size = 0;  // |theta|
  PolicyLayout() = default;
  explicit PolicyLayout(const std::vector<int>& sizes);  // O, hidden..., A
};

// A dense network inside a flat vector: weights (out, in) row-major, each followed by its bias.
struct Dense {
  int in = 0, out = 0;
  int64_t weight = 0, bias = 0;
};
using Mlp = std::vector<Dense>;  // ReLU between, linear at the end

struct NamedTensor {
  std::string name;
  std::vector<int64_t> shape;
  int64_t offset = 0, size = 0;
};

// One slice network H and its bias network: for the input, the hidden or the output layers of the policy.
struct Kind {
  std::string name;
  int slice_out = 0, slice_in = 0;  // a slice is (slice_out, slice_in), row-major
  Mlp slice, bias;                  // (d + 1) -> generator_hidden... -> slice_out * slice_in, and -> slice_out
};
struct GeneratedLayer {
  int kind = 0;                     // index into GeneratorLayout::kinds
  int tiles_in = 0, tiles_out = 0;  // slice (m, n): input tile m, output tile n
  int64_t embedding = 0;            // offset of z: (tiles_in, tiles_out, d)
  double scale = 0;                 // output_scale / sqrt(fan_in)
};
// rho: for each kind (input, hidden, output) the slice network then the bias network; then the embeddings, layer by
// layer.
struct GeneratorLayout {
  std::vector<Kind> kinds;
  std::vector<GeneratedLayer> layers;  // one for each policy layer
  std::vector<NamedTensor> tensors;
  int64_t size = 0;
  GeneratorLayout() = default;
  explicit GeneratorLayout(
      const Architecture&);  // throws std::invalid_argument when a width is no multiple of the slice size
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

}  // namespace gogepo
