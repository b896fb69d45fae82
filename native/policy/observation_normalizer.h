// Running statistics of observations, and observations normalized by them.
#pragma once
#include <algorithm>
#include <cstdint>
#include <vector>

namespace gogepo {

// Count, mean and sum of squared deviations of the observations so far, in float64, per coordinate.
struct Moments {
  int64_t count = 0;
  std::vector<double> mean, m2;  // (O)
  bool operator==(const Moments&) const = default;
};

void push(Moments& moments, const double* observation);  // Welford's update; mean and m2 already have their size

// Writes what a deviation from the mean is divided by, (O): the sample standard deviation + 1e-8. A coordinate that has
// hardly moved carries no information yet: it is divided by infinity, which gives 0.
void fit_divisor(const Moments& moments, std::vector<double>& divisor);

// What an episode does with the observations it acts on.
enum class Observe {
  none,    // nothing
  report,  // collects their moments; the statistics it normalizes by are frozen
  grow,    // collects their moments, and adds each observation to the statistics before normalizing it
};

// What the network takes of a normalized observation. Larger values could overflow inside of it, where infinity minus
// infinity is NaN; its units are saturated long before.
constexpr double kLargestInput = 18446744073709551616.0;  // 2^64
inline float network_input(double normalized) { return float(std::clamp(normalized, -kLargestInput, kLargestInput)); }

// Normalizes the observations of one episode. The episode's own moments are kept apart from the statistics, so that the
// caller can merge those of several episodes in order.
class ObservationNormalizer {
 public:
  explicit ObservationNormalizer(int size);
  // statistics: copied; null: observations pass unchanged, but moments are still collected
  void start(const Moments* statistics, Observe observe);
  void normalize(const double* observation, float* normalized);  // (O) -> (O)
  const Moments& moments() const { return moments_; }  // of the observations since start; empty unless observed

 private:
  bool normalizing_ = false, reporting_ = false, growing_ = false;
  Moments statistics_, moments_;
  std::vector<double> divisor_;  // (O)
};

}  // namespace gogepo
