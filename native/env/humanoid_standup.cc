// A person lying on the back who is to stand up. It cannot fail: only the time limit ends an episode.
#include "humanoid_body.h"
#include "models.h"

namespace gogepo {
namespace {

constexpr double ctrl_cost_weight = 0.1, impact_cost_weight = 0.5e-6;

EnvSpec spec(const char* id) {
  return {.id = id,
          .observation_size = 348,
          .action_size = 17,
          .action_low = std::vector<double>(17, -0.4),
          .action_high = std::vector<double>(17, 0.4),
          .return_min = 0,
          .return_max = 200000,
          .max_episode_steps = 1000,
          .training_steps = 3'000'000,
          .evaluate_every = 10'000,
          .source = "https://gymnasium.farama.org/environments/mujoco/humanoid_standup/"};
}

const mjModel* shared_model() {
  static const mjModel* const model = compile_model(humanoid_standup_xml);
  return model;
}

class HumanoidStandup final : public HumanoidBody {
 public:
  HumanoidStandup() : HumanoidBody(shared_model(), 5) {}

  Step step(const double* action, double* observation) override {
    Step step;
    step.diverged = !simulate(action);
    compute_contact_forces();
    const double height = data->qpos[2] / model->opt.timestep;
    step.reward = height - torque_cost(ctrl_cost_weight) - impact_cost(impact_cost_weight) + 1;
    observe(observation);
    return step;
  }
};

}  // namespace

EnvEntry humanoid_standup_v5() { return {spec("HumanoidStandup-v5"), make_env<HumanoidStandup>}; }

}  // namespace gogepo
