// Ant: a four-legged robot has to walk forward.
#include <algorithm>

#include "models.h"
#include "mujoco_env.h"

namespace gogepo {
namespace {

constexpr int bodies = 14;

struct AntOptions : MujocoOptions {
  using MujocoOptions::MujocoOptions;
  const int frame_skip = frames(5);
  const double forward_reward_weight = forward_weight(1), ctrl_cost_weight = control_weight(0.5);
  const double contact_cost_weight =
      number("contact_cost_weight", 5e-4, "weight of the contact cost, the sum of squared contact forces");
  const double healthy_reward = health_reward(1);
  const int main_body =
      whole("main_body", 1, "index of the body whose forward velocity is rewarded; 1 is the torso", 0, bodies - 1);
  const bool terminate_when_unhealthy = ends_unhealthy();
  const Range healthy_z_range = healthy_z({0.2, 1});
  const Range contact_force_range =
      range("contact_force_range", {-1, 1}, "range to which contact forces are clipped, in observation and cost");
  const double reset_noise_scale = reset_noise(0.1);
  const bool exclude_current_positions_from_observation = without_position();
  const bool include_cfrc_ext_in_observation =
      boolean("include_cfrc_ext_in_observation", true, "observe external contact forces");
};

const mjModel* shared_model() {
  static const mjModel* const model = compile_model(ant_xml);
  return model;
}

// qpos: torso position and quaternion, then hip and ankle of each leg; qvel: 3 + 3, then the joints' velocities
class Ant final : public MujocoEnv {
 public:
  using Options = AntOptions;

  static EnvSpec spec(const Options& o) {
    return {.id = "Ant-v5",
            .observation_size = 29 - 2 * o.exclude_current_positions_from_observation +
                                6 * (bodies - 1) * o.include_cfrc_ext_in_observation,
            .action_size = 8,
            .action_low = {-1, -1, -1, -1, -1, -1, -1, -1},
            .action_high = {1, 1, 1, 1, 1, 1, 1, 1},
            .return_min = -100,
            .return_max = 6000,
            .max_episode_steps = 1000,
            .survival_bonus = o.healthy_reward,
            .training_steps = 3'000'000,
            .evaluate_every = 10'000,
            .source = "https://gymnasium.farama.org/environments/mujoco/ant/"};
  }

  explicit Ant(const Options& options) : MujocoEnv(shared_model(), options.frame_skip), o(options) {}

  Step step(const double* action, double* observation) override {
    const double before = main_body_x();
    Step step;
    step.diverged = !simulate(action);
    compute_contact_forces();
    const double velocity = (main_body_x() - before) / dt;
    const bool healthy =
        is_finite() && data->qpos[2] >= o.healthy_z_range.low && data->qpos[2] <= o.healthy_z_range.high;
    step.survival = healthy ? o.healthy_reward : 0;
    step.reward = velocity * o.forward_reward_weight + step.survival -
                  (control_cost(o.ctrl_cost_weight, action, model->nu) + contact_cost());
    step.terminated = !healthy && o.terminate_when_unhealthy;
    observe(observation);
    return step;
  }

 private:
  double main_body_x() const { return position(o.main_body)[0]; }  // as left by mj_step: not exactly qpos[0]

  double clip(double force) const { return std::clamp(force, o.contact_force_range.low, o.contact_force_range.high); }

  double contact_cost() const {
    const double* const force = data->cfrc_ext;
    return o.contact_cost_weight *
           numpy_sum(6 * bodies, [this, force](int i) { return clip(force[i]) * clip(force[i]); });
  }

  void draw_state(Stream& random) override {
    add_uniform(random, o.reset_noise_scale, data->qpos, model->nq);
    add_normal(random, o.reset_noise_scale, data->qvel, model->nv);
  }

  // Positions without x and y (optional), all velocities, clipped contact forces and torques on each body except the
  // world (optional).
  void observe(double* observation) const override {
    observation =
        std::copy(data->qpos + 2 * o.exclude_current_positions_from_observation, data->qpos + model->nq, observation);
    observation = std::copy(data->qvel, data->qvel + model->nv, observation);
    if (o.include_cfrc_ext_in_observation)
      std::transform(data->cfrc_ext + 6, data->cfrc_ext + 6 * bodies, observation,
                     [this](double force) { return clip(force); });
  }

  const Options o;
};

}  // namespace

EnvEntry ant_v5(const TaskOptionValues& given) { return env_entry<Ant>(given); }

}  // namespace gogepo
