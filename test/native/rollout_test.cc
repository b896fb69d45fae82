#include "rollout.h"

#include <algorithm>
#include <chrono>
#include <cstring>
#include <stdexcept>
#include <thread>

#include "check.h"
#include "small_architecture.h"

using namespace gogepo;

namespace {

constexpr int observation_size = 3, time_limit = 40;

// A point pushed around in the plane. The third coordinate is random, so that steps out of order show.
class Drift : public Env {
 public:
  void reset(Stream& random, double* observation) override {
    random_ = std::make_unique<Stream>(random);
    const double start[] = {random_->uniform(-1, 1), random_->uniform(-1, 1), 0};
    set_state(start, observation);
  }
  Step step(const double* action, double* observation) override {
    for (int i = 0; i < 2; ++i) state_[i] += 0.06 * action[i];
    state_[2] = random_->normal();
    Step step;
    step.terminated = std::abs(state_[0]) > 3;
    step.survival = step.terminated ? 0 : 1;
    step.reward = step.survival + state_[1];
    std::copy_n(state_, observation_size, observation);
    return step;
  }
  int state_size() const override { return observation_size; }
  void set_state(const double* state, double* observation) override {
    std::copy_n(state, observation_size, state_);
    std::copy_n(state_, observation_size, observation);
  }

 private:
  std::unique_ptr<Stream> random_;
  double state_[observation_size];
};

class Fragile : public Drift {
 public:
  Step step(const double* action, double* observation) override {
    Step step = Drift::step(action, observation);
    if (observation[0] > 1) {
      step.diverged = true;
      step.reward = NAN;
    }
    return step;
  }
};

std::atomic<int> used_after_throwing = 0;

class Throwing : public Drift {
 public:
  void reset(Stream& random, double* observation) override {
    used_after_throwing += broken_;
    Drift::reset(random, observation);
  }
  Step step(const double*, double*) override {
    broken_ = true;
    throw std::runtime_error("the task broke");
  }

 private:
  bool broken_ = false;
};

class Slow : public Drift {
 public:
  Step step(const double* action, double* observation) override {
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
    return Drift::step(action, observation);
  }
};

// Two buttons: the first pays 1, the second pays 2.
class Buttons : public Drift {
 public:
  Step step(const double* action, double*) override { return {.reward = 1 + *action}; }
};

template <class Task>
EnvEntry entry(double survival_bonus = 1, int max_episode_steps = time_limit) {
  EnvEntry entry;
  entry.spec.observation_size = observation_size;
  entry.spec.action_size = 2;
  entry.spec.max_episode_steps = max_episode_steps;
  entry.spec.survival_bonus = survival_bonus;
  entry.make = []() -> std::unique_ptr<Env> { return std::make_unique<Task>(); };
  return entry;
}

PolicySpec drift_policy() {
  PolicySpec spec = small_policy(observation_size, 2, {32, 16});
  set_bounds(spec, {0.5, 0}, {1, 2});
  return spec;
}
const PolicySpec spec = drift_policy();
const PolicyLayout layout(spec);
const std::atomic<bool> never = false;

std::vector<float> policies(int count) {
  Stream random(11, Purpose::parameter_noise, 0);
  std::vector<float> thetas(layout.size * count);
  for (float& value : thetas) value = float(0.4 * random.normal());
  return thetas;
}

Moments some_statistics() { return {9, {0.1, -0.2, 0}, {8, 4, 8}}; }

bool same(const Episode& a, const Episode& b) {
  return a.stored_return == b.stored_return && a.full_return == b.full_return && a.length == b.length &&
         a.terminated == b.terminated && a.diverged == b.diverged && a.moments.count == b.moments.count &&
         a.done == b.done && a.warnings == b.warnings && a.moments.mean == b.moments.mean &&
         a.moments.m2 == b.moments.m2;
}

bool same(const std::vector<Episode>& a, const std::vector<Episode>& b) {
  return a.size() == b.size() && std::equal(a.begin(), a.end(), b.begin(), [](auto& x, auto& y) { return same(x, y); });
}

// One episode as the specification defines it. It shares only the policy and the random streams with the rollout.
Episode obvious(const float* theta, const RolloutJob& job, uint64_t index) {
  MlpActor policy(spec);
  policy.load(theta);
  Drift env;
  const EpisodeOptions& o = job.options;
  Stream random(o.seed, o.purpose, index), noise(o.seed, Purpose::action_noise, index);
  double observation[observation_size];
  env.reset(random, observation);
  Episode episode;
  episode.moments = {0, std::vector<double>(observation_size), std::vector<double>(observation_size)};
  Moments all = o.statistics ? *o.statistics : episode.moments;
  while (episode.length < time_limit && !episode.terminated) {
    if (o.observe != Observe::none) push(episode.moments, observation);
    if (o.observe == Observe::grow) push(all, observation);
    float input[observation_size];
    for (int i = 0; i < observation_size; ++i) {
      input[i] = float(observation[i]);
      if (!o.statistics) continue;
      const double deviation = all.count < 2 ? 0 : std::sqrt(all.m2[i] / double(all.count - 1));
      input[i] = deviation < 1e-7 ? 0 : float((observation[i] - all.mean[i]) / (deviation + 1e-8));
    }
    float output[2];
    policy.act(input, output);
    for (int i = 0; i < 2 && o.exploration.noise > 0; ++i) {
      const double deviation = o.exploration.noise * (spec.action_high[i] - spec.action_low[i]) / 2;
      output[i] = float(std::clamp(output[i] + deviation * noise.normal(), spec.action_low[i], spec.action_high[i]));
    }
    const double action[2] = {output[0], output[1]};
    const Step step = env.step(action, observation);
    ++episode.length;
    episode.full_return += step.reward;
    episode.stored_return += o.remove_survival_bonus ? step.reward - step.survival : step.reward;
    episode.terminated = step.terminated;
  }
  return episode;
}

}  // namespace

