#include "rollout.h"

#include <algorithm>
#include <functional>
#include <stdexcept>
#include <string>

#include "policy_runner.h"
#include "thread_pool.h"

namespace gogepo {
namespace {

// What one thread needs to run episodes, made once.
struct Worker {
  std::function<std::unique_ptr<Env>()> make;
  std::unique_ptr<Env> env;
  PolicyRunner policy;
  ObservationNormalizer normalizer;
  std::vector<double> observation, action;  // (O), (A) or one number: what the task speaks
  std::vector<float> input, output;         // the same, as the policy speaks

  Worker(const EnvEntry& entry, const PolicyLayout& layout, const ActionScaling& scaling)
      : make(entry.make),
        env(make()),
        policy(layout, scaling),
        normalizer(entry.spec.observation_size),
        observation(entry.spec.observation_size),
        action(scaling.discrete ? 1 : entry.spec.action_size),
        input(observation.size()),
        output(action.size()) {}

  // Runs the loaded policy until the task, the time limit or *stop ends it.
  Episode run(const EnvSpec& spec, const RolloutJob& job, Stream random, const std::atomic<bool>& stop) {
    Episode episode;
    if (!env) env = make();
    const bool remove_bonus = job.remove_survival_bonus && spec.survival_bonus != 0;
    normalizer.start(job.statistics, job.learning);
    env->reset(random, observation.data());
    while (episode.length < spec.max_episode_steps && !stop.load(std::memory_order_relaxed)) {
      normalizer.normalize(observation.data(), input.data());
      policy.act(input.data(), output.data());
      std::copy(output.begin(), output.end(), action.begin());
      const Step step = env->step(action.data(), observation.data());
      ++episode.length;
      episode.diverged = step.diverged;
      if (step.diverged) break;
      episode.full_return += step.reward;
      episode.stored_return += remove_bonus ? step.reward - step.survival : step.reward;
      episode.terminated = step.terminated;
      if (step.terminated) break;
    }
    episode.warnings = env->warnings();
    if (job.learning) episode.moments = normalizer.additions();
    return episode;
  }
};

void require(int expected, size_t got, const char* what) {
  if (size_t(expected) != got)
    throw std::invalid_argument(std::string(what) + ": the task has " + std::to_string(expected) + ", the policy " +
                                std::to_string(got));
}

}  // namespace

struct Rollout::State {
  EnvSpec spec;
  PolicyLayout layout;
  std::vector<Worker> workers;
  ThreadPool pool;

  State(const EnvEntry& entry, const std::vector<int>& policy_sizes, const ActionScaling& scaling, int threads)
      : spec(entry.spec), layout(policy_sizes), pool(threads) {
    require(spec.observation_size, policy_sizes.front(), "observation size");
    require(spec.action_size, policy_sizes.back(), "action size");
    for (int i = 0; i < threads; ++i) workers.emplace_back(entry, layout, scaling);
  }
};

Rollout::Rollout(const EnvEntry& env, const std::vector<int>& policy_sizes, const ActionScaling& action, int threads)
    : state_(std::make_unique<State>(env, policy_sizes, action, threads)) {}

Rollout::~Rollout() = default;

std::vector<Episode> Rollout::run(const RolloutJob& job, const std::atomic<bool>& stop) {
  const State& state = *state_;
  const int64_t count = job.policies * job.episodes;
  std::vector<Episode> episodes(count);
  std::atomic<int64_t> claimed = 0;
  state_->pool.run([&](int index) {
    Worker& worker = state_->workers[index];
    int64_t loaded = -1;
    try {
      for (int64_t i; (i = claimed++) < count && !stop;) {
        const int64_t policy = i / job.episodes;
        if (policy != loaded) worker.policy.load(job.thetas + policy * state.layout.size);
        loaded = policy;
        episodes[i] = worker.run(state.spec, job, Stream(job.seed, job.purpose, job.first_index + i), stop);
      }
    } catch (...) {
      worker.env.reset();  // an Env that threw is not used again
      claimed = count;     // the others begin no more episodes
      throw;
    }
  });
  return episodes;
}

}  // namespace gogepo
