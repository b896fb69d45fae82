// HalfCheetah: a planar two-legged robot has to run forward. It cannot fail: only the time limit ends an episode.
#include <algorithm>

#include "models.h"
#include "mujoco_env.h"

namespace gogepo {
namespace {

template <int version>
struct HalfCheetahOptions : MujocoOptions {
  using MujocoOptions::MujocoOptions;
  const int frame_skip = version == 4 ? 5 : frames(5);
  const double forward_reward_weight = forward_weight(1), ctrl_cost_weight = control_weight(0.1),
               reset_noise_scale = reset_noise(0.1);
  const bool exclude_current_positions_from_observation = without_position();
};

const mjModel* shared_model() {
  static const mjModel* const model = compile_model(half_cheetah_xml);
  return model;
}

// qpos: x, z, pitch, then hip, knee and ankle of the back leg and of the front leg; qvel: their velocities
template <int version>
class HalfCheetah final : public MujocoEnv {
 public:
  using Options = HalfCheetahOptions<version>;

  static EnvSpec spec(const Options& o) {
    return {.id = version == 5 ? "HalfCheetah-v5" : "HalfCheetah-v4",
            .observation_size = o.exclude_current_positions_from_observation ? 17 : 18,
            .action_size = 6,
            .action_low = {-1, -1, -1, -1, -1, -1},
            .action_high = {1, 1, 1, 1, 1, 1},
            .return_min = -100,
            .return_max = 4000,
            .max_episode_steps = 1000,
            .training_steps = 3'000'000,
            .evaluate_every = 10'000,
            .source = "https://gymnasium.farama.org/environments/mujoco/half_cheetah/"};
  }

  explicit HalfCheetah(const Options& options) : MujocoEnv(shared_model(), options.frame_skip), o(options) {}

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
    add_normal(random, o.reset_noise_scale, data->qvel, model->nv);
  }

  // Positions, without x by default, then velocities.
  void observe(double* observation) const override {
    observation =
        std::copy(data->qpos + o.exclude_current_positions_from_observation, data->qpos + model->nq, observation);
    std::copy(data->qvel, data->qvel + model->nv, observation);
  }

  const Options o;
};

}  // namespace

EnvEntry half_cheetah_v5(const TaskOptionValues& given) { return env_entry<HalfCheetah<5>>(given); }
EnvEntry half_cheetah_v4(const TaskOptionValues& given) {
  return env_entry<HalfCheetah<4>>(given);
}  // same rules as -v5

}  // namespace gogepo
