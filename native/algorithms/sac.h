// SAC (Haarnoja et al., 2018, arXiv 1801.01290 and 1812.05905): one update of the critics, the actor, the temperature
// if it is automatic, and the critics' targets.
#pragma once
#include <atomic>
#include <cstdint>
#include <vector>

#include "actor_critic.h"

namespace gogepo {

struct SacOptions {
  double discount = 0, polyak = 0;  // a target keeps `polyak` of itself
  double actor_learning_rate = 0, critic_learning_rate = 0;
  // Automatic: alpha is learned, so that the policy's entropy approaches `target_entropy`. Otherwise it stays as it is.
  bool automatic_temperature = false;
  double temperature_learning_rate = 0, target_entropy = 0;
};

// The losses before an update, and what it worked with.
struct SacLosses {
  double critic = 0, actor = 0, temperature = 0, entropy = 0;  // temperature: alpha; entropy: mean of -log pi(a|s)
};

// next_normals, normals (B, A): what the actions in s' and in s are sampled with
SacLosses sac_update(ActorCritic& networks, ActorCriticBackend& backend, const TransitionBatch& batch,
                     const float* next_normals, const float* normals, const SacOptions& options);

struct SacFit : SacOptions {
  int64_t updates = 0, batch_size = 0;
  uint64_t seed = 0;
};

// `updates` updates on batches that are sampled from the buffer, which must not be empty, until *stop is set. Returns
// their losses.
std::vector<SacLosses> sac_fit(ActorCritic& networks, ActorCriticBackend& backend, const TransitionBuffer& buffer,
                               const SacFit& fit, const std::atomic<bool>& stop);

}  // namespace gogepo
