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
  const double degrees = double(std::max<int64_t>(moments.count - 1, 1));
  for (size_t i = 0; i < divisor.size(); ++i) {
    const double deviation = std::sqrt(moments.m2[i] / degrees);
    divisor[i] = deviation < 1e-7 ? std::numeric_limits<double>::infinity() : deviation + 1e-8;
  }
}

ObservationNormalizer::ObservationNormalizer(int size) : divisor_(size) {
  additions_.mean.resize(size);
  additions_.m2.resize(size);
}

void ObservationNormalizer::start(const Moments* statistics, bool learning) {
  const size_t size = divisor_.size();
  additions_.count = 0;
  std::fill(additions_.mean.begin(), additions_.mean.end(), 0.0);
  std::fill(additions_.m2.begin(), additions_.m2.end(), 0.0);
  learning_ = learning;
  normalizing_ = statistics != nullptr;
  if (!normalizing_) return;
  if (statistics->mean.size() != size || statistics->m2.size() != size)
    throw std::invalid_argument("observation statistics: expected " + std::to_string(size) + " coordinates, got " +
                                std::to_string(statistics->mean.size()) + " means and " +
                                std::to_string(statistics->m2.size()) + " deviations");
  statistics_ = *statistics;
  fit_divisor(statistics_, divisor_);
}

void ObservationNormalizer::normalize(const double* observation, float* normalized) {
  if (learning_) push(additions_, observation);
  if (!normalizing_) {
    std::copy_n(observation, divisor_.size(), normalized);
    return;
  }
  if (learning_) {
    push(statistics_, observation);
    fit_divisor(statistics_, divisor_);
  }
  const double* mean = statistics_.mean.data();
  for (size_t i = 0; i < divisor_.size(); ++i) normalized[i] = float((observation[i] - mean[i]) / divisor_[i]);
}

}  // namespace gogepo