TEST("episodes are as specified, in order, for every option") {
  const auto thetas = policies(4);
  Rollout rollout(entry<Drift>(), spec, 2);
  int ended = 0, timed_out = 0;
  for (Observe observe : {Observe::none, Observe::report, Observe::grow})
    for (const std::optional<Moments>& statistics : {std::optional<Moments>(), std::optional(some_statistics())})
      for (double noise : {0.0, 0.2})
        for (bool remove : {false, true}) {
          const RolloutJob job{.thetas = thetas.data(),
                               .policies = 4,
                               .episodes = 3,
                               .first_index = 70,
                               .options = {.seed = 8,
                                           .purpose = Purpose::evaluation_reset,
                                           .statistics = statistics,
                                           .observe = observe,
                                           .remove_survival_bonus = remove,
                                           .exploration = {.noise = noise}}};
          const auto episodes = rollout.run(job, never);
          CHECK(episodes.size() == 12);
          const bool observed = observe != Observe::none;
          for (int i = 0; i < 12; ++i) {
            const Episode expected = obvious(thetas.data() + i / 3 * layout.size, job, 70 + i);
            CHECK(episodes[i].done && episodes[i].length == expected.length);
            CHECK(episodes[i].terminated == expected.terminated);
            CHECK(episodes[i].full_return == expected.full_return);
            CHECK(episodes[i].stored_return == expected.stored_return);
            CHECK(episodes[i].moments.count == (observed ? episodes[i].length : 0));
            for (int k = 0; observed && k < observation_size; ++k)
              CHECK(episodes[i].moments.mean[k] == expected.moments.mean[k]);
            ++(episodes[i].terminated ? ended : timed_out);
          }
        }
  CHECK(ended > 5 && timed_out > 5);
}

TEST("the number of threads changes no bit") {
  const auto thetas = policies(7);
  for (double noise : {0.0, 0.3}) {
    const RolloutJob job{
        .thetas = thetas.data(),
        .policies = 7,
        .episodes = 5,
        .options = {
            .seed = 4, .statistics = some_statistics(), .observe = Observe::grow, .exploration = {.noise = noise}}};
    const auto one = Rollout(entry<Drift>(), spec, 1).run(job, never);
    for (int threads : {2, 3, 8}) CHECK(same(Rollout(entry<Drift>(), spec, threads).run(job, never), one));
  }
}

