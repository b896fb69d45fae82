// MountainCar: an underpowered car in a valley has to reach the hill on its right, pushing left (0), not at all (1) or
// right (2).
#include <algorithm>
#include <cmath>

#include "env.h"

namespace gogepo {
namespace {

constexpr double min_position = -1.2, max_position = 0.6, max_speed = 0.07, goal_position = 0.5;
constexpr double push = 0.001, gravity = 0.0025;

struct MountainCarOptions : TaskOptions {
  using TaskOptions::TaskOptions;
  const double goal_velocity = number("goal_velocity", 0, "minimum velocity on arrival");
};

class MountainCar final : public Env {
 public:
  using Options = MountainCarOptions;

  static EnvSpec spec(const Options&) {
    return {.id = "MountainCar-v0",
            .observation_size = 2,
            .action_size = 3,
            .discrete = true,
            .return_min = -200,
            .return_max = 0,
            .max_episode_steps = 200,
            .training_steps = 300'000,
            .evaluate_every = 1'000,
            .source = "https://gymnasium.farama.org/environments/classic_control/mountain_car/"};
  }

  explicit MountainCar(const Options& options) : o(options) {}

  void reset(Stream& random, double* observation) override {
    position_ = random.uniform(-0.6, -0.4);
    velocity_ = 0;
    observe(observation);
  }

  int state_size() const override { return 2; }

  void set_state(const double* state, double* observation) override {
    position_ = state[0];
    velocity_ = state[1];
    observe(observation);
  }

  Step step(const double* action, double* observation) override {
    velocity_ =
        std::clamp(velocity_ + ((*action - 1) * push - std::cos(3 * position_) * gravity), -max_speed, max_speed);
    position_ = std::clamp(position_ + velocity_, min_position, max_position);
    if (position_ == min_position && velocity_ < 0) velocity_ = 0;
    Step step;
    step.terminated = position_ >= goal_position && velocity_ >= o.goal_velocity;
    step.reward = -1;
    step.diverged = !std::isfinite(position_) || !std::isfinite(velocity_);
    observe(observation);
    return step;
  }

 private:
  void observe(double* observation) const {
    observation[0] = float(position_);
    observation[1] = float(velocity_);
  }

  const Options o;
  double position_ = 0, velocity_ = 0;
};

}  // namespace

EnvEntry mountain_car_v0(const TaskOptionValues& given) { return env_entry<MountainCar>(given); }

}  // namespace gogepo
