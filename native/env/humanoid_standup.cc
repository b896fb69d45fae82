// HumanoidStandup: a humanoid robot lying on its back has to stand up. It cannot fail: only the time limit ends an
// episode.
#include "humanoid_body.h"
#include "models.h"

namespace gogepo {
namespace {

struct StandupOptions : HumanoidOptions {
  using HumanoidOptions::HumanoidOptions;
  const double impact_cost_weight =
      number("impact_cost_weight", 0.5e-6, "weight of the impact cost, the sum of squared contact forces");
  const Range impact_cost_range =
      range("impact_cost_range", {-infinity, 10}, "range to which the impact cost is clipped");
};

const mjModel* shared_model() {
  static const mjModel* const model = compile_model(humanoid_standup_xml);
  return model;
}

class HumanoidStandup final : public HumanoidBody<StandupOptions> {
 public:
  static EnvSpec spec(const Options& o) {
    return {.id = "HumanoidStandup-v5",
            .observation_size = o.observation_size(),
            .action_size = 17,
            .action_low = std::vector<double>(17, -0.4f),
            .action_high = std::vector<double>(17, 0.4f),
            .return_min = 0,
            .return_max = 200000,
            .max_episode_steps = 1000,
            .training_steps = 3'000'000,
            .evaluate_every = 10'000,
            .source = "https://gymnasium.farama.org/environments/mujoco/humanoid_standup/"};
  }

  explicit HumanoidStandup(const Options& options) : HumanoidBody(shared_model(), options) {}

  Step step(const double* action, double* observation) override {
    Step step;
    step.diverged = !simulate(action);
    compute_contact_forces();
    const double height = data->qpos[2] / model->opt.timestep;
    step.reward = height - torque_cost() - impact_cost(o.impact_cost_weight, o.impact_cost_range) + 1;
    observe(observation);
    return step;
  }
};

}  // namespace

EnvEntry humanoid_standup_v5(const TaskOptionValues& given) { return env_entry<HumanoidStandup>(given); }

}  // namespace gogepo
