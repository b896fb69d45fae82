// A person who is to walk forward without falling.
#include "humanoid_body.h"
#include "models.h"

namespace gogepo {
namespace {

constexpr double forward_reward_weight = 1.25, ctrl_cost_weight = 0.1, contact_cost_weight = 5e-7, healthy_reward = 5;
constexpr double healthy_z_min = 1, healthy_z_max = 2;

EnvSpec spec(const char* id) {
  return {.id = id,
          .observation_size = 348,
          .action_size = 17,
          .action_low = std::vector<double>(17, -0.4),
          .action_high = std::vector<double>(17, 0.4),
          .return_min = -100,
          .return_max = 6000,
          .max_episode_steps = 1000,
          .survival_bonus = healthy_reward,
          .training_steps = 10'000'000,
          .evaluate_every = 10'000,
          .source = "https://gymnasium.farama.org/environments/mujoco/humanoid/"};
}

const mjModel* shared_model() {
  static const mjModel* const model = compile_model(humanoid_xml);
  return model;
}

class Humanoid final : public HumanoidBody {
 public:
  Humanoid()
      : HumanoidBody(shared_model(), 5), total_mass_(numpy_sum(model->nbody, [this](int i) { return model->body_mass[i]; })) {}

  Step step(const double* action, double* observation) override {
    const double before = center_of_mass_x();
    Step step;
    step.diverged = !simulate(action);
    compute_contact_forces();
    const double velocity = (center_of_mass_x() - before) / dt;
    const bool healthy = data->qpos[2] > healthy_z_min && data->qpos[2] < healthy_z_max;
    step.survival = healthy ? healthy_reward : 0;
    step.reward = forward_reward_weight * velocity + step.survival - (torque_cost(ctrl_cost_weight) + impact_cost(contact_cost_weight));
    step.terminated = !healthy;
    observe(observation);
    return step;
  }

 private:
  double center_of_mass_x() const {
    double moment = 0;
    for (int i = 0; i < model->nbody; ++i) moment += model->body_mass[i] * data->xipos[3 * i];
    return moment / total_mass_;
  }

  const double total_mass_;
};

}  // namespace

EnvEntry humanoid_v5() { return {spec("Humanoid-v5"), make_env<Humanoid>}; }

}  // namespace gogepo
