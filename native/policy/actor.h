// Actors turn one observation into one action, on one core, with the same bits on every x86-64 CPU.
#pragma once
#include <memory>
#include <vector>

#include "layout.h"
#include "policy_kernel.h"
#include "random.h"

namespace gogepo {

class Actor {
 public:
  virtual ~Actor() = default;
  virtual void load(const float* theta) = 0;  // (|theta|), copied
  virtual void begin(Stream random) = 0;      // an episode begins; its actor samples from this stream
  // (O), already normalized -> (A), or the index of the action if discrete. Allocates nothing.
  virtual void act(const float* observation, float* action) = 0;
};

// The number of floats in an action: A, or 1 if discrete.
inline int action_width(const PolicySpec& spec) { return spec.discrete ? 1 : spec.action_size; }

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
  void act(const float* observation, float* action) override;

 private:
  struct alignas(64) Block {
    float values[16];
  };
  struct Layer {
    DenseLayer run;
    int in, columns;
  };
  const PolicyLayout layout_;
  const ActionScaling scaling_;
  const bool discrete_, scaled_;
  std::vector<Layer> layers_;
  std::vector<Block> packed_;          // the layers one after another, as in policy_kernel.h
  std::vector<Block> activations_[2];  // of the current layer and of the previous one
};

// Adds Gaussian noise to the actions of another actor and clamps the sum to the bounds. Several noisy actors may share
// the actor underneath.
class NoisyActor final : public Actor {
 public:
  // noise: the standard deviation as a fraction of each dimension's half-range. A discrete spec is refused.
  NoisyActor(std::shared_ptr<Actor> actor, const PolicySpec& spec, double noise);
  void load(const float* theta) override { actor_->load(theta); }
  void begin(Stream random) override;
  void act(const float* observation, float* action) override;

 private:
  const std::shared_ptr<Actor> actor_;
  const ActionScaling scaling_;
  std::vector<double> deviation_;  // (A) standard deviations
  Stream random_;
};

}  // namespace gogepo
