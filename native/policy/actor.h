// Actors turn one observation into one action, on one core, with the same bits on every x86-64 CPU.
#pragma once
#include <algorithm>
#include <memory>
#include <vector>

#include "layout.h"
#include "observation_normalizer.h"
#include "policy_kernel.h"
#include "random.h"

namespace gogepo {

class Actor {
 public:
  virtual ~Actor() = default;
  virtual void load(const float* theta) = 0;  // (|theta|), copied
  virtual void begin(Stream random) = 0;      // an episode begins; its actor samples from this stream
  // (O), already normalized, and the command of a commanded policy -> (A), or the index of the action if discrete.
  // Allocates nothing.
  virtual void act(const float* input, float* action) = 0;
};

// The number of floats in an action: A, or 1 if discrete.
inline int action_width(const PolicySpec& spec) { return spec.discrete ? 1 : spec.action_size; }

// What the episode of a commanded policy is still asked for.
struct Command {
  double desired_return = 0;  // in reward units
  double horizon = 0;         // in steps, at least 1

  // After a step: what it earned is no longer asked for.
  void follow(double reward) {
    desired_return -= reward;
    horizon = std::max(horizon - 1, 1.0);
  }
  void write(float* input) const {
    input[0] = network_input(desired_return);
    input[1] = network_input(horizon);
  }
};

// The dense layers at one vector width.
struct PolicyKernel {
  const char* name;
  DenseLayer tanh, relu, identity;
};
std::vector<PolicyKernel> policy_kernels();  // those that this CPU supports, narrowest vectors first

// The deterministic policy of a PolicySpec.
class MlpActor final : public Actor {
 public:
  explicit MlpActor(const PolicySpec& spec, const PolicyKernel& kernel = policy_kernels().back());
  void load(const float* theta) override;
  void begin(Stream) override {}
  void act(const float* input, float* action) override;
  void sample(const float* input, Stream& random, float* action);  // only a gaussian or a discrete policy's
  // What an episode of this policy is asked for at its start; meaningless without a command.
  Command command() const { return command_; }

 private:
  const float* outputs(const float* input);
  float* pack(const float* theta, const PolicyLayer& layer, float* packed) const;
  struct alignas(64) Block {
    float values[16];
  };
  struct Layer {
    DenseLayer run = nullptr;
    int in = 0, columns = 0;
  };
  const PolicyLayout layout_;
  const ActionScaling scaling_;
  const bool discrete_;
  const PolicyOutput output_;
  std::vector<Layer> layers_;
  std::vector<Block> packed_;          // the layers one after another, as in policy_kernel.h
  std::vector<Block> activations_[2];  // of the current layer and of the previous one
  // Only of a commanded policy.
  const std::optional<CommandScales> scales_;
  Layer gate_;
  std::vector<Block> packed_gate_, gates_;  // its layer, and what it lets through
  Command command_;
};

// How the actions of an episode deviate from those that its policy would choose.
struct Exploration {
  double noise = 0;           // standard deviation of Gaussian noise, as a fraction of each dimension's half-range
  double correlation = 0;     // of the noise of consecutive steps, in [0, 1)
  int64_t uniform_steps = 0;  // so many actions at the start of the episode are uniform between the bounds
  bool sample = false;        // a gaussian policy samples its actions, a discrete one by the softmax of its outputs
  bool operator==(const Exploration&) const = default;
  bool none() const { return *this == Exploration{}; }
};
// Throws std::invalid_argument unless a policy of this spec can explore in this way.
void require_possible(const Exploration& exploration, const PolicySpec& spec);

// Explores with the policy of another actor, which several may share. Actions stay inside the bounds.
class ExploringActor final : public Actor {
 public:
  ExploringActor(std::shared_ptr<MlpActor> actor, const PolicySpec& spec, const Exploration& exploration);
  void load(const float* theta) override { actor_->load(theta); }
  void begin(Stream random) override;
  void act(const float* input, float* action) override;
  const Exploration& exploration() const { return exploration_; }

 private:
  const std::shared_ptr<MlpActor> actor_;
  const PolicySpec spec_;
  const ActionScaling scaling_;
  const Exploration exploration_;
  int64_t uniform_left_ = 0;
  bool started_ = false;       // `noise_` is of an earlier step
  std::vector<double> noise_;  // (A) of the last step, with variance 1
  Stream random_;
};

}  // namespace gogepo
