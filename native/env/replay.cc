#include "replay.h"

#include <stdexcept>

namespace gogepo {

Replay replay(const EnvEntry& entry, const Recording& recording) {
  // The first reset is at step 0; the others follow in ascending order.
  const int64_t steps = recording.steps, episodes = recording.episodes;
  for (int64_t e = 0; e < episodes; ++e) {
    const int64_t at = recording.resets[e], least = e == 0 ? 0 : recording.resets[e - 1] + 1,
                  most = e == 0 ? 0 : steps - 1;
    if (at < least || at > most)
      throw std::invalid_argument("resets: expected ascending steps, starting at 0 and less than " +
                                  std::to_string(steps) + ", got " + std::to_string(at) + " at index " +
                                  std::to_string(e));
  }
  if (episodes == 0) throw std::invalid_argument("resets: expected at least one reset, at step 0, got none");

  const std::unique_ptr<Env> env = entry.make();
  const int observation_size = entry.spec.observation_size,
            action_size = entry.spec.discrete ? 1 : entry.spec.action_size;
  Replay result;
  result.observations.resize(steps * observation_size);
  result.rewards.resize(steps);
  result.terminated.resize(steps);
  result.truncated.resize(steps);
  std::vector<double> first_observation(observation_size);

  int64_t episode = 0;
  for (int64_t t = 0; t < steps; ++t) {
    if (episode < episodes && recording.resets[episode] == t) {
      env->set_state(recording.states + episode * env->state_size(), first_observation.data());
      ++episode;
    }
    const Step step = env->step(recording.actions + t * action_size, result.observations.data() + t * observation_size);
    result.rewards[t] = step.reward;
    result.terminated[t] = step.terminated;
    result.truncated[t] = t + 1 - recording.resets[episode - 1] >= entry.spec.max_episode_steps;
  }
  return result;
}

}  // namespace gogepo
