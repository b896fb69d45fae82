// One leg that is to hop forward without falling.
#include <algorithm>
#include <cmath>

#include "models.h"
#include "mujoco_env.h"

namespace gogepo {
namespace {

constexpr double forward_reward_weight = 1, ctrl_cost_weight = 1e-3, healthy_reward = 1;
constexpr double healthy_state = 100, healthy_z_min = 0.7, healthy_angle = 0.2;
constexpr double reset_noise_scale = 5e-3;

EnvSpec spec(const char* id) {
  return {.id = id,
          .observation_size = 11,
          .action_size = 3,
          .action_low = {-1, -1, -1},
          .action_high = {1, 1, 1},
          .return_min = -100,
          .return_max = 3000,
          .max_episode_steps = 1000,
          .survival_bonus = healthy_reward,
          .training_steps = 3'000'000,
          .evaluate_every = 10'000,
          .source = "https://gymnasium.farama.org/environments/mujoco/hopper/"};
}

const mjModel* shared_model() {
  static const mjModel* const model = compile_model(hopper_xml);
  return model;
}

// qpos: x, z, pitch, hip, knee, ankle; qvel: their velocities
template <int version>
class Hopper final : public MujocoEnv {
 public:
  Hopper() : MujocoEnv(shared_model(), 4) {}

  Step step(const double* action, double* observation) override {
    const double before = data->qpos[0];
    Step step;
    step.diverged = !simulate(action);
    const double velocity = (data->qpos[0] - before) / dt;
    const bool healthy = is_healthy();
    step.survival = healthy || version == 4 ? healthy_reward : 0;
    step.reward = forward_reward_weight * velocity + step.survival - control_cost(ctrl_cost_weight, action, model->nu);
    step.terminated = !healthy;
    observe(observation);
    return step;
  }

 private:
  void draw_state(Stream& random) override {
    add_uniform(random, reset_noise_scale, data->qpos, model->nq);
    add_uniform(random, reset_noise_scale, data->qvel, model->nv);
  }

  // z, pitch, the three joints; then all velocities within +-10
  void observe(double* observation) const override {
    observation = std::copy(data->qpos + 1, data->qpos + model->nq, observation);
    std::transform(data->qvel, data->qvel + model->nv, observation, [](double v) { return std::clamp(v, -10.0, 10.0); });
  }

  bool is_healthy() const {
    const auto in_range = [](double x) { return std::abs(x) < healthy_state; };
    return data->qpos[1] > healthy_z_min && std::abs(data->qpos[2]) < healthy_angle &&
           std::all_of(data->qpos + 2, data->qpos + model->nq, in_range) && std::all_of(data->qvel, data->qvel + model->nv, in_range);
  }
};

}  // namespace

EnvEntry hopper_v5() { return {spec("Hopper-v5"), make_env<Hopper<5>>}; }
EnvEntry hopper_v4() { return {spec("Hopper-v4"), make_env<Hopper<4>>}; }

}  // namespace gogepo
