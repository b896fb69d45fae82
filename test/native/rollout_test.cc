#include "rollout.h"

#include <algorithm>
#include <chrono>
#include <cstring>
#include <stdexcept>
#include <thread>

#include "check.h"
#include "policy_runner.h"

using namespace gogepo;

namespace {

constexpr int observation_size = 3, time_limit = 40;
const std::vector<int> sizes = {observation_size, 32, 16, 2};

// A point pushed about in the plane; the third coordinate is noise of its own, so that a step taken out of turn shows.
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

// Two buttons: the first pays 1, the second 2.
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

const PolicyLayout layout(sizes);
const ActionScaling scaling{{0.5f, 0}, {1, 2}};
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
         a.moments.mean == b.moments.mean && a.moments.m2 == b.moments.m2;
}

// One episode as SPEC says it, with nothing shared with the rollout but the policy and the random stream.
Episode obvious(const float* theta, const RolloutJob& job, uint64_t index) {
  PolicyRunner policy(layout, scaling);
  policy.load(theta);
  Drift env;
  Stream random(job.seed, job.purpose, index);
  double observation[observation_size];
  env.reset(random, observation);
  Episode episode;
  episode.moments = {0, std::vector<double>(observation_size), std::vector<double>(observation_size)};
  Moments all = job.statistics ? *job.statistics : episode.moments;
  while (episode.length < time_limit && !episode.terminated) {
    if (job.learning) {
      push(episode.moments, observation);
      push(all, observation);
    }
    float input[observation_size];
    for (int i = 0; i < observation_size; ++i) {
      input[i] = float(observation[i]);
      if (!job.statistics) continue;
      const double deviation = all.count < 2 ? 0 : std::sqrt(all.m2[i] / double(all.count - 1));
      input[i] = deviation < 1e-7 ? 0 : float((observation[i] - all.mean[i]) / (deviation + 1e-8));
    }
    float output[2];
    policy.act(input, output);
    const double action[2] = {output[0], output[1]};
    const Step step = env.step(action, observation);
    ++episode.length;
    episode.full_return += step.reward;
    episode.stored_return += job.remove_survival_bonus ? step.reward - step.survival : step.reward;
    episode.terminated = step.terminated;
  }
  return episode;
}

}  // namespace

TEST("episodes are what the contract says, in order") {
  const auto thetas = policies(4);
  const Moments statistics = some_statistics();
  Rollout rollout(entry<Drift>(), sizes, scaling, 2);
  int ended = 0, timed_out = 0;
  for (bool learning : {false, true})
    for (const Moments* start : {static_cast<const Moments*>(nullptr), &statistics})
      for (bool remove : {false, true}) {
        RolloutJob job{.thetas = thetas.data(),
                       .policies = 4,
                       .episodes = 3,
                       .seed = 8,
                       .purpose = Purpose::evaluation_reset,
                       .first_index = 70};
        job.statistics = start;
        job.learning = learning;
        job.remove_survival_bonus = remove;
        const auto episodes = rollout.run(job, never);
        CHECK(episodes.size() == 12);
        for (int i = 0; i < 12; ++i) {
          const Episode expected = obvious(thetas.data() + i / 3 * layout.size, job, 70 + i);
          CHECK(episodes[i].length == expected.length);
          CHECK(episodes[i].terminated == expected.terminated);
          CHECK(episodes[i].full_return == expected.full_return);
          CHECK(episodes[i].stored_return == expected.stored_return);
          CHECK(episodes[i].moments.count == (learning ? episodes[i].length : 0));
          for (int k = 0; learning && k < observation_size; ++k)
            CHECK(episodes[i].moments.mean[k] == expected.moments.mean[k]);
          ++(episodes[i].terminated ? ended : timed_out);
        }
      }
  CHECK(ended > 5 && timed_out > 5);
}

TEST("the number of threads changes no bit") {
  const auto thetas = policies(7);
  const Moments statistics = some_statistics();
  RolloutJob job{.thetas = thetas.data(), .policies = 7, .episodes = 5, .seed = 4};
  job.statistics = &statistics;
  job.learning = true;
  const auto one = Rollout(entry<Drift>(), sizes, scaling, 1).run(job, never);
  for (int threads : {2, 3, 8}) {
    const auto many = Rollout(entry<Drift>(), sizes, scaling, threads).run(job, never);
    CHECK(std::equal(one.begin(), one.end(), many.begin(), same));
  }
}

