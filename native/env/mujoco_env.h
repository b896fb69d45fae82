// Base class of all MuJoCo tasks: instances share one const model and own an mjData each; reset and step work as in
// Gymnasium. A task defines how initial states are sampled, what is observed, and the reward.
#pragma once
#include <mujoco/mujoco.h>

#include "env.h"

namespace gogepo {

// The model lives as long as the process: each task keeps its model in a static variable, so it is compiled only once.
mjModel* compile_model(const char* xml);

// Options common to many tasks. Defaults differ from task to task.
class MujocoOptions : public TaskOptions {
 protected:
  using TaskOptions::TaskOptions;
  int frames(int standard) { return whole("frame_skip", standard, "MuJoCo steps per environment step", 1, 1000); }
  double forward_weight(double standard) {
    return number("forward_reward_weight", standard, "weight of the forward velocity (m/s) in the reward");
  }
  double control_weight(double standard) {
    return number("ctrl_cost_weight", standard, "weight of the control cost, the sum of squared actions");
  }
  double health_reward(double standard) {
    return number("healthy_reward", standard, "reward per step for being healthy");
  }
  bool ends_unhealthy() { return boolean("terminate_when_unhealthy", true, "end the episode when unhealthy"); }
  Range healthy_z(Range standard) { return range("healthy_z_range", standard, "healthy torso heights, in meters"); }
  Range healthy_angle(Range standard) {
    return range("healthy_angle_range", standard, "healthy torso pitch angles, in radians");
  }
  double reset_noise(double standard) {
    return number("reset_noise_scale", standard, "scale of the noise added to the initial state", 0);
  }
  bool without_position() {
    return boolean("exclude_current_positions_from_observation", true,
                   "omit the horizontal position from the observation");
  }
};

class MujocoEnv : public Env {
 public:
  ~MujocoEnv() override;
  MujocoEnv(const MujocoEnv&) = delete;
  MujocoEnv& operator=(const MujocoEnv&) = delete;

  void reset(Stream& random, double* observation) final;
  int64_t warnings() const final;
  int state_size() const final { return model->nq + model->nv; }
  void set_state(const double* state, double* observation) final;

  const mjModel* const model;
  const int frame_skip;  // mj_step calls per environment step
  const double dt;       // seconds per environment step

 protected:
  MujocoEnv(const mjModel* shared, int frames);

  // Samples an initial state: perturbs data->qpos and data->qvel, which hold the model's default state.
  virtual void draw_state(Stream& random) = 0;
  virtual void observe(double* observation) const = 0;

  // Applies one action for frame_skip simulator steps. Returns false if the simulation diverged; MuJoCo has then reset
  // itself to the default state, which is what the task observes, as in Gymnasium.
  bool simulate(const double* action);
  bool is_finite() const;  // qpos and qvel
  // Computes cfrc_ext, which mj_step does not. Only tasks that use contact forces pay for it.
  void compute_contact_forces();

  int body(const char* name) const { return mj_name2id(model, mjOBJ_BODY, name); }
  const double* position(int body) const { return data->xpos + 3 * body; }  // (3,), as left by mj_step
  double distance(int a, int b) const { return mju_dist3(position(a), position(b)); }

  mjData* const data;
};

// Sums term(0) ... term(n - 1) in numpy's order: sequentially for fewer than 8 terms, else in eight running sums.
template <class Term>
auto numpy_sum(int n, const Term& term) {
  using Real = decltype(term(0));
  Real sum = 0;
  int i = 0;
  if (n >= 8) {
    Real lane[8] = {};
    for (; i + 8 <= n; i += 8)
      for (int j = 0; j < 8; ++j) lane[j] += term(i + j);
    sum = ((lane[0] + lane[1]) + (lane[2] + lane[3])) + ((lane[4] + lane[5]) + (lane[6] + lane[7]));
  }
  for (; i < n; ++i) sum += term(i);
  return sum;
}

template <class Real>
Real sum_of_squares(const double* x, int n) {
  return numpy_sum(n, [x](int i) { return Real(x[i]) * Real(x[i]); });
}

// Computed in float32, because Gymnasium's actions are float32.
inline double control_cost(double weight, const double* action, int n) {
  return float(weight) * sum_of_squares<float>(action, n);
}

inline void add_uniform(Stream& random, double scale, double* x, int n) {
  for (int i = 0; i < n; ++i) x[i] += random.uniform(-scale, scale);
}
inline void add_normal(Stream& random, double scale, double* x, int n) {
  for (int i = 0; i < n; ++i) x[i] += scale * random.normal();
}

}  // namespace gogepo
