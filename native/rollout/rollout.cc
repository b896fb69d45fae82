#include "rollout.h"

#include <limits>
#include <mutex>
#include <stdexcept>
#include <string>

#include "thread_pool.h"

namespace gogepo {
namespace {

using Runner = std::unique_ptr<EpisodeRunner>;

void require_same(int task, int policy, const char* what) {
  if (task != policy)
    throw std::invalid_argument(std::string(what) + ": expected a policy with the task's " + std::to_string(task) +
                                ", got " + std::to_string(policy) + ".");
}

// Runners that are not in the middle of an episode. Making one allocates a simulator, so they are reused.
class IdleRunners {
 public:
  IdleRunners(const EnvEntry& entry, const PolicySpec& policy) : entry_(entry), policy_(policy) {}

  Runner take() {
    {
      const std::lock_guard lock(mutex_);
      if (!runners_.empty()) {
        Runner last = std::move(runners_.back());
        runners_.pop_back();
        return last;
      }
    }
    return make();
  }
  void put_back(Runner runner) {
    const std::lock_guard lock(mutex_);
    runners_.push_back(std::move(runner));
  }
  Runner make() const { return std::make_unique<EpisodeRunner>(entry_, policy_); }

 private:
  const EnvEntry entry_;
  const PolicySpec policy_;
  std::mutex mutex_;
  std::vector<Runner> runners_;
};

// What a call that paused episodes leaves for the next one.
struct Paused {
  RolloutJob job;
  std::vector<Episode> episodes;  // with their totals so far
  std::vector<Runner> runners;    // null where the episode is done
};

void require_resumable(const std::unique_ptr<Paused>& paused, const RolloutJob& job) {
  if (!paused) throw std::invalid_argument("resume: expected paused episodes from the last call, but there are none.");
  const RolloutJob& before = paused->job;
  if (job.policies != before.policies || job.episodes != before.episodes || job.first_index != before.first_index ||
      !(job.options == before.options))
    throw std::invalid_argument(
        "resume: expected as many policies and the same episodes, seed, purpose, firstIndex, statistics, observe, "
        "removeSurvivalBonus and exploration as in the call that paused the episodes, got others.");
}

}  // namespace

struct Rollout::State {
  const EnvSpec spec;
  const PolicySpec policy;
  const int64_t policy_size;
  IdleRunners idle;
  std::unique_ptr<Paused> paused;  // null unless the last call paused an episode
  ThreadPool pool;

  State(const EnvEntry& entry, const PolicySpec& policy, int threads)
      : spec(entry.spec), policy(policy), policy_size(PolicyLayout(policy).size), idle(entry, policy), pool(threads) {
    require_same(spec.observation_size, policy.observation_size, "observation size");
    require_same(spec.action_size, policy.action_size, "action size");
    if (spec.discrete != policy.discrete)
      throw std::invalid_argument(std::string("discrete: expected a policy with ") +
                                  (spec.discrete ? "discrete" : "continuous") + " actions, as the task has.");
    for (int i = 0; i < threads; ++i) idle.put_back(idle.make());
  }
};

Rollout::Rollout(const EnvEntry& env, const PolicySpec& policy, int threads)
    : state_(std::make_unique<State>(env, policy, threads)) {}

Rollout::~Rollout() = default;

std::vector<Episode> Rollout::run(const RolloutJob& job, const std::atomic<bool>& stop) {
  State& state = *state_;
  const int64_t count = job.policies * job.episodes;
  const int64_t most_steps = job.max_steps > 0 ? job.max_steps : std::numeric_limits<int64_t>::max();
  require_possible(job.options.exploration, state.policy);

  // Take over the paused episodes, or drop them.
  std::vector<Episode> episodes;
  std::vector<Runner> runners;
  if (job.resume) {
    require_resumable(state.paused, job);
    episodes = std::move(state.paused->episodes);
    runners = std::move(state.paused->runners);
  } else if (state.paused) {
    for (Runner& runner : state.paused->runners)
      if (runner) state.idle.put_back(std::move(runner));
  }
  state.paused.reset();
  episodes.resize(count);
  runners.resize(count);

  // Each worker claims one episode after another, whichever is next.
  std::atomic<int64_t> claimed = 0;
  state.pool.run([&](int) {
    Runner own;           // for episodes that begin here
    int64_t loaded = -1;  // the policy that `own` has loaded
    try {
      for (int64_t i; (i = claimed++) < count && !stop;) {
        const int64_t policy = i / job.episodes;
        const float* theta = job.thetas + policy * state.policy_size;
        if (job.resume) {
          if (!runners[i]) continue;  // done in an earlier call
          runners[i]->load(theta);
        } else {
          if (!own) own = state.idle.take(), loaded = -1;
          if (policy != loaded) own->load(theta);
          loaded = policy;
          own->begin(job.options, job.first_index + uint64_t(i));
        }

        EpisodeRunner& runner = job.resume ? *runners[i] : *own;
        Recorder recorder(state.spec.observation_size, action_width(state.policy));
        runner.advance(most_steps, stop, job.record ? &recorder : nullptr);
        episodes[i] = runner.episode();
        if (job.record) episodes[i].transitions = std::make_shared<Transitions>(recorder.take());

        if (!runner.done() && !job.resume) runners[i] = std::move(own);
        if (runner.done() && job.resume) state.idle.put_back(std::move(runners[i]));
      }
    } catch (...) {
      claimed = count;  // the other workers begin no more episodes; a runner that threw is never reused
      throw;
    }
    if (own) state.idle.put_back(std::move(own));
  });

  // Keep what is paused for the next call.
  bool pauses = false;
  for (const Runner& runner : runners) pauses = pauses || runner;
  if (pauses && !stop) {
    state.paused = std::make_unique<Paused>(Paused{job, episodes, std::move(runners)});
    for (Episode& episode : state.paused->episodes) episode.transitions.reset();
  }
  return episodes;
}

}  // namespace gogepo
