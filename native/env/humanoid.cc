// Humanoid: a humanoid robot has to walk forward without falling.
#include "humanoid_body.h"
#include "models.h"

namespace gogepo {
namespace {

struct WalkingOptions : HumanoidOptions {
  using HumanoidOptions::HumanoidOptions;
  const double forward_reward_weight = forward_weight(1.25);
  const double contact_cost_weight =
      number("contact_cost_weight", 5e-7, "weight of the contact cost, the sum of squared contact forces");
  const Range contact_cost_range =
      range("contact_cost_range", {-infinity, 10}, "range to which the contact cost is clipped");
  const double healthy_reward = health_reward(5);
  const bool terminate_when_unhealthy = ends_unhealthy();
  const Range healthy_z_range = healthy_z({1, 2});
};

const mjModel* shared_model() {
  static const mjModel* const model = compile_model(humanoid_xml);
  return model;
}

class Humanoid final : public HumanoidBody<WalkingOptions> {
 public:
  static EnvSpec spec(const Options& o) {
    return {.id = "Humanoid-v5",
            .observation_size = o.observation_size(),
            .action_size = 17,
            .action_low = std::vector<double>(17, -0.4f),
            .action_high = std::vector<double>(17, 0.4f),
            .return_min = -100,
            .return_max = 6000,
            .max_episode_steps = 1000,
            .survival_bonus = o.healthy_reward,
            .training_steps = 10'000'000,
            .evaluate_every = 10'000,
            .source = "https://gymnasium.farama.org/environments/mujoco/humanoid/"};
  }

  explicit Humanoid(const Options& options)
      : HumanoidBody(shared_model(), options),
        total_mass_(numpy_sum(model->nbody, [this](int i) { return model->body_mass[i]; })) {}

  Step step(const double* action, double* observation) override {
    const double before = center_of_mass_x();
    Step step;
    step.diverged = !simulate(action);
    compute_contact_forces();
    const double velocity = (center_of_mass_x() - before) / dt;
    const bool healthy = o.healthy_z_range.holds(data->qpos[2]);
    step.survival = healthy ? o.healthy_reward : 0;
    step.reward = o.forward_reward_weight * velocity + step.survival -
                  (torque_cost() + impact_cost(o.contact_cost_weight, o.contact_cost_range));
    step.terminated = !healthy && o.terminate_when_unhealthy;
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

EnvEntry humanoid_v5(const TaskOptionValues& given) { return env_entry<Humanoid>(given); }

}  // namespace gogepo
