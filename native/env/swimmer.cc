// Swimmer: three links in a viscous fluid have to swim forward in the plane. They cannot fail: only the time limit ends
// an episode.
#include <algorithm>

#include "models.h"
#include "mujoco_env.h"

namespace gogepo {
namespace {

template <int version>
struct SwimmerOptions : MujocoOptions {
  using MujocoOptions::MujocoOptions;
  const int frame_skip = version == 4 ? 4 : frames(4);
  const double forward_reward_weight = forward_weight(1), ctrl_cost_weight = control_weight(1e-4),
               reset_noise_scale = reset_noise(0.1);
  const bool exclude_current_positions_from_observation = without_position();
};

const mjModel* shared_model() {
  static const mjModel* const model = compile_model(swimmer_xml);
  return model;
}

// qpos: x, y, heading, first joint, second joint; qvel: their velocities
template <int version>
class Swimmer final : public MujocoEnv {
 public:
  using Options = SwimmerOptions<version>;

  static EnvSpec spec(const Options& o) {
    return {.id = version == 5 ? "Swimmer-v5" : "Swimmer-v4",
            .observation_size = o.exclude_current_positions_from_observation ? 8 : 10,
            .action_size = 2,
            .action_low = {-1, -1},
            .action_high = {1, 1},
            .return_min = -100,
            .return_max = 365,
            .max_episode_steps = 1000,
            .training_steps = 3'000'000,
            .evaluate_every = 10'000,
            .source = "https://gymnasium.farama.org/environments/mujoco/swimmer/"};
  }

  explicit Swimmer(const Options& options) : MujocoEnv(shared_model(), options.frame_skip), o(options) {}

  Step step(const double* action, double* observation) override {
    const double before = data->qpos[0];
    Step step;
    step.diverged = !simulate(action);
    const double velocity = (data->qpos[0] - before) / dt;
    step.reward = o.forward_reward_weight * velocity - control_cost(o.ctrl_cost_weight, action, model->nu);
    observe(observation);
    return step;
  }

 private:
  void draw_state(Stream& random) override {
    add_uniform(random, o.reset_noise_scale, data->qpos, model->nq);
    add_uniform(random, o.reset_noise_scale, data->qvel, model->nv);
  }

  // Positions, without x and y by default, then velocities.
  void observe(double* observation) const override {
    observation =
        std::copy(data->qpos + 2 * o.exclude_current_positions_from_observation, data->qpos + model->nq, observation);
    std::copy(data->qvel, data->qvel + model->nv, observation);
  }

  const Options o;
};

}  // namespace

EnvEntry swimmer_v5(const TaskOptionValues& given) { return env_entry<Swimmer<5>>(given); }
EnvEntry swimmer_v4(const TaskOptionValues& given) { return env_entry<Swimmer<4>>(given); }  // same rules as -v5

}  // namespace gogepo
