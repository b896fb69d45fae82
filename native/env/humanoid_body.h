// Common to Humanoid and HumanoidStandup: the body and its observation.
#pragma once
#include <algorithm>

#include "mujoco_env.h"

namespace gogepo {

struct HumanoidOptions : MujocoOptions {
  using MujocoOptions::MujocoOptions;
  static constexpr int bodies = 14;
  const int frame_skip = frames(5);
  const double ctrl_cost_weight =
      number("ctrl_cost_weight", 0.1, "weight of the control cost, the sum of squared actions");
  const double reset_noise_scale = reset_noise(0.01);
  const bool exclude_current_positions_from_observation = without_position();
  const bool include_cinert_in_observation =
      boolean("include_cinert_in_observation", true, "observe the bodies' inertias about the center of mass");
  const bool include_cvel_in_observation =
      boolean("include_cvel_in_observation", true, "observe the bodies' velocities about the center of mass");
  const bool include_qfrc_actuator_in_observation =
      boolean("include_qfrc_actuator_in_observation", true, "observe actuator forces");
  const bool include_cfrc_ext_in_observation =
      boolean("include_cfrc_ext_in_observation", true, "observe external contact forces");

  int observation_size() const {
    return 47 - 2 * exclude_current_positions_from_observation + 17 * include_qfrc_actuator_in_observation +
           (bodies - 1) * (10 * include_cinert_in_observation + 6 * include_cvel_in_observation +
                           6 * include_cfrc_ext_in_observation);
  }
};

// qpos: torso position and quaternion, then 17 joints; qvel: 3 + 3, then the joints' velocities
template <class TheOptions>
class HumanoidBody : public MujocoEnv {
 public:
  using Options = TheOptions;

 protected:
  HumanoidBody(const mjModel* shared, const Options& options) : MujocoEnv(shared, options.frame_skip), o(options) {}

  void draw_state(Stream& random) final {
    add_uniform(random, o.reset_noise_scale, data->qpos, model->nq);
    add_uniform(random, o.reset_noise_scale, data->qvel, model->nv);
  }

  // Positions (22 without x and y, else 24) and velocities (23). Then, each optional: for every body except the world,
  // inertia (10) and velocity (6) about the center of mass; actuator forces of the joints (17); for every body except
  // the world, contact forces and torques (6).
  void observe(double* observation) const final {
    const auto per_body = [&](const double* values, int each) {
      observation = std::copy(values + each, values + each * Options::bodies, observation);
    };
    observation =
        std::copy(data->qpos + 2 * o.exclude_current_positions_from_observation, data->qpos + model->nq, observation);
    observation = std::copy(data->qvel, data->qvel + model->nv, observation);
    if (o.include_cinert_in_observation) per_body(data->cinert, 10);
    if (o.include_cvel_in_observation) per_body(data->cvel, 6);
    if (o.include_qfrc_actuator_in_observation)
      observation = std::copy(data->qfrc_actuator + 6, data->qfrc_actuator + model->nv, observation);
    if (o.include_cfrc_ext_in_observation) per_body(data->cfrc_ext, 6);
  }

  // Computed in float64, unlike the costs of the other tasks.
  double torque_cost() const { return o.ctrl_cost_weight * sum_of_squares<double>(data->ctrl, model->nu); }
  double impact_cost(double weight, Range within) const {
    return std::clamp(weight * sum_of_squares<double>(data->cfrc_ext, 6 * model->nbody), within.low, within.high);
  }

  const Options o;
};

}  // namespace gogepo