TEST("an episode depends on its index and not on the call it is part of") {
  const auto thetas = policies(1);
  Rollout rollout(entry<Drift>(), spec, 2);
  RolloutJob job{.thetas = thetas.data(), .policies = 1, .episodes = 6, .first_index = 10, .options = {.seed = 4}};
  const auto together = rollout.run(job, never);
  job.episodes = 1;
  for (int i = 0; i < 6; ++i) {
    job.first_index = 10 + i;
    CHECK(same(rollout.run(job, never)[0], together[i]));
  }
  CHECK(!same(together[0], together[1]));
  job.first_index = 10;
  job.options.seed = 5;
  CHECK(!same(rollout.run(job, never)[0], together[0]));
  job.options.seed = 4;
  job.options.purpose = Purpose::evaluation_reset;
  CHECK(!same(rollout.run(job, never)[0], together[0]));
}

TEST("a rollout uses the policies of this call, not those it ran before") {
  const auto thetas = policies(2);
  Rollout rollout(entry<Drift>(), spec, 1);
  RolloutJob job{.thetas = thetas.data(), .policies = 1, .options = {.seed = 4}};
  const Episode first = rollout.run(job, never)[0];
  job.thetas += layout.size;
  CHECK(!same(rollout.run(job, never)[0], first));
  job.thetas -= layout.size;
  CHECK(same(rollout.run(job, never)[0], first));
}

TEST("a survival bonus is removed only where the task has one") {
  const auto thetas = policies(1);
  const RolloutJob job{.thetas = thetas.data(), .policies = 1, .options = {.seed = 4}};
  const Episode with = Rollout(entry<Drift>(1), spec, 1).run(job, never)[0];
  CHECK_NEAR(with.full_return - with.stored_return, with.length - with.terminated, 1e-9);
  const Episode without = Rollout(entry<Drift>(0), spec, 1).run(job, never)[0];
  CHECK(without.full_return == with.full_return && without.stored_return == without.full_return);
}

TEST("a diverged step ends the episode and leaves its returns finite") {
  const auto thetas = policies(6);
  const RolloutJob job{.thetas = thetas.data(), .policies = 6, .episodes = 4, .options = {.seed = 4}};
  int diverged = 0;
  for (const Episode& episode : Rollout(entry<Fragile>(), spec, 2).run(job, never)) {
    diverged += episode.diverged;
    CHECK(std::isfinite(episode.full_return) && std::isfinite(episode.stored_return));
    CHECK(episode.diverged || episode.terminated || episode.length == time_limit);
  }
  CHECK(diverged > 0 && diverged < 24);
}

TEST("a discrete task receives the index of an action") {
  PolicySpec discrete = spec;
  make_discrete(discrete);
  EnvEntry buttons = entry<Buttons>(0, 10);
  buttons.spec.discrete = true;
  std::vector<float> theta(layout.size);
  RolloutJob job{.thetas = theta.data(), .policies = 1, .record = true};
  Rollout rollout(buttons, discrete, 1);
  CHECK(rollout.run(job, never)[0].full_return == 10);
  theta[layout.layers.back().bias + 1] = 1;
  const Episode episode = rollout.run(job, never)[0];
  CHECK(episode.full_return == 20 && episode.transitions->actions == std::vector<float>(10, 1));
  job.options.exploration.noise = 0.1;
  CHECK_THROWS(rollout.run(job, never));
}

TEST("an exception of a task reaches the caller, and the next run has a new task") {
  const auto thetas = policies(5);
  const RolloutJob job{.thetas = thetas.data(), .policies = 5};
  for (int threads : {1, 3}) {
    Rollout rollout(entry<Throwing>(), spec, threads);
    for (int round = 0; round < 2; ++round) CHECK_THROWS(rollout.run(job, never));
  }
  CHECK(used_after_throwing == 0);
}

TEST("a stop ends the run between steps") {
  const auto thetas = policies(2);
  const RolloutJob job{.thetas = thetas.data(), .policies = 2, .episodes = 1000};
  Rollout rollout(entry<Slow>(), spec, 2);
  std::atomic<bool> stop = false;
  const auto start = std::chrono::steady_clock::now();
  std::thread stopper([&] {
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
    stop = true;
  });
  rollout.run(job, stop);
  stopper.join();
  CHECK(std::chrono::steady_clock::now() - start < std::chrono::seconds(5));
}

