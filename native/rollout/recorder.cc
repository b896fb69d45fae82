#include "recorder.h"

#include <algorithm>

namespace gogepo {

void Recorder::before(const double* observation) { std::copy_n(observation, observation_.size(), observation_.data()); }

void Recorder::after(const float* action, double reward, const double* next_observation, bool terminated) {
  Transitions& t = transitions_;
  t.observations.insert(t.observations.end(), observation_.begin(), observation_.end());
  t.actions.insert(t.actions.end(), action, action + action_width_);
  t.rewards.push_back(reward);
  t.next_observations.insert(t.next_observations.end(), next_observation, next_observation + observation_.size());
  t.terminated.push_back(terminated);
}

}  // namespace gogepo
