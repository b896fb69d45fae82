// UDRL (Srivastava et al., 2019): the behavior function, from an observation and what is still asked for to an action,
// and its supervised updates. `fast` is written by hand for the CPU, `reference` is plain LibTorch with autograd, its
// oracle.
#pragma once
#include <atomic>
#include <cstdint>
#include <memory>
#include <vector>

#include "episode_buffer.h"
#include "layout.h"
#include "learned.h"

namespace gogepo {

struct Behavior {
  // PyTorch's default initialization of Linear layers.
  Behavior(const PolicySpec& policy, uint64_t seed);

  const PolicySpec policy;
  const BehaviorLayout layout;
  Learned parameters;  // theta without its command
};

class BehaviorBackend {
 public:
  virtual ~BehaviorBackend() = default;

  // Writes the gradient to the parameters' `gradient` and returns the loss, a mean over the batch. Continuous actions:
  // the mean over the dimensions of (tanh(output) - u)^2, where u is the action as a share of its half-range; up to
  // constants, -log of the density of an action with Gaussian noise. Discrete: -log softmax(outputs)[action].
  virtual double gradient(Behavior& behavior, const SegmentBatch& batch) = 0;
  // One Adam step with bias correction, betas 0.9 and 0.999, epsilon 1e-8.
  virtual void adam(Learned& parameters, double learning_rate) = 0;
};

std::unique_ptr<BehaviorBackend> make_fast_behavior(const Behavior& behavior, int threads);
std::unique_ptr<BehaviorBackend> make_reference_behavior();

// theta of one policy for each command: (n, |theta|) from commands (n, 2), a return in reward units and a horizon each.
std::vector<float> commanded_policies(const Behavior& behavior, const std::vector<float>& commands);

// An action as a share of its half-range, so that the bounds are -1 and 1.
float action_share(const ActionScaling& scaling, int64_t dimension, float action);

// One update; returns the loss before it.
double udrl_update(Behavior& behavior, BehaviorBackend& backend, const SegmentBatch& batch, double learning_rate);

struct UdrlFit {
  int64_t updates = 0, batch_size = 0;
  double learning_rate = 0;
  uint64_t seed = 0;
};

// Updates on batches that are sampled from the buffer, which must not be empty, until *stop is set. Returns the losses
// before each.
std::vector<float> udrl_fit(Behavior& behavior, BehaviorBackend& backend, const EpisodeBuffer& buffer,
                            const UdrlFit& fit, const std::atomic<bool>& stop);

}  // namespace gogepo
