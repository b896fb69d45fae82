// Reacher: the fingertip of a two-joint arm has to reach a target.
#include <algorithm>
#include <cmath>

#include "models.h"
#include "mujoco_env.h"

namespace gogepo {
namespace {

struct ReacherOptions : MujocoOptions {
  using MujocoOptions::MujocoOptions;
  const int frame_skip = frames(2);
  const double reward_dist_weight = number("reward_dist_weight", 1, "weight of the distance from fingertip to target");
  const double reward_control_weight =
      number("reward_control_weight", 1, "weight of the control cost, the sum of squared actions");
};

const mjModel* shared_model() {
  static const mjModel* const model = compile_model(reacher_xml);
  return model;
}

// qpos: shoulder, elbow, the target's x and y; qvel: their velocities
class Reacher final : public MujocoEnv {
 public:
  using Options = ReacherOptions;

  static EnvSpec spec(const Options&) {
    return {.id = "Reacher-v5",
            .observation_size = 10,
            .action_size = 2,
            .action_low = {-1, -1},
            .action_high = {1, 1},
            .return_min = -100,
            .return_max = 0,
            .max_episode_steps = 50,
            .training_steps = 1'000'000,
            .evaluate_every = 10'000,
            .source = "https://gymnasium.farama.org/environments/mujoco/reacher/"};
  }

  explicit Reacher(const Options& options) : MujocoEnv(shared_model(), options.frame_skip), o(options) {}

  Step step(const double* action, double* observation) override {
    Step step;
    step.diverged = !simulate(action);
    step.reward = -distance(fingertip_, target_) * o.reward_dist_weight -
                  control_cost(o.reward_control_weight, action, model->nu);
    observe(observation);
    return step;
  }

 private:
  void draw_state(Stream& random) override {
    add_uniform(random, 0.1, data->qpos, 2);
    double* const target = data->qpos + 2;
    do {
      target[0] = random.uniform(-0.2, 0.2);
      target[1] = random.uniform(-0.2, 0.2);
    } while (std::hypot(target[0], target[1]) >= 0.2);
    add_uniform(random, 0.005, data->qvel, 2);
  }

  // Cosines and sines of the two joint angles, target position, joint velocities, and the vector from target to
  // fingertip.
  void observe(double* observation) const override {
    observation = std::transform(data->qpos, data->qpos + 2, observation, [](double x) { return std::cos(x); });
    observation = std::transform(data->qpos, data->qpos + 2, observation, [](double x) { return std::sin(x); });
    observation = std::copy(data->qpos + 2, data->qpos + 4, observation);
    observation = std::copy(data->qvel, data->qvel + 2, observation);
    for (int i = 0; i < 2; ++i) observation[i] = position(fingertip_)[i] - position(target_)[i];
  }

  const Options o;
  const int fingertip_ = body("fingertip"), target_ = body("target");
};

}  // namespace

EnvEntry reacher_v5(const TaskOptionValues& given) { return env_entry<Reacher>(given); }

}  // namespace gogepo
