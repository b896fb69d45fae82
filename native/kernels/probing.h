// The policies in the probing states: forward to the fingerprint, and back to the policy's parameters or to the states.
#pragma once
#include <vector>

#include "packed_dense.h"

namespace gogepo::kernels {

class Probing {
 public:
  Probing(const Kernels&, const Architecture&);

  using Activations = std::vector<Matrix>;  // (N, out) for each policy layer, tanh taken
  Activations activations() const;
  struct Work {                       // one thread's
    std::vector<PackedDense> layers;  // one policy's weights
    std::vector<float> sums;
  };
  Work work() const;
  Matrix states() const { return {kernels_.width, states_, policy_.layers[0].in}; }
  int64_t fingerprint_size() const { return states_ * policy_.layers.back().out; }

  void forward(const float* theta, const Panels& states, Work&, Activations&) const;
  // action (n, a) into column n * A + a of one row
  void write_fingerprint(const Activations&, const Panels& to, int64_t row) const;
  // The gradient at the fingerprint (one row) to the gradient at theta (flat, overwritten) ...
  void backward_to_theta(const float* theta, const Panels& states, Activations&, const Panels& gradient, int64_t row,
                         Work&, float* theta_gradient) const;
  // ... or to the gradient at the states (N, O). Both leave gradients where the activations were: half the cache.
  void backward_to_states(const float* theta, Activations&, const Panels& gradient, int64_t row, Work&,
                          const Panels& states_gradient) const;

 private:
  void start_backward(const Panels& actions, const Panels& gradient, int64_t row) const;

  const Kernels& kernels_;
  const PolicyLayout policy_;
  const int64_t states_;
  std::vector<float> center_, scale_;
};

}  // namespace gogepo::kernels
