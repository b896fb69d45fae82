// Augmented Random Search (Mania, Guy and Recht, 2018): theta, and the directions that are being tried out. In float64
// and in one fixed order of summation, so that a seed gives one result on every machine.
#pragma once
#include <atomic>
#include <cstdint>
#include <vector>

#include "layout.h"

namespace gogepo {

struct ArsStep {
  double return_std = 0;  // sigma_R of the returns that were used; 0 if no usable direction was left
  double step_norm = 0;   // Euclidean norm of the change of theta
  bool finite = true;     // false: theta would have left the float32 range, and was not changed
};

class Ars {
 public:
  // theta starts at zero if the policy is linear, else at PyTorch's default initialization of Linear layers.
  Ars(const PolicySpec& spec, uint64_t seed);

  int64_t size() const { return int64_t(theta_.size()); }
  const std::vector<double>& theta() const { return theta_; }
  void restore(std::vector<double> theta);  // (|theta|); drops the directions

  // Samples delta_k ~ N(0, 1)^|theta| from stream (seed, ars_direction, first_direction + k) for each direction k, and
  // writes theta +- noise * delta_k to `policies` (2 * directions, |theta|), in the order +, -, +, -, ... Keeps the
  // deltas until step(). Stops early once *stop is set; then it keeps none.
  void perturb(int64_t directions, double noise, uint64_t seed, uint64_t first_direction, float* policies,
               const std::atomic<bool>& stop);
  int64_t directions() const { return directions_; }  // that wait for step(); 0: none

  // theta += step_size / (b * sigma_R) * sum of (r+ - r-) * delta over the b best directions by max(r+, r-), and drops
  // all directions. sigma_R is the population standard deviation of the 2b returns that are used; if it is 0, theta
  // does not change. A direction is unusable if either of its episodes is marked in `leave`; if fewer than
  // top_directions are usable, all of those are used. Of equal directions the earlier one is better.
  //
  // returns, leave: (2 * directions), in the order of perturb(); every return that is not marked must be finite
  ArsStep step(const double* returns, const uint8_t* leave, double step_size, int64_t top_directions);

 private:
  std::vector<double> theta_;   // (|theta|)
  std::vector<double> deltas_;  // (directions, |theta|)
  int64_t directions_ = 0;
};

}  // namespace gogepo
