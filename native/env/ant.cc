// Four legs that are to carry a ball forward.
#include <algorithm>

#include "models.h"
#include "mujoco_env.h"

namespace gogepo {
namespace {

constexpr double forward_reward_weight = 1, ctrl_cost_weight = 0.5, contact_cost_weight = 5e-4, healthy_reward = 1;
constexpr double healthy_z_min = 0.2, healthy_z_max = 1, contact_force = 1;
constexpr double reset_noise_scale = 0.1;

EnvSpec spec(const char* id) {
  return {.id = id,
          .observation_size = 105,
          .action_size = 8,
          .action_low = {-1, -1, -1, -1, -1, -1, -1, -1},
          .action_high = {1, 1, 1, 1, 1, 1, 1, 1},
          .return_min = -100,
          .return_max = 6000,
          .max_episode_steps = 1000,
          .survival_bonus = healthy_reward,
          .training_steps = 3'000'000,
          .evaluate_every = 10'000,
          .source = "https://gymnasium.farama.org/environments/mujoco/ant/"};
}

const mjModel* shared_model() {
  static const mjModel* const model = compile_model(ant_xml);
  return model;
}

// qpos: the torso's place and quaternion, then hip and ankle of each leg; qvel: 3 + 3 and the joints' velocities
class Ant final : public MujocoEnv {
 public:
  Ant() : MujocoEnv(shared_model(), 5) {}

  Step step(const double* action, double* observation) override {
    const double before = torso_x();
    Step step;
    step.diverged = !simulate(action);
    compute_contact_forces();
    const double velocity = (torso_x() - before) / dt;
    const bool healthy = is_finite() && data->qpos[2] >= healthy_z_min && data->qpos[2] <= healthy_z_max;
    step.survival = healthy ? healthy_reward : 0;
    step.reward = velocity * forward_reward_weight + step.survival - (control_cost(ctrl_cost_weight, action, model->nu) + contact_cost());
    step.terminated = !healthy;
    observe(observation);
    return step;
  }

 private:
  double torso_x() const { return data->xpos[3]; }   // of body 1, as mj_step left it: not quite qpos[0]

  static double clip(double force) { return std::clamp(force, -contact_force, contact_force); }

  double contact_cost() const {
    const double* const force = data->cfrc_ext;
    return contact_cost_weight * numpy_sum(6 * model->nbody, [force](int i) { return clip(force[i]) * clip(force[i]); });
  }

  void draw_state(Stream& random) override {
    add_uniform(random, reset_noise_scale, data->qpos, model->nq);
    add_normal(random, reset_noise_scale, data->qvel, model->nv);
  }

  // all but x and y; all velocities; contact forces and torques on each body but the world, within +-1
  void observe(double* observation) const override {
    observation = std::copy(data->qpos + 2, data->qpos + model->nq, observation);
    observation = std::copy(data->qvel, data->qvel + model->nv, observation);
    std::transform(data->cfrc_ext + 6, data->cfrc_ext + 6 * model->nbody, observation, clip);
  }
};

}  // namespace

EnvEntry ant_v5() { return {spec("Ant-v5"), make_env<Ant>}; }

}  // namespace gogepo
