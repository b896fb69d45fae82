// Parameter-exploring policy gradients (Sehnke et al., 2010) with symmetric sampling: the center and the standard
// deviations of a Gaussian over policies both follow the gradient of the expected fitness.
#pragma once
#include "search.h"

namespace gogepo {

struct PgpeStep {
  double step_norm = 0;   // Euclidean norm of the change of theta
  double stdev_mean = 0;  // of the standard deviations, after the step
  bool finite =
      true;  // false: theta or a standard deviation would have left the float32 range, and nothing was changed
};

class Pgpe : public Search {
 public:
  Pgpe(const PolicySpec& spec, uint64_t seed, double stdev) : Search(spec, seed), stdev_(theta().size(), stdev) {}

  const std::vector<double>& stdev() const { return stdev_; }
  void restore(std::vector<double> theta, std::vector<double> stdev);  // (|theta|) each; drops the directions

  // With epsilon = stdev * delta, averaged over the n usable directions, where f are the centered ranks of their 2n
  // returns, whose mean, the baseline, is 0:
  //   theta += center_rate * mean of epsilon * (f+ - f-) / 2
  //   stdev += stdev_rate * mean of (epsilon^2 - stdev^2) / stdev * (f+ + f-) / 2, by at most max_change * stdev
  // Drops all directions. A direction is unusable if either of its episodes is marked in `leave`; if none is usable,
  // nothing changes.
  //
  // returns, leave: (2 * directions), in the order of perturb(); every return that is not marked must be finite
  PgpeStep step(const double* returns, const uint8_t* leave, double center_rate, double stdev_rate, double max_change);

 private:
  std::vector<double> stdev_;  // (|theta|), positive
};

}  // namespace gogepo
