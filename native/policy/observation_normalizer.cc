#include "observation_normalizer.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <stdexcept>
#include <string>

namespace gogepo {

void push(Moments& moments, const double* observation) {
  const double count = double(++moments.count);
  double* __restrict mean = moments.mean.data(), * __restrict m2 = moments.m2.data();
  for (size_t i = 0, size = moments.mean.size(); i < size; ++i) {
    const double deviation = observation[i] - mean[i];
    mean[i] += deviation / count;
    m2[i] += deviation * (observation[i] - mean[i]);
  }
}

void fit_divisor(const Moments& moments, std::vector<double>& divisor) {
  const double degrees_of_freedom = double(std::max<int64_t>(moments.count - 1, 1));
  for (size_t i = 0; i < divisor.size(); ++i) {
    const double deviation = std::sqrt(moments.m2[i] / degrees_of_freedom);
    divisor[i] = deviation < 1e-7 ? std::numeric_limits<double>::infinity() : deviation + 1e-8;
  }
}

ObservationNormalizer::ObservationNormalizer(int size) : divisor_(size) {
  moments_.mean.resize(size);
  moments_.m2.resize(size);
}

void ObservationNormalizer::start(const Moments* statistics, Observe observe) {
  const size_t size = divisor_.size();
  moments_.count = 0;
  std::fill(moments_.mean.begin(), moments_.mean.end(), 0.0);
  std::fill(moments_.m2.begin(), moments_.m2.end(), 0.0);
  normalizing_ = statistics != nullptr;
  reporting_ = observe != Observe::none;
  growing_ = normalizing_ && observe == Observe::grow;
  if (!normalizing_) return;
  if (statistics->mean.size() != size || statistics->m2.size() != size)
    throw std::invalid_argument("observation statistics: expected mean and m2 with " + std::to_string(size) +
                                " elements each, got " + std::to_string(statistics->mean.size()) + " and " +
                                std::to_string(statistics->m2.size()) + ".");
  statistics_ = *statistics;
  fit_divisor(statistics_, divisor_);
}

void ObservationNormalizer::normalize(const double* observation, float* normalized) {
  if (reporting_) push(moments_, observation);
  if (!normalizing_) {
    std::transform(observation, observation + divisor_.size(), normalized, network_input);
    return;
  }
  if (growing_) {
    push(statistics_, observation);
    fit_divisor(statistics_, divisor_);
  }
  const double* mean = statistics_.mean.data();
  for (size_t i = 0; i < divisor_.size(); ++i) normalized[i] = network_input((observation[i] - mean[i]) / divisor_[i]);
}

}  // namespace gogepo
