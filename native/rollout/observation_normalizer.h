// Running statistics of observations, and observations normalized by them.
#pragma once
#include <cstdint>
#include <vector>

namespace gogepo {

// Count, mean and sum of squared deviations of the observations seen, float64, per coordinate.
struct Moments {
  int64_t count = 0;
  std::vector<double> mean, m2;  // (O)
};

void push(Moments& moments, const double* observation);  // Welford's step; mean and m2 have their size already

// What a deviation from the mean is divided by, (O): the sample deviation + 1e-8. A coordinate that has hardly moved
// carries no information yet: divided by infinity it gives 0.
void fit_divisor(const Moments& moments, std::vector<double>& divisor);

// What one episode sees. While learning, an observation is first added to the statistics and then normalized by them;
// the episode's own additions are kept apart, so that the caller merges those of several episodes in their order.
class ObservationNormalizer {
 public:
  explicit ObservationNormalizer(int size);
  void start(const Moments* statistics, bool learning);  // null: observations pass unchanged, moments still grow
  void normalize(const double* observation, float* normalized);  // (O) -> (O)
  const Moments& additions() const { return additions_; }        // since start; nothing is added unless learning

 private:
  bool normalizing_ = false, learning_ = false;
  Moments statistics_, additions_;
  std::vector<double> divisor_;  // (O)
};

}  // namespace gogepo
