// InvertedPendulum: balance a pole on a cart. The reward is 1 per step; survival is the task itself.
#include <algorithm>
#include <cmath>

#include "models.h"
#include "mujoco_env.h"

namespace gogepo {
namespace {

constexpr double max_angle = 0.2;  // radians

template <int version>
struct InvertedPendulumOptions : MujocoOptions {
  using MujocoOptions::MujocoOptions;
  const int frame_skip = version == 4 ? 2 : frames(2);
  const double reset_noise_scale = version == 4 ? 0.01 : reset_noise(0.01);
};

const mjModel* shared_model() {
  static const mjModel* const model = compile_model(inverted_pendulum_xml);
  return model;
}

// qpos: cart, pole; qvel: their velocities
template <int version>
class InvertedPendulum final : public MujocoEnv {
 public:
  using Options = InvertedPendulumOptions<version>;

  static EnvSpec spec(const Options&) {
    return {.id = version == 5 ? "InvertedPendulum-v5" : "InvertedPendulum-v4",
            .observation_size = 4,
            .action_size = 1,
            .action_low = {-3},
            .action_high = {3},
            .return_min = 0,
            .return_max = 1000,
            .max_episode_steps = 1000,
            .training_steps = 100'000,
            .evaluate_every = 1'000,
            .source = "https://gymnasium.farama.org/environments/mujoco/inverted_pendulum/"};
  }

  explicit InvertedPendulum(const Options& options) : MujocoEnv(shared_model(), options.frame_skip), o(options) {}

  Step step(const double* action, double* observation) override {
    Step step;
    step.diverged = !simulate(action);
    step.terminated = !is_finite() || std::abs(data->qpos[1]) > max_angle;
    step.reward = step.terminated && version != 4 ? 0 : 1;
    observe(observation);
    return step;
  }

 private:
  void draw_state(Stream& random) override {
    add_uniform(random, o.reset_noise_scale, data->qpos, model->nq);
    add_uniform(random, o.reset_noise_scale, data->qvel, model->nv);
  }

  void observe(double* observation) const override {
    observation = std::copy(data->qpos, data->qpos + model->nq, observation);
    std::copy(data->qvel, data->qvel + model->nv, observation);
  }

  const Options o;
};

}  // namespace

EnvEntry inverted_pendulum_v5(const TaskOptionValues& given) { return env_entry<InvertedPendulum<5>>(given); }
EnvEntry inverted_pendulum_v4(const TaskOptionValues& given) { return env_entry<InvertedPendulum<4>>(given); }

}  // namespace gogepo
