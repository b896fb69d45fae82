#include "search.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "random.h"

namespace gogepo {

Search::Search(const PolicySpec& spec, uint64_t seed) {
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

void Search::set_theta(std::vector<double> theta) {
  theta_ = std::move(theta);
  directions_ = 0;
}

void Search::perturb(int64_t directions, const std::vector<double>& stdev, uint64_t seed, uint64_t first_direction,
                     float* policies, const std::atomic<bool>& stop) {
  const int64_t size = this->size();
  directions_ = 0;
  deltas_.resize(directions * size);
  for (int64_t k = 0; k < directions && !stop; ++k) {
    // delta_k
    Stream stream(seed, Purpose::direction, first_direction + uint64_t(k));
    double* const delta = deltas_.data() + k * size;
    for (int64_t i = 0; i < size; ++i) delta[i] = stream.normal();
    // theta +- stdev * delta_k
    float *const plus = policies + 2 * k * size, *const minus = plus + size;
    for (int64_t i = 0; i < size; ++i) {
      const double step = stdev[stdev.size() == 1 ? 0 : size_t(i)] * delta[i];
      plus[i] = float(theta_[i] + step);
      minus[i] = float(theta_[i] - step);
    }
  }
  if (!stop) directions_ = directions;
}

std::vector<int64_t> Search::usable(const uint8_t* leave) const {
  std::vector<int64_t> found;
  for (int64_t k = 0; k < directions_; ++k)
    if (!leave[2 * k] && !leave[2 * k + 1]) found.push_back(k);
  return found;
}

bool Search::move(const std::vector<double>& change) {
  std::vector<double> moved(theta_.size());
  for (size_t i = 0; i < moved.size(); ++i) moved[i] = theta_[i] + change[i];
  if (!fit_float(moved)) return false;
  theta_ = std::move(moved);
  return true;
}

bool fit_float(const std::vector<double>& values) {
  return std::all_of(values.begin(), values.end(), [](double x) { return std::isfinite(float(x)); });
}

double norm(const std::vector<double>& values) {
  double square = 0;
  for (const double x : values) square += x * x;
  return std::sqrt(square);
}

std::vector<double> centered_ranks(const double* returns, const std::vector<int64_t>& usable) {
  std::vector<double> of;  // (2 * usable)
  for (const int64_t k : usable) of.insert(of.end(), {returns[2 * k], returns[2 * k + 1]});
  std::vector<size_t> order(of.size());
  std::iota(order.begin(), order.end(), size_t(0));
  std::stable_sort(order.begin(), order.end(), [&](size_t a, size_t b) { return of[a] < of[b]; });
  std::vector<double> ranks(of.size());
  for (size_t first = 0, end; first < order.size(); first = end) {
    // Ranks first to end - 1 belong to equal returns.
    for (end = first + 1; end < order.size() && of[order[end]] == of[order[first]];) ++end;
    const double rank = double(first + end - 1) / 2;
    for (size_t i = first; i < end; ++i) ranks[order[i]] = rank / double(of.size() - 1) - 0.5;
  }
  return ranks;
}

}  // namespace gogepo
