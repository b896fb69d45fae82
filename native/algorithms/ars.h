// Augmented Random Search (Mania, Guy and Recht, 2018).
#pragma once
#include "search.h"

namespace gogepo {

struct ArsStep {
  double return_std = 0;  // sigma_R of the returns that were used; 0 if no usable direction was left
  double step_norm = 0;   // Euclidean norm of the change of theta
  bool finite = true;     // false: theta would have left the float32 range, and was not changed
};

class Ars : public Search {
 public:
  using Search::Search;
  void restore(std::vector<double> theta) { set_theta(std::move(theta)); }

  // theta += step_size / (b * sigma_R) * sum of (r+ - r-) * delta over the b best directions by max(r+, r-), and drops
  // all directions. sigma_R is the population standard deviation of the 2b returns that are used; if it is 0, theta
  // does not change. A direction is unusable if either of its episodes is marked in `leave`; if fewer than
  // top_directions are usable, all of those are used. Of equal directions the earlier one is better.
  //
  // returns, leave: (2 * directions), in the order of perturb(); every return that is not marked must be finite
  ArsStep step(const double* returns, const uint8_t* leave, double step_size, int64_t top_directions);
};

}  // namespace gogepo
