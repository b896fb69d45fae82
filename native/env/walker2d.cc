// Two legs that are to walk forward without falling.
#include <algorithm>
#include <cmath>

#include "models.h"
#include "mujoco_env.h"

namespace gogepo {
namespace {

constexpr double forward_reward_weight = 1, ctrl_cost_weight = 1e-3, healthy_reward = 1;
constexpr double healthy_z_min = 0.8, healthy_z_max = 2, healthy_angle = 1;
constexpr double reset_noise_scale = 5e-3;

EnvSpec spec(const char* id) {
  return {.id = id,
          .observation_size = 17,
          .action_size = 6,
          .action_low = {-1, -1, -1, -1, -1, -1},
          .action_high = {1, 1, 1, 1, 1, 1},
          .return_min = -100,
          .return_max = 3000,
          .max_episode_steps = 1000,
          .survival_bonus = healthy_reward,
          .training_steps = 3'000'000,
          .evaluate_every = 10'000,
          .source = "https://gymnasium.farama.org/environments/mujoco/walker2d/"};
}

template <int version>
const mjModel* shared_model() {
  static const mjModel* const model = [] {
    mjModel* walker = compile_model(walker2d_xml);
    if (version == 4) walker->geom_friction[3 * mj_name2id(walker, mjOBJ_GEOM, "right sole")] = 0.9;   // -v5 made the feet equal
    return walker;
  }();
  return model;
}

// qpos: x, z, pitch, then hip, knee, ankle of the right leg and of the left leg; qvel: their velocities
template <int version>
class Walker2d final : public MujocoEnv {
 public:
  Walker2d() : MujocoEnv(shared_model<version>(), 4) {}

  Step step(const double* action, double* observation) override {
    const double before = data->qpos[0];
    Step step;
    step.diverged = !simulate(action);
    const double velocity = (data->qpos[0] - before) / dt;
    const bool healthy = data->qpos[1] > healthy_z_min && data->qpos[1] < healthy_z_max && std::abs(data->qpos[2]) < healthy_angle;
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

  // all but x, then all velocities within +-10
  void observe(double* observation) const override {
    observation = std::copy(data->qpos + 1, data->qpos + model->nq, observation);
    std::transform(data->qvel, data->qvel + model->nv, observation, [](double v) { return std::clamp(v, -10.0, 10.0); });
  }
};

}  // namespace

EnvEntry walker2d_v5() { return {spec("Walker2d-v5"), make_env<Walker2d<5>>}; }
EnvEntry walker2d_v4() { return {spec("Walker2d-v4"), make_env<Walker2d<4>>}; }

}  // namespace gogepo