TEST("an episode depends on its index and not on the call it is part of") {
  const auto thetas = policies(1);
  Rollout rollout(entry<Drift>(), sizes, scaling, 2);
  RolloutJob job{.thetas = thetas.data(), .policies = 1, .episodes = 6, .seed = 4, .first_index = 10};
  const auto together = rollout.run(job, never);
  job.episodes = 1;
  for (int i = 0; i < 6; ++i) {
    job.first_index = 10 + i;
    CHECK(same(rollout.run(job, never)[0], together[i]));
  }
  CHECK(!same(together[0], together[1]));
  job.first_index = 10;
  job.seed = 5;
  CHECK(!same(rollout.run(job, never)[0], together[0]));
  job.seed = 4;
  job.purpose = Purpose::evaluation_reset;
  CHECK(!same(rollout.run(job, never)[0], together[0]));
}

TEST("a rollout uses the policies of this call, not those it ran before") {
  const auto thetas = policies(2);
  Rollout rollout(entry<Drift>(), sizes, scaling, 1);
  RolloutJob job{.thetas = thetas.data(), .policies = 1, .seed = 4};
  const Episode first = rollout.run(job, never)[0];
  job.thetas += layout.size;
  CHECK(!same(rollout.run(job, never)[0], first));
  job.thetas -= layout.size;
  CHECK(same(rollout.run(job, never)[0], first));
}

TEST("a survival bonus is removed only where the task has one") {
  const auto thetas = policies(1);
  const RolloutJob job{.thetas = thetas.data(), .policies = 1, .seed = 4};
  const Episode with = Rollout(entry<Drift>(1), sizes, scaling, 1).run(job, never)[0];
  CHECK_NEAR(with.full_return - with.stored_return, with.length - with.terminated, 1e-9);
  const Episode without = Rollout(entry<Drift>(0), sizes, scaling, 1).run(job, never)[0];
  CHECK(without.full_return == with.full_return && without.stored_return == without.full_return);
}

TEST("a diverged step ends the episode and leaves its returns finite") {
  const auto thetas = policies(6);
  const RolloutJob job{.thetas = thetas.data(), .policies = 6, .episodes = 4, .seed = 4};
  int diverged = 0;
  for (const Episode& episode : Rollout(entry<Fragile>(), sizes, scaling, 2).run(job, never)) {
    diverged += episode.diverged;
    CHECK(std::isfinite(episode.full_return) && std::isfinite(episode.stored_return));
    CHECK(episode.diverged || episode.terminated || episode.length == time_limit);
  }
  CHECK(diverged > 0 && diverged < 24);
}

TEST("a discrete task is told the number of an action") {
  ActionScaling discrete;
  discrete.discrete = true;
  EnvEntry buttons = entry<Buttons>(0, 10);
  buttons.spec.discrete = true;
  std::vector<float> theta(layout.size);
  const RolloutJob job{.thetas = theta.data(), .policies = 1};
  Rollout rollout(buttons, sizes, discrete, 1);
  CHECK(rollout.run(job, never)[0].full_return == 10);
  theta[layout.layers.back().bias + 1] = 1;
  CHECK(rollout.run(job, never)[0].full_return == 20);
}

TEST("what a task throws reaches the caller, and the next run has a new task") {
  const auto thetas = policies(5);
  const RolloutJob job{.thetas = thetas.data(), .policies = 5};
  for (int threads : {1, 3}) {
    Rollout rollout(entry<Throwing>(), sizes, scaling, threads);
    for (int round = 0; round < 2; ++round) CHECK_THROWS(rollout.run(job, never));
  }
  CHECK(used_after_throwing == 0);
}

TEST("a stop ends the run between steps") {
  const auto thetas = policies(2);
  const RolloutJob job{.thetas = thetas.data(), .policies = 2, .episodes = 1000};
  Rollout rollout(entry<Slow>(), sizes, scaling, 2);
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

TEST("sizes that do not fit the task are refused") {
  CHECK_THROWS(Rollout(entry<Drift>(), {4, 16, 2}, scaling, 1));
  CHECK_THROWS(Rollout(entry<Drift>(), {3, 16, 3}, ActionScaling{{0, 0, 0}, {1, 1, 1}}, 1));
  CHECK_THROWS(Rollout(entry<Drift>(), sizes, ActionScaling{{0}, {1}}, 1));
  CHECK_THROWS(Rollout(entry<Drift>(), sizes, scaling, 0));
}
