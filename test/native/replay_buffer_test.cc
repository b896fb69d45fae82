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
    for (const Sampled& sampled : buffer.sample(Stream(1, Purpose::critic_draw, uint64_t(batch)), 100))
      counts.at(buffer.pushed() - 1 - sampled.entry) += 1;
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
  ReplayBuffer buffer(theta_size, 100, 1.1, 0, at::kCPU);
  for (int64_t count : {1, 7, 90, 3, 250, 49}) push(buffer, count);
  CHECK(buffer.pushed() == 400 && buffer.count() == 100);
  for (int64_t entry = 300; entry < 400; ++entry) CHECK(holds(buffer, entry));
}

TEST("the i-th newest is sampled with weight i^-exponent, before the buffer is full and after") {
  for (double exponent : {1.1, 0.0, 2.0})
    for (int64_t pushed : {30, 50, 130}) {
      ReplayBuffer buffer(theta_size, 50, exponent, 0, at::kCPU);
      push(buffer, pushed);
      CHECK_NEAR(misfit(buffer, exponent), 0, 4);
      CHECK(misfit(buffer, exponent + 0.1) > 20);
    }
}

TEST("samples are stored entries, with replacement, and the same for the same stream") {
  ReplayBuffer buffer(theta_size, 10, 1.1, 0, at::kCPU);
  push(buffer, 1);
  CHECK(buffer.sample(Stream(1, Purpose::critic_draw, 0), 3) == std::vector<Sampled>(3));
  push(buffer, 36);
  const std::vector<Sampled> batch = buffer.sample(Stream(1, Purpose::critic_draw, 7), 1000);
  std::set<int64_t> different;
  for (const Sampled& sampled : batch) {
    different.insert(sampled.entry);
    CHECK(sampled.target == buffer.episode_return(sampled.entry));
  }
  CHECK(different.size() == 10 && *different.begin() == 27 && *different.rbegin() == 36);
  CHECK(buffer.sample(Stream(1, Purpose::critic_draw, 7), 1000) == batch);
  CHECK(buffer.sample(Stream(1, Purpose::critic_draw, 8), 1000) != batch);
}

// Pushes these returns; theta does not matter.
void push_returns(ReplayBuffer& buffer, const std::vector<float>& returns) {
  buffer.push(at::zeros({int64_t(returns.size()), theta_size}), returns.data());
}

TEST("a balanced share is sampled evenly over the returns that are stored") {
  ReplayBuffer buffer(theta_size, 100, 1.1, 1, at::kCPU);
  push_returns(buffer, std::vector<float>(50, -1000));  // these have left the buffer
  push_returns(buffer, std::vector<float>(98, 10));
  push_returns(buffer, {0, 4});
  const std::vector<Sampled> batch = buffer.sample(Stream(1, Purpose::critic_draw, 0), 10000);
  std::map<float, int> times;
  std::set<int64_t> tens;
  for (const Sampled& sampled : batch) {
    const float nearest = buffer.episode_return(sampled.entry);
    for (const float other : {0.0f, 4.0f, 10.0f})
      CHECK(std::abs(sampled.target - nearest) <= std::abs(sampled.target - other));
    CHECK(sampled.target >= 0 && sampled.target <= 10);
    ++times[nearest];
    if (nearest == 10) tens.insert(sampled.entry);
  }
  CHECK_NEAR(times[0], 2000, 200);
  CHECK_NEAR(times[4], 5000, 250);
  CHECK_NEAR(times[10], 3000, 230);
  CHECK(tens.size() == 98);  // entries of the same return take turns
}

TEST("the balanced share comes last in a batch, and a single return is no range") {
  ReplayBuffer buffer(theta_size, 100, 1.1, 0.25, at::kCPU), plain(theta_size, 100, 1.1, 0, at::kCPU);
  for (ReplayBuffer* one : {&buffer, &plain}) push_returns(*one, {7});
  CHECK(buffer.sample(Stream(1, Purpose::critic_draw, 0), 4) == std::vector<Sampled>(4, {0, 7}));
  for (ReplayBuffer* one : {&buffer, &plain}) push_returns(*one, {3, -5, 8, 2});
  const std::vector<Sampled> some = buffer.sample(Stream(1, Purpose::critic_draw, 3), 16);
  const std::vector<Sampled> recent = plain.sample(Stream(1, Purpose::critic_draw, 3), 16);
  CHECK(std::equal(some.begin(), some.begin() + 12, recent.begin()));
  buffer.clear(40);
  push_returns(buffer, {1, 2});
  for (const Sampled& sampled : buffer.sample(Stream(1, Purpose::critic_draw, 3), 16)) CHECK(sampled.entry >= 40);
}

TEST("memory grows as the buffer fills, and entries stay in place") {
  ReplayBuffer buffer(theta_size, 1000, 1.1, 0, at::kCPU);
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
  ReplayBuffer buffer(theta_size, 10, 1.1, 0, at::kCPU);
  buffer.clear(25);
  push(buffer, 10);
  CHECK(buffer.pushed() == 35 && buffer.count() == 10);
  for (int64_t entry = 25; entry < 35; ++entry) CHECK(holds(buffer, entry));
}
