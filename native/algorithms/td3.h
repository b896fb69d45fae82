// TD3 (Fujimoto, van Hoof and Meger, 2018): one update of the critics, and every `policy_delay` updates one of the
// actor and the targets. With one critic, policy_delay 1 and no target noise it is DDPG (Lillicrap et al., 2016).
#pragma once
#include <atomic>
#include <cstdint>
#include <vector>

#include "actor_critic.h"

namespace gogepo {

struct Td3Options {
  double discount = 0, polyak = 0;  // a target keeps `polyak` of itself
  double actor_learning_rate = 0, critic_learning_rate = 0;
  int64_t policy_delay = 0;
};

// The losses before an update.
struct Td3Losses {
  double critic = 0, actor = 0;
  bool delayed = false;  // the actor was not updated
};

// noise (B, A): what the target actor's actions are disturbed by, in action units
Td3Losses td3_update(ActorCritic& networks, ActorCriticBackend& backend, const TransitionBatch& batch,
                     const float* noise, const Td3Options& options);

struct Td3Fit : Td3Options {
  int64_t updates = 0, batch_size = 0;
  double target_noise = 0, target_noise_clip = 0;  // as fractions of each dimension's half-range
  uint64_t seed = 0;
};

// `updates` updates on batches that are sampled from the buffer, which must not be empty, until *stop is set. Returns
// their losses.
std::vector<Td3Losses> td3_fit(ActorCritic& networks, ActorCriticBackend& backend, const TransitionBuffer& buffer,
                               const Td3Fit& fit, const std::atomic<bool>& stop);

}  // namespace gogepo
