#include "pgpe.h"

#include <algorithm>
#include <numeric>

namespace gogepo {

void Pgpe::restore(std::vector<double> theta, std::vector<double> stdev) {
  set_theta(std::move(theta));
  stdev_ = std::move(stdev);
}

PgpeStep Pgpe::step(const double* returns, const uint8_t* leave, double center_rate, double stdev_rate,
                    double max_change) {
  const std::vector<int64_t> used = usable(leave);
  drop_directions();
  const auto mean = [](const std::vector<double>& x) {
    return std::accumulate(x.begin(), x.end(), 0.0) / double(x.size());
  };
  if (used.empty()) return {0, mean(stdev_)};

  // Both gradients: sums over directions of delta * weight and of (delta^2 - 1) * weight, times stdev.
  const std::vector<double> fitness = centered_ranks(returns, used);
  const double share = 1 / double(used.size());
  std::vector<double> center(size()), spread(size());
  for (size_t k = 0; k < used.size(); ++k) {
    const double difference = share * (fitness[2 * k] - fitness[2 * k + 1]) / 2,
                 average = share * (fitness[2 * k] + fitness[2 * k + 1]) / 2;
    for (int64_t i = 0; i < size(); ++i) {
      const double d = delta(used[k])[i];
      center[i] += difference * d;
      spread[i] += average * (d * d - 1);
    }
  }

  // The steps.
  std::vector<double> stdev(size());
  for (int64_t i = 0; i < size(); ++i) {
    center[i] *= center_rate * stdev_[i];
    stdev[i] = stdev_[i] * (1 + std::clamp(stdev_rate * spread[i], -max_change, max_change));
  }
  PgpeStep result{norm(center), mean(stdev)};
  result.finite = fit_float(stdev) && move(center);
  if (result.finite) stdev_ = std::move(stdev);
  return result;
}

}  // namespace gogepo
