// Hopper: a planar one-legged robot has to hop forward without falling.
#include <algorithm>

#include "models.h"
#include "mujoco_env.h"

namespace gogepo {
namespace {

template <int version>
struct HopperOptions : MujocoOptions {
  using MujocoOptions::MujocoOptions;
  const int frame_skip = version == 4 ? 4 : frames(4);
  const double forward_reward_weight = forward_weight(1), ctrl_cost_weight = control_weight(1e-3),
               healthy_reward = health_reward(1);
  const bool terminate_when_unhealthy = ends_unhealthy();
  const Range healthy_state_range =
      range("healthy_state_range", {-100, 100}, "healthy values of pitch, joint angles and all velocities");
  const Range healthy_z_range = healthy_z({0.7, infinity}), healthy_angle_range = healthy_angle({-0.2, 0.2});
  const double reset_noise_scale = reset_noise(5e-3);
  const bool exclude_current_positions_from_observation = without_position();
};

const mjModel* shared_model() {
  static const mjModel* const model = compile_model(hopper_xml);
  return model;
}

// qpos: x, z, pitch, hip, knee, ankle; qvel: their velocities
template <int version>
class Hopper final : public MujocoEnv {
 public:
  using Options = HopperOptions<version>;

  static EnvSpec spec(const Options& o) {
    return {.id = version == 5 ? "Hopper-v5" : "Hopper-v4",
            .observation_size = o.exclude_current_positions_from_observation ? 11 : 12,
            .action_size = 3,
            .action_low = {-1, -1, -1},
            .action_high = {1, 1, 1},
            .return_min = -100,
            .return_max = 3000,
            .max_episode_steps = 1000,
            .survival_bonus = o.healthy_reward,
            .training_steps = 3'000'000,
            .evaluate_every = 10'000,
            .source = "https://gymnasium.farama.org/environments/mujoco/hopper/"};
  }

  explicit Hopper(const Options& options) : MujocoEnv(shared_model(), options.frame_skip), o(options) {}

  Step step(const double* action, double* observation) override {
    const double before = data->qpos[0];
    Step step;
    step.diverged = !simulate(action);
    const double velocity = (data->qpos[0] - before) / dt;
    const bool healthy = is_healthy();
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

  bool is_healthy() const {
    const auto in_range = [this](double x) { return o.healthy_state_range.holds(x); };
    return o.healthy_z_range.holds(data->qpos[1]) && o.healthy_angle_range.holds(data->qpos[2]) &&
           std::all_of(data->qpos + 2, data->qpos + model->nq, in_range) &&
           std::all_of(data->qvel, data->qvel + model->nv, in_range);
  }

  const Options o;
};

}  // namespace

EnvEntry hopper_v5(const TaskOptionValues& given) { return env_entry<Hopper<5>>(given); }
EnvEntry hopper_v4(const TaskOptionValues& given) { return env_entry<Hopper<4>>(given); }

}  // namespace gogepo
