// Pusher: a seven-joint arm has to push a cylinder to a goal.
#include <algorithm>
#include <cmath>

#include "models.h"
#include "mujoco_env.h"

namespace gogepo {
namespace {

struct PusherOptions : MujocoOptions {
  using MujocoOptions::MujocoOptions;
  const int frame_skip = frames(5);
  const double reward_near_weight =
      number("reward_near_weight", 0.5, "weight of the distance from fingertips to object");
  const double reward_dist_weight = number("reward_dist_weight", 1, "weight of the distance from object to goal");
  const double reward_control_weight =
      number("reward_control_weight", 0.1, "weight of the control cost, the sum of squared actions");
};

const mjModel* shared_model() {
  static const mjModel* const model = compile_model(pusher_xml);
  return model;
}

// qpos: 7 joints, the object's y and x, the goal's y and x; qvel: their velocities
class Pusher final : public MujocoEnv {
 public:
  using Options = PusherOptions;

  static EnvSpec spec(const Options&) {
    return {.id = "Pusher-v5",
            .observation_size = 23,
            .action_size = 7,
            .action_low = {-2, -2, -2, -2, -2, -2, -2},
            .action_high = {2, 2, 2, 2, 2, 2, 2},
            .return_min = -200,
            .return_max = 0,
            .max_episode_steps = 100,
            .training_steps = 1'000'000,
            .evaluate_every = 10'000,
            .source = "https://gymnasium.farama.org/environments/mujoco/pusher/"};
  }

  explicit Pusher(const Options& options) : MujocoEnv(shared_model(), options.frame_skip), o(options) {}

  Step step(const double* action, double* observation) override {
    Step step;
    step.diverged = !simulate(action);
    step.reward = -distance(object_, goal_) * o.reward_dist_weight -
                  control_cost(o.reward_control_weight, action, model->nu) -
                  distance(object_, tips_) * o.reward_near_weight;
    observe(observation);
    return step;
  }

 private:
  // The arm and the goal start in their default positions, the object in a random one away from the goal; the joints
  // get small random velocities.
  void draw_state(Stream& random) override {
    double* const object = data->qpos + 7;
    do {
      object[0] = random.uniform(-0.3, 0);
      object[1] = random.uniform(-0.2, 0.2);
    } while (std::hypot(object[0], object[1]) <= 0.17);
    add_uniform(random, 0.005, data->qvel, 7);
  }

  // Joint angles, joint velocities, and the positions of fingertips, object and goal.
  void observe(double* observation) const override {
    observation = std::copy(data->qpos, data->qpos + 7, observation);
    observation = std::copy(data->qvel, data->qvel + 7, observation);
    for (int id : {tips_, object_, goal_}) observation = std::copy(position(id), position(id) + 3, observation);
  }

  const Options o;
  const int tips_ = body("tips"), object_ = body("object"), goal_ = body("goal");
};

}  // namespace

EnvEntry pusher_v5(const TaskOptionValues& given) { return env_entry<Pusher>(given); }

}  // namespace gogepo
