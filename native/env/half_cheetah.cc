// A two-legged runner that is to run forward. It cannot fail: only the time limit ends an episode.
#include <algorithm>

#include "models.h"
#include "mujoco_env.h"

namespace gogepo {
namespace {

constexpr double forward_reward_weight = 1, ctrl_cost_weight = 0.1, reset_noise_scale = 0.1;

EnvSpec spec(const char* id) {
  return {.id = id,
          .observation_size = 17,
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

const mjModel* shared_model() {
  static const mjModel* const model = compile_model(half_cheetah_xml);
  return model;
}

// qpos: x, z, pitch, then hip, knee, ankle of the back leg and of the front leg; qvel: their velocities
class HalfCheetah final : public MujocoEnv {
 public:
  HalfCheetah() : MujocoEnv(shared_model(), 5) {}

  Step step(const double* action, double* observation) override {
    const double before = data->qpos[0];
    Step step;
    step.diverged = !simulate(action);
    const double velocity = (data->qpos[0] - before) / dt;
    step.reward = forward_reward_weight * velocity - control_cost(ctrl_cost_weight, action, model->nu);
    observe(observation);
    return step;
  }

 private:
  void draw_state(Stream& random) override {
    add_uniform(random, reset_noise_scale, data->qpos, model->nq);
    add_normal(random, reset_noise_scale, data->qvel, model->nv);
  }

  // all but x, then all velocities
  void observe(double* observation) const override {
    observation = std::copy(data->qpos + 1, data->qpos + model->nq, observation);
    std::copy(data->qvel, data->qvel + model->nv, observation);
  }
};

}  // namespace

EnvEntry half_cheetah_v5() { return {spec("HalfCheetah-v5"), make_env<HalfCheetah>}; }
EnvEntry half_cheetah_v4() { return {spec("HalfCheetah-v4"), make_env<HalfCheetah>}; }   // the same rules

}  // namespace gogepo