TEST("policies that do not fit the task are refused") {
  CHECK_THROWS(Rollout(entry<Drift>(), small_policy(4, 2, {16}), 1));
  CHECK_THROWS(Rollout(entry<Drift>(), small_policy(3, 3, {16}), 1));
  CHECK_THROWS(Rollout(entry<Drift>(), spec, 0));
  PolicySpec other = spec;
  other.action_low.pop_back();
  CHECK_THROWS(Rollout(entry<Drift>(), other, 1));
  other = spec;
  make_discrete(other);
  CHECK_THROWS(Rollout(entry<Drift>(), other, 1));
}

// ---------------------------------------------------------------- transitions

TEST("transitions chain from step to step, in the order of the episodes") {
  const auto thetas = policies(3);
  RolloutJob job{
      .thetas = thetas.data(),
      .policies = 3,
      .episodes = 4,
      .options = {.seed = 4, .statistics = some_statistics(), .observe = Observe::grow, .exploration = {.noise = 0.2}},
      .record = true};
  for (int threads : {1, 3}) {
    const auto episodes = Rollout(entry<Drift>(), spec, threads).run(job, never);
    for (size_t e = 0; e < episodes.size(); ++e) {
      const Transitions& t = *episodes[e].transitions;
      const size_t steps = size_t(episodes[e].length);
      CHECK(t.rewards.size() == steps && t.terminated.size() == steps && t.actions.size() == 2 * steps);
      CHECK(t.observations.size() == 3 * steps && t.next_observations.size() == 3 * steps);
      // Replaying the recorded actions gives the recorded observations and rewards.
      Drift env;
      Stream random(4, Purpose::training_reset, e);
      double observation[observation_size], total = 0;
      env.reset(random, observation);
      for (size_t i = 0; i < steps; ++i) {
        for (int k = 0; k < observation_size; ++k) CHECK(t.observations[3 * i + k] == float(observation[k]));
        const double action[2] = {t.actions[2 * i], t.actions[2 * i + 1]};
        const Step step = env.step(action, observation);
        for (int k = 0; k < observation_size; ++k) CHECK(t.next_observations[3 * i + k] == float(observation[k]));
        CHECK(t.rewards[i] == step.reward && bool(t.terminated[i]) == step.terminated);
        total += step.reward;
      }
      CHECK(total == episodes[e].full_return);
      CHECK(bool(t.terminated.back()) == episodes[e].terminated);
    }
  }
  job.record = false;
  CHECK(Rollout(entry<Drift>(), spec, 1).run(job, never)[0].transitions == nullptr);
}

TEST("a diverged step leaves no transition") {
  const auto thetas = policies(6);
  const RolloutJob job{.thetas = thetas.data(), .policies = 6, .episodes = 4, .options = {.seed = 4}, .record = true};
  for (const Episode& episode : Rollout(entry<Fragile>(), spec, 2).run(job, never)) {
    CHECK(int(episode.transitions->rewards.size()) == episode.length - episode.diverged);
    for (double reward : episode.transitions->rewards) CHECK(std::isfinite(reward));
  }
}

// ---------------------------------------------------------------- pause and resume

// Runs a job in calls of these many steps, and joins the transitions.
static std::vector<Episode> in_pieces(Rollout& rollout, RolloutJob job, const std::vector<int64_t>& steps) {
  std::vector<Transitions> all(size_t(job.policies * job.episodes));
  std::vector<Episode> episodes;
  for (size_t call = 0;; ++call) {
    job.max_steps = steps[call % steps.size()];
    job.resume = call > 0;
    episodes = rollout.run(job, never);
    const bool done = std::all_of(episodes.begin(), episodes.end(), [](const Episode& e) { return e.done; });
    for (size_t i = 0; i < episodes.size(); ++i) {
      if (!episodes[i].transitions) continue;  // it ended in an earlier call
      const Transitions& t = *episodes[i].transitions;
      CHECK(int64_t(t.rewards.size()) <= job.max_steps);
      const auto join = [](auto& to, const auto& from) { to.insert(to.end(), from.begin(), from.end()); };
      join(all[i].observations, t.observations);
      join(all[i].actions, t.actions);
      join(all[i].rewards, t.rewards);
      join(all[i].next_observations, t.next_observations);
      join(all[i].terminated, t.terminated);
    }
    if (done) break;
  }
  for (size_t i = 0; i < episodes.size(); ++i) episodes[i].transitions = std::make_shared<Transitions>(all[i]);
  return episodes;
}

