// What ARS, OpenAI-ES and PGPE share: theta, the center of a Gaussian over policies, and the directions that are being
// tried out, each on both sides of the center. In float64 and in one fixed order of summation, so that a seed gives one
// result on every machine.
#pragma once
#include <atomic>
#include <cstdint>
#include <utility>
#include <vector>

#include "layout.h"

namespace gogepo {

class Search {
 public:
  // theta starts at zero if the policy is linear, else at PyTorch's default initialization of Linear layers.
  Search(const PolicySpec& spec, uint64_t seed);

  int64_t size() const { return int64_t(theta_.size()); }
  const std::vector<double>& theta() const { return theta_; }

  // Samples delta_k ~ N(0, 1)^|theta| from stream (seed, direction, first_direction + k) for each direction k, and
  // writes theta +- stdev * delta_k to `policies` (2 * directions, |theta|), in the order +, -, +, -, ... Keeps the
  // deltas until the step. Stops early once *stop is set; then it keeps none.
  // stdev: (|theta|), or a single one for all parameters
  void perturb(int64_t directions, const std::vector<double>& stdev, uint64_t seed, uint64_t first_direction,
               float* policies, const std::atomic<bool>& stop);
  int64_t directions() const { return directions_; }  // that wait for the step; 0: none

 protected:
  const double* delta(int64_t direction) const { return deltas_.data() + direction * size(); }
  // The directions of which neither episode is marked in `leave` (2 * directions), in their order.
  std::vector<int64_t> usable(const uint8_t* leave) const;
  // theta += change, unless a parameter would leave the float32 range; false if so. change (|theta|)
  bool move(const std::vector<double>& change);
  void set_theta(std::vector<double> theta);  // (|theta|); drops the directions
  void drop_directions() { directions_ = 0; }

 private:
  std::vector<double> theta_;   // (|theta|)
  std::vector<double> deltas_;  // (directions, |theta|)
  int64_t directions_ = 0;
};

// Whether all numbers are in the float32 range.
bool fit_float(const std::vector<double>& values);

// Euclidean norm.
double norm(const std::vector<double>& values);

// Fitness shaping: the centered ranks, -0.5 for the lowest return of the usable directions to 0.5 for the best; equal
// returns share the mean of their ranks. returns (2 * directions) -> (2 * usable), in the order of `usable`
std::vector<double> centered_ranks(const double* returns, const std::vector<int64_t>& usable);

}  // namespace gogepo
