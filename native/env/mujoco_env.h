// What every MuJoCo task shares: one const model for all, one mjData each, and Gymnasium's way of restarting and
// stepping. A task's page says how a first state is drawn, what is observed, and what a step pays.
#pragma once
#include <mujoco/mujoco.h>

#include "env.h"

namespace gogepo {

// A model lives as long as the process: its page keeps it in a static, so that it is compiled once, whoever asks first.
mjModel* compile_model(const char* xml);

// The options that many tasks have, described once. What is standard is each task's own.
class MujocoOptions : public TaskOptions {
 protected:
  using TaskOptions::TaskOptions;
  int frames(int standard) { return whole("frame_skip", standard, "MuJoCo's steps in one step of the task", 1, 1000); }
  double forward_weight(double standard) {
    return number("forward_reward_weight", standard, "what a step pays for each metre per second forward");
  }
  double control_weight(double standard) {
    return number("ctrl_cost_weight", standard, "what the sum of squared actions costs a step");
  }
  double health_reward(double standard) {
    return number("healthy_reward", standard, "what a step pays for being healthy");
  }
  bool ends_unhealthy() { return boolean("terminate_when_unhealthy", true, "whether the episode ends when unhealthy"); }
  Range healthy_z(Range standard) {
    return range("healthy_z_range", standard, "heights of the torso that are healthy");
  }
  Range healthy_angle(Range standard) {
    return range("healthy_angle_range", standard, "pitches of the torso that are healthy");
  }
  double reset_noise(double standard) {
    return number("reset_noise_scale", standard, "how far first states lie from the model's own", 0);
  }
  bool without_position() {
    return boolean("exclude_current_positions_from_observation", true,
                   "whether the place along the ground is left out of what is observed");
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
  const int frame_skip;  // mj_steps in one step of the task
  const double dt;       // seconds in one step of the task

 protected:
  MujocoEnv(const mjModel* shared, int frames);

  virtual void draw_state(Stream& random) = 0;  // changes data's qpos and qvel, which hold the model's own first state
  virtual void observe(double* observation) const = 0;

  // One action for frame_skip steps of physics. False when the simulation has diverged; MuJoCo has then restarted it by
  // itself from its first state, and what is observed is that, as in Gymnasium.
  bool simulate(const double* action);
  bool is_finite() const;  // qpos and qvel
  // Contact forces (cfrc_ext) are not part of mj_step: only the tasks that observe them pay for this.
  void compute_contact_forces();

  int body(const char* name) const { return mj_name2id(model, mjOBJ_BODY, name); }
  const double* place(int body) const { return data->xpos + 3 * body; }  // (3), as mj_step left it
  double distance(int a, int b) const { return mju_dist3(place(a), place(b)); }

  mjData* const data;
};

// The sum of term(0) to term(n - 1) in numpy's order: one after the other below 8 terms, eight running sums from there.
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

// Gymnasium's actions are float32, and so is what they cost.
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
