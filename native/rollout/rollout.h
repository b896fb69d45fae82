// n policies x m episodes on a thread pool. The result does not depend on the number of threads: every episode has its
// own random streams, starts from the same statistics, and reports its own moments.
#pragma once
#include <atomic>
#include <cstdint>
#include <memory>
#include <vector>

#include "episode_runner.h"

namespace gogepo {

struct RolloutJob {
  const float* thetas = nullptr;  // (policies, |theta|)
  int64_t policies = 0;
  int64_t episodes = 1;         // of each policy
  uint64_t first_index = 0;     // episode e of policy p uses the streams numbered first_index + p * episodes + e
  EpisodeOptions options = {};  // of every episode
  int64_t max_steps = 0;        // pauses every episode after that many more steps; 0: episodes run to their end
  bool resume = false;          // continues the paused episodes of the last call
  bool record = false;          // returns the transitions of this call
};

class Rollout {
 public:
  // Throws std::invalid_argument if the policy does not fit the task.
  Rollout(const EnvEntry& env, const PolicySpec& policy, int threads);
  ~Rollout();
  // Returns the episodes in the order (policy, episode). Stops between steps once *stop is set; then the result is
  // meaningless. A call without `resume` drops the paused episodes; a call with it throws std::invalid_argument unless
  // it has the policies, episodes, first_index and options of the call that paused them.
  std::vector<Episode> run(const RolloutJob& job, const std::atomic<bool>& stop);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace gogepo
