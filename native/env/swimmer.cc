// Three links in a viscous plane that are to swim forward. It cannot fail: only the time limit ends an episode.
#include <algorithm>

#include "models.h"
#include "mujoco_env.h"

namespace gogepo {
namespace {

constexpr double forward_reward_weight = 1, ctrl_cost_weight = 1e-4, reset_noise_scale = 0.1;

EnvSpec spec(const char* id) {
  return {.id = id,
          .observation_size = 8,
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

const mjModel* shared_model() {
  static const mjModel* const model = compile_model(swimmer_xml);
  return model;
}

// qpos: x, y, heading, first joint, second joint; qvel: their velocities
class Swimmer final : public MujocoEnv {
 public:
  Swimmer() : MujocoEnv(shared_model(), 4) {}

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
    add_uniform(random, reset_noise_scale, data->qvel, model->nv);
  }

  // heading and joints, then all velocities
  void observe(double* observation) const override {
    observation = std::copy(data->qpos + 2, data->qpos + model->nq, observation);
    std::copy(data->qvel, data->qvel + model->nv, observation);
  }
};

}  // namespace

EnvEntry swimmer_v5() { return {spec("Swimmer-v5"), make_env<Swimmer>}; }
EnvEntry swimmer_v4() { return {spec("Swimmer-v4"), make_env<Swimmer>}; }   // the same rules

}  // namespace gogepo
