// A pole hinged on a cart, to be kept upright. Every step pays 1; being alive is the task itself.
#include <algorithm>
#include <cmath>

#include "models.h"
#include "mujoco_env.h"

namespace gogepo {
namespace {

constexpr double reset_noise_scale = 0.01, upright = 0.2;

EnvSpec spec(const char* id) {
  return {.id = id,
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

const mjModel* shared_model() {
  static const mjModel* const model = compile_model(inverted_pendulum_xml);
  return model;
}

// qpos: cart, pole; qvel: their velocities
template <int version>
class InvertedPendulum final : public MujocoEnv {
 public:
  InvertedPendulum() : MujocoEnv(shared_model(), 2) {}

  Step step(const double* action, double* observation) override {
    Step step;
    step.diverged = !simulate(action);
    step.terminated = !is_finite() || std::abs(data->qpos[1]) > upright;
    step.reward = step.terminated && version != 4 ? 0 : 1;
    observe(observation);
    return step;
  }

 private:
  void draw_state(Stream& random) override {
    add_uniform(random, reset_noise_scale, data->qpos, model->nq);
    add_uniform(random, reset_noise_scale, data->qvel, model->nv);
  }

  void observe(double* observation) const override {
    observation = std::copy(data->qpos, data->qpos + model->nq, observation);
    std::copy(data->qvel, data->qvel + model->nv, observation);
  }
};

}  // namespace

EnvEntry inverted_pendulum_v5() { return {spec("InvertedPendulum-v5"), make_env<InvertedPendulum<5>>}; }
EnvEntry inverted_pendulum_v4() { return {spec("InvertedPendulum-v4"), make_env<InvertedPendulum<4>>}; }

}  // namespace gogepo
