// What DDPG, TD3 and SAC learn: an actor and critics Q(s, a), with targets that follow them slowly; and the arithmetic
// of their updates. `fast` is written by hand for the CPU, `reference` is plain LibTorch with autograd, its oracle.
#pragma once
#include <cstdint>
#include <memory>
#include <vector>

#include "layout.h"
#include "learned.h"
#include "transition_buffer.h"

namespace gogepo {

struct ActorCritic {
  // PyTorch's default initialization of Linear layers; the targets begin as copies.
  ActorCritic(const ActorCriticSpec& spec, uint64_t seed);

  const ActorCriticSpec spec;
  const ActorCriticLayout layout;
  Learned actor, critics;
  Learned temperature;                              // log alpha (1); only SAC uses it
  std::vector<float> actor_target, critics_target;  // only TD3 uses the actor's
  int64_t updates() const { return critics.updates; }
};

// All losses are means over the batch. Gradients are written to the networks' `gradient`.
class ActorCriticBackend {
 public:
  virtual ~ActorCriticBackend() = default;

  // y = r + discount (1 - d) min_i Q'_i(s', clamp(mu'(s') + noise)): targets of TD3. noise (B, A), in action units
  virtual void deterministic_targets(const ActorCritic& networks, const TransitionBatch& batch, const float* noise,
                                     double discount, float* y) = 0;
  // y = r + discount (1 - d) (min_i Q'_i(s', a') - alpha log pi(a'|s')), a' ~ pi(s'): targets of SAC. normals (B, A)
  virtual void stochastic_targets(const ActorCritic& networks, const TransitionBatch& batch, const float* normals,
                                  double discount, double alpha, float* y) = 0;
  // Sum over the critics of (Q_i(s, a) - y)^2.
  virtual double critics_gradient(ActorCritic& networks, const TransitionBatch& batch, const float* y) = 0;
  // -Q_1(s, mu(s))
  virtual double deterministic_actor_gradient(ActorCritic& networks, const TransitionBatch& batch) = 0;
  // alpha log pi(a|s) - min_i Q_i(s, a), a ~ pi(s). log_probability: the mean of log pi(a|s). normals (B, A)
  virtual double stochastic_actor_gradient(ActorCritic& networks, const TransitionBatch& batch, const float* normals,
                                           double alpha, double& log_probability) = 0;
  // One Adam step with bias correction, betas 0.9 and 0.999, epsilon 1e-8.
  virtual void adam(Learned& parameters, double learning_rate) = 0;
  // target = keep * target + (1 - keep) * values
  virtual void follow(const std::vector<float>& values, double keep, std::vector<float>& target) = 0;
};

std::unique_ptr<ActorCriticBackend> make_fast_actor_critic(const ActorCriticLayout& layout, const PolicySpec& policy,
                                                           int threads);
std::unique_ptr<ActorCriticBackend> make_reference_actor_critic();

}  // namespace gogepo
