#include "ars.h"

#include <algorithm>
#include <cmath>

namespace gogepo {

ArsStep Ars::step(const double* returns, const uint8_t* leave, double step_size, int64_t top_directions) {
  // The best usable directions, best first.
  std::vector<int64_t> best = usable(leave);
  drop_directions();
  const auto score = [returns](int64_t k) { return std::max(returns[2 * k], returns[2 * k + 1]); };
  std::stable_sort(best.begin(), best.end(), [&](int64_t a, int64_t b) { return score(a) > score(b); });
  if (int64_t(best.size()) > top_directions) best.resize(top_directions);
  if (best.empty()) return {};

  // sigma_R of their returns, relative to the first one, so that equal returns give exactly 0.
  const double used = 2 * double(best.size()), origin = returns[2 * best.front()];
  double mean = 0, variance = 0;
  for (const int64_t k : best)
    for (const int64_t i : {2 * k, 2 * k + 1}) mean += (returns[i] - origin) / used;
  for (const int64_t k : best)
    for (const int64_t i : {2 * k, 2 * k + 1}) {
      const double deviation = returns[i] - origin - mean;
      variance += deviation * deviation / used;
    }
  ArsStep result{std::sqrt(variance)};
  if (result.return_std == 0) return result;

  // The weighted sum of their deltas, and the step.
  std::vector<double> change(size());
  for (const int64_t k : best) {
    const double weight = returns[2 * k] - returns[2 * k + 1];
    for (int64_t i = 0; i < size(); ++i) change[i] += weight * delta(k)[i];
  }
  const double scale = step_size / (double(best.size()) * result.return_std);
  for (double& x : change) x *= scale;
  result.step_norm = norm(change);
  result.finite = move(change);
  return result;
}

}  // namespace gogepo
