// Pendulum: swing up a pendulum and balance it. The torque is too weak to lift it directly.
#include <algorithm>
#include <cmath>
#include <numbers>

#include "env.h"
#include "squared.h"

namespace gogepo {
namespace {

constexpr double max_speed = 8, max_torque = 2, dt = 0.05, mass = 1, length = 1, pi = std::numbers::pi;

struct PendulumOptions : TaskOptions {
  using TaskOptions::TaskOptions;
  const double g = number("g", 10, "gravitational acceleration, in m/s^2");
};

// Wraps into [-pi, pi); 0 is upright.
double normalized(double angle) {
  const double turned = std::fmod(angle + pi, 2 * pi);
  return (turned < 0 ? turned + 2 * pi : turned) - pi;
}

class Pendulum final : public Env {
 public:
  using Options = PendulumOptions;

  static EnvSpec spec(const Options&) {
    return {.id = "Pendulum-v1",
            .observation_size = 3,
            .action_size = 1,
            .action_low = {-max_torque},
            .action_high = {max_torque},
            .return_min = -1800,
            .return_max = 0,
            .max_episode_steps = 200,
            .training_steps = 300'000,
            .evaluate_every = 1'000,
            .source = "https://gymnasium.farama.org/environments/classic_control/pendulum/"};
  }

  explicit Pendulum(const Options& options) : o(options) {}

  void reset(Stream& random, double* observation) override {
    angle_ = random.uniform(-pi, pi);
    speed_ = random.uniform(-1, 1);
    observe(observation);
  }

  int state_size() const override { return 2; }

  void set_state(const double* state, double* observation) override {
    angle_ = state[0];
    speed_ = state[1];
    observe(observation);
  }

  Step step(const double* action, double* observation) override {
    // float32, like all terms computed from it alone, as in Gymnasium
    const float torque = float(std::clamp(*action, -max_torque, max_torque));
    const double off = normalized(angle_);
    Step step;
    step.reward = -(squared(off) + 0.1 * squared(speed_) + 0.001f * squared(torque));
    const double acceleration =
        3 * o.g / (2 * length) * std::sin(angle_) + float(3 / (mass * length * length)) * torque;
    speed_ = std::clamp(speed_ + acceleration * dt, -max_speed, max_speed);
    angle_ += speed_ * dt;
    step.diverged = !std::isfinite(angle_) || !std::isfinite(speed_);
    observe(observation);
    return step;
  }

 private:
  void observe(double* observation) const {
    observation[0] = float(std::cos(angle_));
    observation[1] = float(std::sin(angle_));
    observation[2] = float(speed_);
  }

  const Options o;
  double angle_ = 0, speed_ = 0;
};

}  // namespace

EnvEntry pendulum_v1(const TaskOptionValues& given) { return env_entry<Pendulum>(given); }

}  // namespace gogepo
