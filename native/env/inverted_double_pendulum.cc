// InvertedDoublePendulum: balance two poles, one on top of the other, on a cart. Survival is the task itself.
#include <algorithm>
#include <cmath>

#include "models.h"
#include "mujoco_env.h"
#include "squared.h"

namespace gogepo {
namespace {

struct InvertedDoublePendulumOptions : MujocoOptions {
  using MujocoOptions::MujocoOptions;
  const int frame_skip = frames(5);
  const double healthy_reward = number("healthy_reward", 10, "reward per step while the tip is up"),
               reset_noise_scale = reset_noise(0.1);
};

const mjModel* shared_model() {
  static const mjModel* const model = compile_model(inverted_double_pendulum_xml);
  return model;
}

// qpos: cart, lower pole, upper pole; qvel: their velocities
class InvertedDoublePendulum final : public MujocoEnv {
 public:
  using Options = InvertedDoublePendulumOptions;

  static EnvSpec spec(const Options&) {
    return {.id = "InvertedDoublePendulum-v5",
            .observation_size = 9,
            .action_size = 1,
            .action_low = {-1},
            .action_high = {1},
            .return_min = 0,
            .return_max = 10000,
            .max_episode_steps = 1000,
            .training_steps = 100'000,
            .evaluate_every = 1'000,
            .source = "https://gymnasium.farama.org/environments/mujoco/inverted_double_pendulum/"};
  }

  explicit InvertedDoublePendulum(const Options& options) : MujocoEnv(shared_model(), options.frame_skip), o(options) {}

  Step step(const double* action, double* observation) override {
    Step step;
    step.diverged = !simulate(action);
    const double x = data->site_xpos[0], z = data->site_xpos[2];  // the tip is the model's only site
    const double lower = data->qvel[1], upper = data->qvel[2];
    step.terminated = z <= 1;
    const double distance_penalty = 0.01 * squared(x) + squared(z - 2);
    const double velocity_penalty = 1e-3 * squared(lower) + 5e-3 * squared(upper);
    step.reward = (step.terminated ? 0 : o.healthy_reward) - distance_penalty - velocity_penalty;
    observe(observation);
    return step;
  }

 private:
  void draw_state(Stream& random) override {
    add_uniform(random, o.reset_noise_scale, data->qpos, model->nq);
    add_normal(random, o.reset_noise_scale, data->qvel, model->nv);
  }

  // Cart position, sines and cosines of the two angles, velocities and the cart's constraint force, clipped to +-10.
  void observe(double* observation) const override {
    const auto within = [](double x) { return std::clamp(x, -10.0, 10.0); };
    const double* const angles = data->qpos + 1;
    *observation++ = data->qpos[0];
    observation = std::transform(angles, angles + 2, observation, [](double x) { return std::sin(x); });
    observation = std::transform(angles, angles + 2, observation, [](double x) { return std::cos(x); });
    observation = std::transform(data->qvel, data->qvel + 3, observation, within);
    *observation = within(data->qfrc_constraint[0]);
  }

  const Options o;
};

}  // namespace

EnvEntry inverted_double_pendulum_v5(const TaskOptionValues& given) { return env_entry<InvertedDoublePendulum>(given); }

}  // namespace gogepo