TEST("episodes in pieces equal uninterrupted ones, for any number of threads") {
  const auto thetas = policies(3);
  for (Observe observe : {Observe::none, Observe::report, Observe::grow})
    for (double noise : {0.0, 0.25}) {
      const RolloutJob job{
          .thetas = thetas.data(),
          .policies = 3,
          .episodes = 4,
          .first_index = 20,
          .options = {.seed = 4, .statistics = some_statistics(), .observe = observe, .exploration = {.noise = noise}},
          .record = true};
      const auto whole = Rollout(entry<Drift>(), spec, 2).run(job, never);
      for (int threads : {1, 3}) {
        Rollout rollout(entry<Drift>(), spec, threads);
        for (const std::vector<int64_t>& steps : {std::vector<int64_t>{1}, {7}, {1, 13, 2}, {1000}}) {
          const auto pieces = in_pieces(rollout, job, steps);
          CHECK(same(pieces, whole));
          for (size_t i = 0; i < whole.size(); ++i) {
            const Transitions &a = *pieces[i].transitions, &b = *whole[i].transitions;
            CHECK(a.observations == b.observations && a.actions == b.actions && a.rewards == b.rewards);
            CHECK(a.next_observations == b.next_observations && a.terminated == b.terminated);
          }
        }
      }
    }
}

TEST("a paused episode continues with the new policy") {
  const auto thetas = policies(2);
  Rollout rollout(entry<Drift>(), spec, 1);
  RolloutJob job{.thetas = thetas.data(), .policies = 1, .options = {.seed = 4}, .max_steps = 5, .record = true};
  const Episode first = rollout.run(job, never)[0];
  CHECK(!first.done && first.length == 5 && !first.terminated);
  job.resume = true;
  job.thetas += layout.size;
  const Episode second = rollout.run(job, never)[0];
  CHECK(second.length == 10);
  // The first action of the new policy, on the last observation of the old one.
  MlpActor actor(spec);
  actor.load(job.thetas);
  float action[2];
  actor.act(first.transitions->next_observations.data() + 4 * observation_size, action);
  CHECK(second.transitions->actions[0] == action[0] && second.transitions->actions[1] == action[1]);
}

TEST("resume needs paused episodes and the same options") {
  const auto thetas = policies(3);
  Rollout rollout(entry<Drift>(), spec, 2);
  const RolloutJob start{.thetas = thetas.data(),
                         .policies = 2,
                         .episodes = 2,
                         .options = {.seed = 4, .statistics = some_statistics()},
                         .max_steps = 3};
  RolloutJob resume = start;
  resume.resume = true;
  CHECK_THROWS(rollout.run(resume, never));
  rollout.run(start, never);
  const std::function<void(RolloutJob&)> changes[] = {
      [](RolloutJob& job) { job.policies = 3; },
      [](RolloutJob& job) { job.episodes = 3; },
      [](RolloutJob& job) { job.first_index = 1; },
      [](RolloutJob& job) { job.options.seed = 5; },
      [](RolloutJob& job) { job.options.purpose = Purpose::final_reset; },
      [](RolloutJob& job) { job.options.statistics = std::nullopt; },
      [](RolloutJob& job) { job.options.statistics->mean[0] += 1; },
      [](RolloutJob& job) { job.options.observe = Observe::report; },
      [](RolloutJob& job) { job.options.remove_survival_bonus = false; },
      [](RolloutJob& job) { job.options.exploration.noise = 0.1; },
  };
  for (const auto& change : changes) {
    RolloutJob changed = resume;
    change(changed);
    CHECK_THROWS(rollout.run(changed, never));  // and the episodes stay paused
  }
  resume.max_steps = 0;  // to their end
  resume.record = true;
  RolloutJob whole = start;
  whole.max_steps = 0;
  CHECK(same(rollout.run(resume, never), Rollout(entry<Drift>(), spec, 1).run(whole, never)));
  CHECK_THROWS(rollout.run(resume, never));  // nothing is paused any more

  // A run without resume drops them.
  rollout.run(start, never);
  rollout.run(whole, never);
  CHECK_THROWS(rollout.run(resume, never));
  // So does a run that is stopped.
  rollout.run(start, never);
  rollout.run(start, true);
  CHECK_THROWS(rollout.run(resume, never));
}
