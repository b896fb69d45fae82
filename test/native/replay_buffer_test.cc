#include "replay_buffer.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/empty.h>

#include <set>

#include "check.h"

using namespace gogepo;
using at::Tensor;

namespace {

constexpr int64_t theta_size = 5;

// Entry n holds n + 0.0, n + 0.1, ... and the return -n.
void push(ReplayBuffer& buffer, int64_t count) {
  const Tensor thetas = at::empty({count, theta_size}, at::kFloat);
  std::vector<float> returns;
  for (int64_t i = 0; i < count; ++i) {
    for (int64_t k = 0; k < theta_size; ++k) thetas[i][k] = float(buffer.pushed() + i) + 0.1f * float(k);
    returns.push_back(-float(buffer.pushed() + i));
  }
  buffer.push(thetas, returns.data());
}

bool holds(const ReplayBuffer& buffer, int64_t entry) {
  return buffer.episode_return(entry) == -float(entry) && buffer.theta(entry)[0].item<float>() == float(entry) &&
         buffer.theta(entry)[4].item<float>() == float(entry) + 0.4f;
}

// Distance of the frequencies of many samples from weights i^-exponent, in standard deviations of chi-square.
double misfit(const ReplayBuffer& buffer, double exponent) {
  const int64_t count = buffer.count(), samples = 200'000;
  std::vector<double> counts(count), expected(count);
  for (int64_t batch = 0; batch < samples / 100; ++batch)
    for (int64_t entry : buffer.sample(Stream(1, Purpose::critic_draw, uint64_t(batch)), 100))
      counts.at(buffer.pushed() - 1 - entry) += 1;
  double sum = 0, distance = 0;
  for (int64_t i = 0; i < count; ++i) sum += expected[i] = std::pow(double(i + 1), -exponent);
  for (int64_t i = 0; i < count; ++i) {
    expected[i] *= double(samples) / sum;
    distance += (counts[i] - expected[i]) * (counts[i] - expected[i]) / expected[i];
  }
  return (distance - double(count - 1)) / std::sqrt(2 * double(count - 1));
}

}  // namespace

TEST("first in, first out, however many are pushed at once; entries are addressed by their number in the run") {
  ReplayBuffer buffer(theta_size, 100, 1.1, at::kCPU);
  for (int64_t count : {1, 7, 90, 3, 250, 49}) push(buffer, count);
  CHECK(buffer.pushed() == 400 && buffer.count() == 100);
  for (int64_t entry = 300; entry < 400; ++entry) CHECK(holds(buffer, entry));
}

TEST("the i-th newest is sampled with weight i^-exponent, before the buffer is full and after") {
  for (double exponent : {1.1, 0.0, 2.0})
    for (int64_t pushed : {30, 50, 130}) {
      ReplayBuffer buffer(theta_size, 50, exponent, at::kCPU);
      push(buffer, pushed);
      CHECK_NEAR(misfit(buffer, exponent), 0, 4);
      CHECK(misfit(buffer, exponent + 0.1) > 20);
    }
}

TEST("samples are stored entries, with replacement, and the same for the same stream") {
  ReplayBuffer buffer(theta_size, 10, 1.1, at::kCPU);
  push(buffer, 1);
  CHECK(buffer.sample(Stream(1, Purpose::critic_draw, 0), 3) == std::vector<int64_t>(3, 0));
  push(buffer, 36);
  const std::vector<int64_t> entries = buffer.sample(Stream(1, Purpose::critic_draw, 7), 1000);
  const std::set<int64_t> different(entries.begin(), entries.end());
  CHECK(different.size() == 10 && *different.begin() == 27 && *different.rbegin() == 36);
  CHECK(buffer.sample(Stream(1, Purpose::critic_draw, 7), 1000) == entries);
  CHECK(buffer.sample(Stream(1, Purpose::critic_draw, 8), 1000) != entries);
}

TEST("memory grows as the buffer fills, and entries stay in place") {
  ReplayBuffer buffer(theta_size, 1000, 1.1, at::kCPU);
  const int64_t empty = buffer.bytes(), row = theta_size * int64_t(sizeof(float));
  push(buffer, 1);
  CHECK(buffer.bytes() > empty && buffer.bytes() < empty + 100 * row);
  const void* const first = buffer.theta(0).const_data_ptr();
  push(buffer, 999);
  CHECK(buffer.bytes() == empty + 1000 * row);
  push(buffer, 500);
  CHECK(buffer.bytes() == empty + 1000 * row);
  CHECK(buffer.theta(1000).const_data_ptr() == first);
}

TEST("a resumed buffer continues to count") {
  ReplayBuffer buffer(theta_size, 10, 1.1, at::kCPU);
  buffer.clear(25);
  push(buffer, 10);
  CHECK(buffer.pushed() == 35 && buffer.count() == 10);
  for (int64_t entry = 25; entry < 35; ++entry) CHECK(holds(buffer, entry));
}
