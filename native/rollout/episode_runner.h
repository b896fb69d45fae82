// One policy on one task: begins an episode, advances it by any number of steps, and reports its totals.
#pragma once
#include <atomic>
#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "actor.h"
#include "env.h"
#include "observation_normalizer.h"
#include "random.h"
#include "recorder.h"

namespace gogepo {

// Totals count from the start of the episode, also after a pause.
struct Episode {
  double stored_return = 0;  // without the survival bonus if that is removed
  double full_return = 0;
  int32_t length = 0;       // steps
  bool terminated = false;  // the task itself ended the episode
  bool diverged = false;    // the simulation produced NaN or infinity
  bool done = false;        // ended; false: paused
  int64_t warnings = 0;     // of the simulator
  Moments moments;          // of the observations this episode acted on; empty unless observed
  std::shared_ptr<const Transitions> transitions = {};  // of the last call; null unless recorded
};

struct EpisodeOptions {
  uint64_t seed = 0;
  Purpose purpose = Purpose::training_reset;  // which family of reset streams
  std::optional<Moments> statistics = {};     // at the start; none: observations are not normalized
  Observe observe = Observe::none;
  bool remove_survival_bonus = true;
  Exploration exploration = {};
  bool operator==(const EpisodeOptions&) const = default;
};

class EpisodeRunner {
 public:
  EpisodeRunner(const EnvEntry& entry, const PolicySpec& policy);

  void load(const float* theta);  // (|theta|); may replace the policy in the middle of an episode
  void begin(const EpisodeOptions& options, uint64_t index);  // index: the number of the episode's random streams
  // Runs until the episode is done, it has made `steps` more steps, or *stop is set. If the task throws, the runner
  // must not be used again. recorder: null if transitions are not wanted.
  void advance(int64_t steps, const std::atomic<bool>& stop, Recorder* recorder);

  bool done() const { return episode_.done; }
  const Episode& episode() const { return episode_; }

 private:
  void step(Recorder* recorder);

  const EnvSpec spec_;
  const PolicySpec policy_;
  const std::unique_ptr<Env> env_;
  const std::shared_ptr<MlpActor> mlp_;
  std::unique_ptr<ExploringActor> exploring_;  // null without exploration
  Actor* actor_;                               // the one that acts
  ObservationNormalizer normalizer_;
  Stream random_;                             // the task's, until the next episode
  std::vector<double> observation_, action_;  // (O), (A) or one index: float64 for the task
  std::vector<float> input_, output_;         // the same in float32, for the actor; the input with its command
  Command command_;                           // only of a commanded policy
  bool removes_bonus_ = false, observes_ = false;
  Episode episode_;
};

}  // namespace gogepo
