// Cost per step of a rollout, next to its lower bound: the physics and the policy.
//   rollout_bench Hopper-v5 [threads [passes]]
// Prints microseconds per step, medians of interleaved passes. In CPU time of one thread, which other programs disturb
// less: `usPerStep` (rollout: statistics, policy, task), `physicsUsPerStep` (a plain C loop of mj_step over the same
// states and actions; for a task without MuJoCo its own step) and `networkUsPerStep` (the policy alone); `ratio` is
// usPerStep / (physicsUsPerStep + 5). In wall time: `threads`, the rollout on 1 and on that many threads. Episodes run
// to the time limit, so that steps are measured and not resets.
#include <mujoco/mujoco.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <ctime>

#include "actor.h"
#include "mujoco_env.h"
#include "rollout.h"

using namespace gogepo;

namespace {

const EnvEntry* task = nullptr;
std::vector<double>* recording = nullptr;  // collects actions unless null

// The task without termination, from one known state.
class Endless : public Env {
 public:
  void reset(Stream&, double* observation) override { set_state(first_state().data(), observation); }
  Step step(const double* action, double* observation) override {
    if (recording)
      recording->insert(recording->end(), action, action + (task->spec.discrete ? 1 : task->spec.action_size));
    Step step = env_->step(action, observation);
    step.terminated = false;
    return step;
  }
  int state_size() const override { return env_->state_size(); }
  void set_state(const double* state, double* observation) override { env_->set_state(state, observation); }

  const MujocoEnv* mujoco() const { return dynamic_cast<const MujocoEnv*>(env_.get()); }
  std::vector<double> first_state() const {
    std::vector<double> state(state_size());
    if (mujoco()) std::copy_n(mujoco()->model->qpos0, mujoco()->model->nq, state.begin());
    return state;
  }

 private:
  std::unique_ptr<Env> env_ = task->make();
};

double median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  return values[values.size() / 2];
}

struct Time {
  double wall = 0, cpu = 0;  // microseconds per step
};

template <class Work>
Time measure(int64_t steps, const Work& work) {
  const auto start = std::chrono::steady_clock::now();
  const std::clock_t busy = std::clock();
  work();
  return {std::chrono::duration<double, std::micro>(std::chrono::steady_clock::now() - start).count() / double(steps),
          double(std::clock() - busy) * (1e6 / CLOCKS_PER_SEC) / double(steps)};
}

}  // namespace

int main(int argc, char** argv) {
  task = argc > 1 ? find_env(argv[1]) : nullptr;
  const int threads = argc > 2 ? std::atoi(argv[2]) : 2, passes = argc > 3 ? std::atoi(argv[3]) : 7;
  if (!task || threads < 1 || passes < 1) {
    std::fprintf(stderr,
                 "expected a task, optionally followed by threads and passes, as in: rollout_bench Hopper-v5 2 7\n");
    return 2;
  }
  const EnvSpec& spec = task->spec;
  // Enough steps to measure, and equally many episodes per thread.
  const int episodes = threads * std::max(2 / threads + 1, (2000 / spec.max_episode_steps + threads) / threads);
  const EnvEntry entry{spec, make_env<Endless>};
  const PolicySpec policy{.observation_size = spec.observation_size,
                          .action_size = spec.action_size,
                          .discrete = spec.discrete,
                          .action_low = spec.action_low,
                          .action_high = spec.action_high,
                          .hidden = {256, 256}};
  const PolicyLayout layout(policy);
  Stream random(1, Purpose::parameter_noise, 0);
  std::vector<float> thetas(layout.size * episodes);
  for (float& value : thetas) value = float(0.1 * random.normal());
  const Moments statistics{2, std::vector<double>(spec.observation_size),
                           std::vector<double>(spec.observation_size, 1)};
  const RolloutJob job{
      .thetas = thetas.data(), .policies = episodes, .options = {.statistics = statistics, .observe = Observe::grow}};
  const std::atomic<bool> stop = false;
  Rollout rollout(entry, policy, 1), rollout_on_many(entry, policy, threads);

  std::vector<double> actions;  // (steps, A), or (steps) action indices
  recording = &actions;
  int64_t steps = 0;
  std::vector<int> lengths;
  for (const Episode& episode : rollout.run(job, stop)) {
    lengths.push_back(episode.length);
    steps += episode.length;
  }
  recording = nullptr;
  const int width = int(int64_t(actions.size()) / steps);

  Endless env;
  const std::vector<double> first = env.first_state();
  std::vector<double> observation(spec.observation_size);
  const auto physics = [&] {
    const double* action = actions.data();
    const MujocoEnv* mujoco = env.mujoco();
    mjData* data = mujoco ? mj_makeData(mujoco->model) : nullptr;
    for (const int length : lengths) {
      if (mujoco) {
        mj_resetData(mujoco->model, data);
        mj_forward(mujoco->model, data);
      } else {
        env.set_state(first.data(), observation.data());
      }
      for (int t = 0; t < length; ++t, action += width)
        if (mujoco) {
          mju_copy(data->ctrl, action, mujoco->model->nu);
          for (int frame = 0; frame < mujoco->frame_skip; ++frame) mj_step(mujoco->model, data);
        } else {
          env.step(action, observation.data());
        }
    }
    if (data) mj_deleteData(data);
  };

  MlpActor actor(policy);
  actor.load(thetas.data());
  std::vector<float> input(spec.observation_size), output(spec.action_size);
  const auto network = [&] {
    for (int64_t t = 0; t < steps; ++t) {
      input[0] = output[0];  // a step depends on the previous action
      actor.act(input.data(), output.data());
    }
  };

  std::vector<double> whole, whole_wall, whole_on_many, alone, acting;
  for (int pass = 0; pass < passes; ++pass) {
    const Time w = measure(steps, [&] { rollout.run(job, stop); });
    whole.push_back(w.cpu);
    whole_wall.push_back(w.wall);
    alone.push_back(measure(steps, physics).cpu);
    acting.push_back(measure(steps, network).cpu);
    if (threads > 1) whole_on_many.push_back(measure(steps, [&] { rollout_on_many.run(job, stop); }).wall);
  }
  const double us = median(whole), floor = median(alone) + 5;
  std::printf(
      "{\"task\":\"%s\",\"usPerStep\":%.3f,\"physicsUsPerStep\":%.3f,\"networkUsPerStep\":%.3f,\"ratio\":%.3f,"
      "\"threads\":{\"1\":%.3f",
      spec.id.c_str(), us, median(alone), median(acting), us / floor, median(whole_wall));
  if (threads > 1) std::printf(",\"%d\":%.3f", threads, median(whole_on_many));
  std::printf("}}\n");
}
