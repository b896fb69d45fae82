// What Humanoid and HumanoidStandup share: the body, and all that is observed of it.
#pragma once
#include <algorithm>

#include "mujoco_env.h"

namespace gogepo {

// qpos: the torso's place and quaternion, then 17 joints; qvel: 3 + 3 and the joints' velocities
class HumanoidBody : public MujocoEnv {
 protected:
  using MujocoEnv::MujocoEnv;

  void draw_state(Stream& random) final {
    constexpr double reset_noise_scale = 0.01;
    add_uniform(random, reset_noise_scale, data->qpos, model->nq);
    add_uniform(random, reset_noise_scale, data->qvel, model->nv);
  }

  // all but x and y (22); velocities (23); of each body but the world, inertia (10 each) and velocity (6 each) about the
  // centre of mass; the joints' actuator forces (17); contact forces and torques on each body but the world (6 each)
  void observe(double* observation) const final {
    const int bodies = model->nbody;
    observation = std::copy(data->qpos + 2, data->qpos + model->nq, observation);
    observation = std::copy(data->qvel, data->qvel + model->nv, observation);
    observation = std::copy(data->cinert + 10, data->cinert + 10 * bodies, observation);
    observation = std::copy(data->cvel + 6, data->cvel + 6 * bodies, observation);
    observation = std::copy(data->qfrc_actuator + 6, data->qfrc_actuator + model->nv, observation);
    std::copy(data->cfrc_ext + 6, data->cfrc_ext + 6 * bodies, observation);
  }

  // Unlike the other tasks', these costs are float64.
  double torque_cost(double weight) const { return weight * sum_of_squares<double>(data->ctrl, model->nu); }
  double impact_cost(double weight) const { return std::min(weight * sum_of_squares<double>(data->cfrc_ext, 6 * model->nbody), 10.0); }
};

}  // namespace gogepo
