// A policy's fingerprint: its actions in the critic's probing states. Forward, and backward to the policy's parameters
// (generator update) or to the probing states (critic update). N probing states, O observation size, A action size.
#pragma once
#include <vector>

#include "packed_dense.h"

namespace gogepo::kernels {

class Fingerprint {
 public:
  Fingerprint(const Kernels&, const Architecture&);

  using Activations = std::vector<Matrix>;  // (N, out) per policy layer, after tanh
  Activations make_activations() const;
  struct Scratch {                    // per thread
    std::vector<PackedDense> layers;  // the current policy's weights, packed
    std::vector<float> column_sums;
  };
  Scratch make_scratch() const;
  Matrix make_states() const { return {kernels_.width, states_, policy_.layers[0].in}; }
  int64_t fingerprint_size() const { return states_ * policy_.layers.back().out; }

  void forward(const float* theta, const Panels& states, Scratch&, Activations&) const;
  // Writes action (n, a) into column n * A + a of row `row` of `to` (B, N * A).
  void write_fingerprint(const Activations&, const Panels& to, int64_t row) const;
  // Backward from the fingerprint's gradient, row `row` of `gradient` (B, N * A). Both overwrite the activations with
  // gradients, which halves the cache they need. One computes the gradient with respect to theta (|theta|,) ...
  void backward_to_theta(const float* theta, const Panels& states, Activations&, const Panels& gradient, int64_t row,
                         Scratch&, float* theta_gradient) const;
  // ... the other with respect to the probing states (N, O).
  void backward_to_states(const float* theta, Activations&, const Panels& gradient, int64_t row, Scratch&,
                          const Panels& states_gradient) const;

 private:
  // Through the action scaling and the last tanh: turns actions into pre-activation gradients, in place.
  void start_backward(const Panels& actions, const Panels& gradient, int64_t row) const;

  const Kernels& kernels_;
  const PolicyLayout policy_;
  const int64_t states_;
  std::vector<float> center_, scale_;
};

}  // namespace gogepo::kernels
