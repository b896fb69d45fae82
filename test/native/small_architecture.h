// Architectures small enough to try many.
#pragma once
#include "layout.h"

namespace gogepo {

inline Architecture small_architecture(int observations, int actions, std::vector<int> policy_hidden, int slice_size) {
  Architecture a;
  a.observation_size = observations;
  a.action_size = actions;
  a.action.center.assign(actions, 0);
  a.action.scale.assign(actions, 1);
  a.policy_hidden = std::move(policy_hidden);
  a.slice_size = slice_size;
  a.embedding_size = 3;
  a.generator_hidden = {8, 6};
  a.output_scale = 2;
  a.probing_states = 6;
  a.critic_hidden = {10, 8};
  a.return_min = -10;
  a.return_max = 30;
  return a;
}

}  // namespace gogepo
