// CartPole: balance a pole on a cart by pushing the cart left (0) or right (1). Survival is the task itself.
#include <algorithm>
#include <cmath>
#include <numbers>

#include "env.h"

namespace gogepo {
namespace {

constexpr double gravity = 9.8, mass_cart = 1, mass_pole = 0.1, total_mass = mass_pole + mass_cart, half_length = 0.5;
constexpr double mass_length = mass_pole * half_length, push = 10, dt = 0.02;
constexpr double max_position = 2.4, max_angle = 12 * 2 * std::numbers::pi / 360;

struct CartPoleOptions : TaskOptions {
  using TaskOptions::TaskOptions;
  const bool sutton_barto_reward =
      boolean("sutton_barto_reward", false, "reward 0 per step and -1 on failure, instead of 1 per step");
};

class CartPole final : public Env {
 public:
  using Options = CartPoleOptions;

  static EnvSpec spec(const Options&) {
    return {.id = "CartPole-v1",
            .observation_size = 4,
            .action_size = 2,
            .discrete = true,
            .return_min = 0,
            .return_max = 500,
            .max_episode_steps = 500,
            .training_steps = 100'000,
            .evaluate_every = 1'000,
            .source = "https://gymnasium.farama.org/environments/classic_control/cart_pole/"};
  }

  explicit CartPole(const Options& options) : o(options) {}

  void reset(Stream& random, double* observation) override {
    for (double& x : state_) x = random.uniform(-0.05, 0.05);
    observe(observation);
  }

  int state_size() const override { return 4; }

  void set_state(const double* state, double* observation) override {
    std::copy(state, state + 4, state_);
    observe(observation);
  }

  Step step(const double* action, double* observation) override {
    auto& [x, velocity, angle, spin] = state_;
    // Accelerations of the pole and the cart.
    const double force = *action == 1 ? push : -push;
    const double c = std::cos(angle), s = std::sin(angle);
    const double pull = (force + mass_length * (spin * spin) * s) / total_mass;
    const double spin_change =
        (gravity * s - c * pull) / (half_length * (4.0 / 3.0 - mass_pole * (c * c) / total_mass));
    const double velocity_change = pull - mass_length * spin_change * c / total_mass;

    // Explicit Euler step, positions before velocities.
    x += dt * velocity;
    velocity += dt * velocity_change;
    angle += dt * spin;
    spin += dt * spin_change;

    Step step;
    step.terminated = std::abs(x) > max_position || std::abs(angle) > max_angle;
    step.reward = !o.sutton_barto_reward ? 1 : step.terminated ? -1 : 0;
    step.diverged = !std::all_of(state_, state_ + 4, [](double v) { return std::isfinite(v); });
    observe(observation);
    return step;
  }

 private:
  void observe(double* observation) const {
    std::transform(state_, state_ + 4, observation, [](double v) { return float(v); });
  }

  const Options o;
  double state_[4] = {};  // position, velocity, angle, angular velocity
};

}  // namespace

EnvEntry cart_pole_v1(const TaskOptionValues& given) { return env_entry<CartPole>(given); }

}  // namespace gogepo
