// MountainCarContinuous: an underpowered car in a valley has to reach the hill on its right. The reward is 100 on
// arrival minus a cost for the force.
#include <algorithm>
#include <cmath>

#include "env.h"

namespace gogepo {
namespace {

constexpr double min_position = -1.2, max_position = 0.6, max_speed = 0.07, goal_position = 0.45, power = 0.0015;

struct MountainCarContinuousOptions : TaskOptions {
  using TaskOptions::TaskOptions;
  const double goal_velocity = number("goal_velocity", 0, "minimum velocity on arrival");
};

// Gymnasium samples the initial state in float64 and stores all later states in float32, and its arithmetic follows the
// type of the state.
class MountainCarContinuous final : public Env {
 public:
  using Options = MountainCarContinuousOptions;

  static EnvSpec spec(const Options&) {
    return {.id = "MountainCarContinuous-v0",
            .observation_size = 2,
            .action_size = 1,
            .action_low = {-1},
            .action_high = {1},
            .return_min = -100,
            .return_max = 100,
            .max_episode_steps = 999,
            .training_steps = 100'000,
            .evaluate_every = 1'000,
            .source = "https://gymnasium.farama.org/environments/classic_control/mountain_car_continuous/"};
  }

  explicit MountainCarContinuous(const Options& options) : o(options) {}

  void reset(Stream& random, double* observation) override {
    const double state[] = {random.uniform(-0.6, -0.4), 0};
    set_state(state, observation);
  }

  int state_size() const override { return 2; }

  void set_state(const double* state, double* observation) override {
    position_ = state[0];
    velocity_ = state[1];
    first_ = true;
    observe(observation);
  }

  Step step(const double* action, double* observation) override {
    const double force = *action;
    const bool arrived = first_ ? drive<double>(force) : drive<float>(force);
    first_ = false;
    observe(observation);
    Step step;
    step.reward = (arrived ? 100 : 0) - force * force * 0.1;
    step.terminated = arrived;
    step.diverged = !std::isfinite(position_) || !std::isfinite(velocity_);
    return step;
  }

 private:
  template <class Real>
  bool drive(double force) {
    Real position = Real(position_), velocity = Real(velocity_);
    const double slope = 0.0025 * std::cos(double(3 * position));
    // In Gymnasium, a force within bounds is a float32 and keeps this expression in float32; a clipped force is not.
    velocity += force < -1  ? Real(-power - slope)
                : force > 1 ? Real(power - slope)
                            : Real(float(force) * float(power) - float(slope));
    if (velocity > Real(max_speed)) velocity = Real(max_speed);
    if (velocity < Real(-max_speed)) velocity = Real(-max_speed);
    position += velocity;
    if (position > Real(max_position)) position = Real(max_position);
    if (position < Real(min_position)) position = Real(min_position);
    if (position == Real(min_position) && velocity < 0) velocity = 0;
    position_ = float(position);
    velocity_ = float(velocity);
    return position >= Real(goal_position) && velocity >= Real(o.goal_velocity);
  }

  void observe(double* observation) const {
    observation[0] = float(position_);
    observation[1] = float(velocity_);
  }

  const Options o;
  double position_ = 0, velocity_ = 0;
  bool first_ = true;
};

}  // namespace

EnvEntry mountain_car_continuous_v0(const TaskOptionValues& given) { return env_entry<MountainCarContinuous>(given); }

}  // namespace gogepo
