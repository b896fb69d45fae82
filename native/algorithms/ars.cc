#include "ars.h"

#include <algorithm>
#include <cmath>

#include "random.h"

namespace gogepo {

Ars::Ars(const PolicySpec& spec, uint64_t seed) {
  const PolicyLayout layout(spec);
  theta_.resize(layout.size);
  if (spec.hidden.empty()) return;
  for (size_t j = 0; j < layout.layers.size(); ++j) {
    const PolicyLayer& layer = layout.layers[j];
    const double bound = 1.0 / std::sqrt(double(layer.in));
    const int64_t end = layer.bias + (layout.has_bias ? layer.out : 0);  // the bias follows its weight
    Stream stream(seed, Purpose::policy_init, j);
    for (int64_t i = layer.weight; i < end; ++i) theta_[i] = stream.uniform(-bound, bound);
  }
}

void Ars::restore(std::vector<double> theta) {
  theta_ = std::move(theta);
  directions_ = 0;
}

void Ars::perturb(int64_t directions, double noise, uint64_t seed, uint64_t first_direction, float* policies,
                  const std::atomic<bool>& stop) {
  const int64_t size = this->size();
  directions_ = 0;
  deltas_.resize(directions * size);
  for (int64_t k = 0; k < directions && !stop; ++k) {
    // delta_k
    Stream stream(seed, Purpose::ars_direction, first_direction + uint64_t(k));
    double* const delta = deltas_.data() + k * size;
    for (int64_t i = 0; i < size; ++i) delta[i] = stream.normal();
    // theta +- noise * delta_k
    float *const plus = policies + 2 * k * size, *const minus = plus + size;
    for (int64_t i = 0; i < size; ++i) {
      plus[i] = float(theta_[i] + noise * delta[i]);
      minus[i] = float(theta_[i] - noise * delta[i]);
    }
  }
  if (!stop) directions_ = directions;
}

ArsStep Ars::step(const double* returns, const uint8_t* leave, double step_size, int64_t top_directions) {
  const int64_t size = this->size(), directions = directions_;
  directions_ = 0;

  // The best usable directions, best first.
  std::vector<int64_t> best;
  for (int64_t k = 0; k < directions; ++k)
    if (!leave[2 * k] && !leave[2 * k + 1]) best.push_back(k);
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

  // The weighted sum of their deltas.
  std::vector<double> sum(size);
  for (const int64_t k : best) {
    const double weight = returns[2 * k] - returns[2 * k + 1];
    const double* const delta = deltas_.data() + k * size;
    for (int64_t i = 0; i < size; ++i) sum[i] += weight * delta[i];
  }

  // The step.
  const double scale = step_size / (double(best.size()) * result.return_std);
  double square = 0;
  for (int64_t i = 0; i < size; ++i) {
    const double change = scale * sum[i];
    square += change * change;
    sum[i] = theta_[i] + change;
    result.finite = result.finite && std::isfinite(float(sum[i]));
  }
  result.step_norm = std::sqrt(square);
  if (result.finite) theta_ = std::move(sum);
  return result;
}

}  // namespace gogepo
