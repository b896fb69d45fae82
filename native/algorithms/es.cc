#include "es.h"

#include <cmath>

namespace gogepo {

void Es::restore(std::vector<double> theta, std::vector<double> first_moment, std::vector<double> second_moment,
                 int64_t updates) {
  set_theta(std::move(theta));
  first_moment_ = std::move(first_moment);
  second_moment_ = std::move(second_moment);
  updates_ = updates;
}

EsStep Es::step(const double* returns, const uint8_t* leave, double learning_rate, double weight_decay) {
  const std::vector<int64_t> used = usable(leave);
  drop_directions();
  if (used.empty()) return {};

  // The gradient estimate.
  const std::vector<double> fitness = centered_ranks(returns, used);
  std::vector<double> gradient(size());
  for (size_t k = 0; k < used.size(); ++k) {
    const double weight = (fitness[2 * k] - fitness[2 * k + 1]) / (2 * double(used.size()));
    for (int64_t i = 0; i < size(); ++i) gradient[i] += weight * delta(used[k])[i];
  }
  EsStep result{norm(gradient)};

  // One Adam step uphill.
  const double step = double(updates_ + 1);
  const double correction1 = 1 - std::pow(0.9, step), correction2 = 1 - std::pow(0.999, step);
  std::vector<double> first(size()), second(size()), change(size());
  for (int64_t i = 0; i < size(); ++i) {
    const double g = gradient[i] - weight_decay * theta()[i];
    first[i] = 0.9 * first_moment_[i] + (1 - 0.9) * g;
    second[i] = 0.999 * second_moment_[i] + (1 - 0.999) * g * g;
    change[i] = learning_rate * (first[i] / correction1) / (std::sqrt(second[i] / correction2) + 1e-8);
  }
  result.step_norm = norm(change);
  result.finite = fit_float(second) && move(change);
  if (!result.finite) return result;
  first_moment_ = std::move(first);
  second_moment_ = std::move(second);
  ++updates_;
  return result;
}

}  // namespace gogepo
