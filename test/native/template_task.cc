// A point on a line is pushed and should stay at 0. (A template: copy this page, turn it into your task, and register
// it. env_test compiles it and tests it like every registered task.)
#include <algorithm>
#include <cmath>

#include "env.h"

namespace gogepo {
namespace {

constexpr double dt = 0.05;  // seconds in one step

struct PointOptions : TaskOptions {
  using TaskOptions::TaskOptions;
  const double ctrl_cost_weight = number("ctrl_cost_weight", 0.1, "cost of the squared action per step");
  const Range position_range = range("position_range", {-2, 2}, "positions outside of which the episode ends");
  const bool observe_velocity = boolean("observe_velocity", true, "whether the velocity is observed");
};

class Point final : public Env {
 public:
  using Options = PointOptions;

  static EnvSpec spec(const Options& o) {
    return {.id = "Point-v0",
            .observation_size = o.observe_velocity ? 2 : 1,
            .action_size = 1,
            .action_low = {-1},
            .action_high = {1},
            .return_min = -100,
            .return_max = 0,
            .max_episode_steps = 100,
            .training_steps = 50'000,
            .evaluate_every = 1'000,
            .source = "https://example.org/point"};  // where the task is defined
  }

  explicit Point(const Options& options) : o(options) {}

  void reset(Stream& random, double* observation) override {
    position_ = random.uniform(-1, 1);
    velocity_ = 0;
    observe(observation);
  }

  Step step(const double* action, double* observation) override {
    const double push = std::clamp(*action, -1.0, 1.0);
    velocity_ += push * dt;
    position_ += velocity_ * dt;
    Step step;
    step.reward = -position_ * position_ - o.ctrl_cost_weight * push * push;
    step.terminated = !o.position_range.holds(position_);
    step.diverged = !std::isfinite(position_);
    observe(observation);
    return step;
  }

  int state_size() const override { return 2; }

  void set_state(const double* state, double* observation) override {
    position_ = state[0];
    velocity_ = state[1];
    observe(observation);
  }

 private:
  void observe(double* observation) const {
    *observation++ = position_;
    if (o.observe_velocity) *observation = velocity_;
  }

  const Options o;
  double position_ = 0, velocity_ = 0;
};

}  // namespace

EnvEntry point_v0(const TaskOptionValues& given) { return env_entry<Point>(given); }

}  // namespace gogepo
