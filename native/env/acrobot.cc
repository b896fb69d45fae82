// Acrobot: two links hang from a hinge; a torque of -1, 0 or 1 (actions 0, 1, 2) at the joint between them has to swing
// the tip one link length above the hinge.
#include <algorithm>
#include <array>
#include <cmath>
#include <numbers>

#include "env.h"
#include "squared.h"

namespace gogepo {
namespace {

constexpr double pi = std::numbers::pi, gravity = 9.8, dt = 0.2, max_spin_1 = 4 * pi, max_spin_2 = 9 * pi;
constexpr double m1 = 1, m2 = 1, l1 = 1, lc1 = 0.5, lc2 = 0.5, inertia_1 = 1,
                 inertia_2 = 1;  // lc: distance to a link's center of mass

using State = std::array<double, 4>;  // angle 1 (0 is down), angle 2 (relative to link 1), angular velocities

// Time derivative of the state: Sutton and Barto's equations of motion.
State derivative(const State& state, double torque) {
  const auto [angle_1, angle_2, spin_1, spin_2] = state;
  const double c = std::cos(angle_2), s = std::sin(angle_2);
  const double d1 = m1 * lc1 * lc1 + m2 * (l1 * l1 + lc2 * lc2 + 2 * l1 * lc2 * c) + inertia_1 + inertia_2;
  const double d2 = m2 * (lc2 * lc2 + l1 * lc2 * c) + inertia_2;
  const double phi2 = m2 * lc2 * gravity * std::cos(angle_1 + angle_2 - pi / 2);
  const double phi1 = -m2 * l1 * lc2 * squared(spin_2) * s - 2 * m2 * l1 * lc2 * spin_2 * spin_1 * s +
                      (m1 * lc1 + m2 * l1) * gravity * std::cos(angle_1 - pi / 2) + phi2;
  const double change_2 = (torque + d2 / d1 * phi1 - m2 * l1 * lc2 * squared(spin_1) * s - phi2) /
                          (m2 * lc2 * lc2 + inertia_2 - squared(d2) / d1);
  return {spin_1, spin_2, -(d2 * change_2 + phi1) / d1, change_2};
}

State moved(const State& state, double by, const State& along) {
  State result;
  for (int i = 0; i < 4; ++i) result[i] = state[i] + by * along[i];
  return result;
}

// One fourth-order Runge-Kutta step.
State integrated(const State& y, double torque) {
  const State k1 = derivative(y, torque), k2 = derivative(moved(y, dt / 2, k1), torque);
  const State k3 = derivative(moved(y, dt / 2, k2), torque), k4 = derivative(moved(y, dt, k3), torque);
  State sum;
  for (int i = 0; i < 4; ++i) sum[i] = k1[i] + 2 * k2[i] + 2 * k3[i] + k4[i];
  return moved(y, dt / 6, sum);
}

// Wraps into [-pi, pi], one turn at a time, to round as Gymnasium does. No step makes more than a few turns.
double wrapped(double angle) {
  if (!(std::abs(angle) < 100)) return std::remainder(angle, 2 * pi);
  while (angle > pi) angle -= 2 * pi;
  while (angle < -pi) angle += 2 * pi;
  return angle;
}

class Acrobot final : public Env {
 public:
  using Options = TaskOptions;

  static EnvSpec spec(const Options&) {
    return {.id = "Acrobot-v1",
            .observation_size = 6,
            .action_size = 3,
            .discrete = true,
            .return_min = -500,
            .return_max = 0,
            .max_episode_steps = 500,
            .training_steps = 300'000,
            .evaluate_every = 1'000,
            .source = "https://gymnasium.farama.org/environments/classic_control/acrobot/"};
  }

  explicit Acrobot(const Options&) {}

  void reset(Stream& random, double* observation) override {
    for (double& x : state_) x = float(random.uniform(-0.1, 0.1));
    observe(observation);
  }

  int state_size() const override { return 4; }

  void set_state(const double* state, double* observation) override {
    std::copy(state, state + 4, state_.begin());
    observe(observation);
  }

  Step step(const double* action, double* observation) override {
    const State next = integrated(state_, *action - 1);
    state_ = {wrapped(next[0]), wrapped(next[1]), std::clamp(next[2], -max_spin_1, max_spin_1),
              std::clamp(next[3], -max_spin_2, max_spin_2)};
    Step step;
    step.terminated = -std::cos(state_[0]) - std::cos(state_[1] + state_[0]) > 1;
    step.reward = step.terminated ? 0 : -1;
    step.diverged = !std::all_of(state_.begin(), state_.end(), [](double v) { return std::isfinite(v); });
    observe(observation);
    return step;
  }

 private:
  void observe(double* observation) const {
    const auto [angle_1, angle_2, spin_1, spin_2] = state_;
    const double seen[] = {std::cos(angle_1), std::sin(angle_1), std::cos(angle_2), std::sin(angle_2), spin_1, spin_2};
    std::transform(seen, seen + 6, observation, [](double v) { return float(v); });
  }

  State state_{};
};

}  // namespace

EnvEntry acrobot_v1(const TaskOptionValues& given) { return env_entry<Acrobot>(given); }

}  // namespace gogepo
