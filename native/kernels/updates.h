// GoGePo's two gradient updates with hand-written backward passes: the `fast` backend. (`reference` uses autograd.)
// All vectors are flat float32, laid out as in layout.h.
//
// Results are bit-identical for any number of threads. Not thread-safe: one caller at a time per object.
#pragma once
#include <cstdint>
#include <memory>
#include <vector>

#include "kernels.h"
#include "layout.h"

namespace gogepo {

// Bytes of workspace held by all Updates objects in this process.
int64_t workspace_bytes();

class Updates {
 public:
  // Throws std::invalid_argument for an architecture the generator does not support, or an instruction set that this
  // CPU lacks.
  Updates(const Architecture&, int threads, kernels::Isa = kernels::best_isa());
  ~Updates();
  Updates(const Updates&) = delete;
  Updates& operator=(const Updates&) = delete;

  // commands (B,) in return units -> thetas (B, |theta|)
  void generate(const float* rho, const float* commands, int64_t batch, float* thetas);
  // thetas: B pointers to (|theta|,) -> values (B,)
  void value(const float* w, const float* const* thetas, int64_t batch, float* values);

  // Returns the critic loss, the batch mean of (V(theta) - r)^2, and overwrites `gradient` (|w|,) with its gradient.
  double critic_gradient(const float* w, const float* const* thetas, const float* returns, int64_t batch,
                         float* gradient);
  // Returns the generator loss, the batch mean of (V(G(r)) - r)^2, and overwrites `gradient` (|rho|,) with its gradient
  // with respect to rho; w is constant. A return that occurs several times in the batch is computed once.
  double generator_gradient(const float* rho, const float* w, const float* returns, int64_t batch, float* gradient);

  // Returns V(theta), and overwrites `gradient` (|theta|,) with its gradient with respect to theta.
  double value_gradient(const float* w, const float* theta, float* gradient);
  // Returns the regression loss, the mean of (G(r) - theta)^2 over the batch and the elements of theta, and overwrites
  // `gradient` (|rho|,) with its gradient with respect to rho. thetas: B pointers to (|theta|,), returns (B,). A return
  // that occurs several times in the batch is generated once.
  double regression_gradient(const float* rho, const float* const* thetas, const float* returns, int64_t batch,
                             float* gradient);

  // One Adam step in place, with betas 0.9 and 0.999 and epsilon 1e-8; `step` starts at 1.
  void adam(float* parameters, float* m, float* v, const float* gradient, int64_t size, int64_t step,
            double learning_rate);

 private:
  struct Workspace;
  // Runs the generator forward on each command, turns each theta into the gradient with respect to it, and runs the
  // generator backward; see generator_update.cc.
  template <class Prepare, class GradientOfTheta>
  void through_generator(const float* rho, const std::vector<float>& commands, float* gradient, const Prepare& prepare,
                         const GradientOfTheta& gradient_of_theta);
  std::unique_ptr<Workspace> workspace_;
};

}  // namespace gogepo
