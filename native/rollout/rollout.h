// n policies x m episodes on a thread pool. The result does not depend on the number of threads: every episode has its
// own random stream, starts from the same statistics, and reports its own additions to them.
#pragma once
#include <atomic>
#include <cstdint>
#include <memory>
#include <vector>

#include "env.h"
#include "layout.h"
#include "observation_normalizer.h"
#include "random.h"

namespace gogepo {

struct Episode {
  double stored_return = 0;  // what the buffer holds: without the survival bonus when that is to be removed
  double full_return = 0;
  int32_t length = 0;       // steps
  bool terminated = false;  // false: ended by the time limit
  bool diverged = false;
  int64_t warnings = 0;  // of the simulator
  Moments moments;       // of the observations this episode acted on; empty unless learning
};

struct RolloutJob {
  const float* thetas = nullptr;  // (policies, |theta|)
  int64_t policies = 0;
  int64_t episodes = 1;  // for each policy
  uint64_t seed = 0;
  Purpose purpose = Purpose::training_reset;  // which reset stream
  uint64_t first_index = 0;  // episode e of policy p resets from stream (seed, purpose, first_index + p * episodes + e)
  const Moments* statistics = nullptr;  // at the start; null: observations are not normalized
  bool learning = false;                // statistics grow while the episode runs, and moments are reported
  bool remove_survival_bonus = true;
};

class Rollout {
 public:
  // policy_sizes: O, hidden..., A
  Rollout(const EnvEntry& env, const std::vector<int>& policy_sizes, const ActionScaling& action, int threads);
  ~Rollout();
  // Episodes in the order (policy, episode). Stops between steps once *stop is set; then the result is meaningless.
  std::vector<Episode> run(const RolloutJob& job, const std::atomic<bool>& stop);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace gogepo
