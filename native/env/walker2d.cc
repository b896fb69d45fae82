// Walker2d: a planar two-legged robot has to walk forward without falling.
#include <algorithm>

#include "models.h"
#include "mujoco_env.h"

namespace gogepo {
namespace {

template <int version>
struct Walker2dOptions : MujocoOptions {
  using MujocoOptions::MujocoOptions;
  const int frame_skip = version == 4 ? 4 : frames(4);
  const double forward_reward_weight = forward_weight(1), ctrl_cost_weight = control_weight(1e-3),
               healthy_reward = health_reward(1);
  const bool terminate_when_unhealthy = ends_unhealthy();
  const Range healthy_z_range = healthy_z({0.8, 2}), healthy_angle_range = healthy_angle({-1, 1});
  const double reset_noise_scale = reset_noise(5e-3);
  const bool exclude_current_positions_from_observation = without_position();
};

template <int version>
const mjModel* shared_model() {
  static const mjModel* const model = [] {
    mjModel* walker = compile_model(walker2d_xml);
    if (version == 4)
      walker->geom_friction[3 * mj_name2id(walker, mjOBJ_GEOM, "right sole")] =
          0.9;  // -v5 gave both feet the same friction
    return walker;
  }();
  return model;
}

// qpos: x, z, pitch, then hip, knee and ankle of the right leg and of the left leg; qvel: their velocities
template <int version>
class Walker2d final : public MujocoEnv {
 public:
  using Options = Walker2dOptions<version>;

  static EnvSpec spec(const Options& o) {
    return {.id = version == 5 ? "Walker2d-v5" : "Walker2d-v4",
            .observation_size = o.exclude_current_positions_from_observation ? 17 : 18,
            .action_size = 6,
            .action_low = {-1, -1, -1, -1, -1, -1},
            .action_high = {1, 1, 1, 1, 1, 1},
            .return_min = -100,
            .return_max = 3000,
            .max_episode_steps = 1000,
            .survival_bonus = o.healthy_reward,
            .training_steps = 3'000'000,
            .evaluate_every = 10'000,
            .source = "https://gymnasium.farama.org/environments/mujoco/walker2d/"};
  }

  explicit Walker2d(const Options& options) : MujocoEnv(shared_model<version>(), options.frame_skip), o(options) {}

  Step step(const double* action, double* observation) override {
    const double before = data->qpos[0];
    Step step;
    step.diverged = !simulate(action);
    const double velocity = (data->qpos[0] - before) / dt;
    const bool healthy = o.healthy_z_range.holds(data->qpos[1]) && o.healthy_angle_range.holds(data->qpos[2]);
    step.survival = healthy || (version == 4 && o.terminate_when_unhealthy) ? o.healthy_reward : 0;
    step.reward =
        o.forward_reward_weight * velocity + step.survival - control_cost(o.ctrl_cost_weight, action, model->nu);
    step.terminated = !healthy && o.terminate_when_unhealthy;
    observe(observation);
    return step;
  }

 private:
  void draw_state(Stream& random) override {
    add_uniform(random, o.reset_noise_scale, data->qpos, model->nq);
    add_uniform(random, o.reset_noise_scale, data->qvel, model->nv);
  }

  // Positions, without x by default, then velocities clipped to +-10.
  void observe(double* observation) const override {
    observation =
        std::copy(data->qpos + o.exclude_current_positions_from_observation, data->qpos + model->nq, observation);
    std::transform(data->qvel, data->qvel + model->nv, observation,
                   [](double v) { return std::clamp(v, -10.0, 10.0); });
  }

  const Options o;
};

}  // namespace

EnvEntry walker2d_v5(const TaskOptionValues& given) { return env_entry<Walker2d<5>>(given); }
EnvEntry walker2d_v4(const TaskOptionValues& given) { return env_entry<Walker2d<4>>(given); }

}  // namespace gogepo
