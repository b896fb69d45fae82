// Architectures small enough to try many.
#pragma once
#include "layout.h"

namespace gogepo {

// Bounds whose center and half-range are c and h in every dimension.
inline void set_bounds(PolicySpec& spec, const std::vector<double>& center, const std::vector<double>& half_range) {
  spec.action_low.clear();
  spec.action_high.clear();
  for (size_t i = 0; i < center.size(); ++i) {
    spec.action_low.push_back(center[i] - half_range[i]);
    spec.action_high.push_back(center[i] + half_range[i]);
  }
}

inline PolicySpec small_policy(int observations, int actions, std::vector<int> hidden) {
  PolicySpec spec{.observation_size = observations, .action_size = actions, .hidden = std::move(hidden)};
  set_bounds(spec, std::vector<double>(actions, 0), std::vector<double>(actions, 1));
  return spec;
}

inline void make_discrete(PolicySpec& spec) {
  spec.discrete = true;
  spec.action_low = spec.action_high = {};
}

inline Architecture small_architecture(int observations, int actions, std::vector<int> policy_hidden, int slice_size) {
  Architecture a;
  a.policy = small_policy(observations, actions, std::move(policy_hidden));
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
