#include "observation_normalizer.h"

#include <cstring>

#include "check.h"
#include "random.h"

using namespace gogepo;

constexpr int size = 3;

// Coordinates on different scales; the last one is constant.
static std::vector<std::vector<double>> observations(int count) {
  Stream random(3, Purpose::training_reset, 0);
  std::vector<std::vector<double>> all;
  for (int i = 0; i < count; ++i) all.push_back({1000 + random.normal(), 1e-3 * random.normal(), 7});
  return all;
}

// The definition, in two passes over all observations so far
static std::vector<double> normalized(const std::vector<std::vector<double>>& seen,
                                      const std::vector<double>& observation) {
  std::vector<double> out;
  for (int i = 0; i < size; ++i) {
    long double mean = 0, square = 0;
    for (const auto& o : seen) mean += o[i];
    mean /= seen.size();
    for (const auto& o : seen) square += (o[i] - mean) * (o[i] - mean);
    const long double deviation = seen.size() > 1 ? std::sqrt(square / (seen.size() - 1)) : 0;
    out.push_back(deviation < 1e-7 ? 0 : double((observation[i] - mean) / (deviation + 1e-8L)));
  }
  return out;
}

static Moments empty() { return {0, std::vector<double>(size), std::vector<double>(size)}; }

static Moments moments_of(const std::vector<std::vector<double>>& all, int from, int to) {
  Moments moments = empty();
  for (int i = from; i < to; ++i) push(moments, all[i].data());
  return moments;
}

static void check_same(const Moments& a, const Moments& b) {
  CHECK(a.count == b.count);
  for (int i = 0; i < size; ++i) {
    CHECK_NEAR(a.mean[i], b.mean[i], 1e-12 * std::abs(b.mean[i]) + 1e-18);
    CHECK_NEAR(a.m2[i], b.m2[i], 1e-9 * b.m2[i]);
  }
}

TEST("with grow, each observation is added and then normalized by all so far") {
  const auto all = observations(60);
  for (int before : {0, 1, 20}) {
    const Moments start = moments_of(all, 0, before);
    ObservationNormalizer normalizer(size);
    normalizer.start(&start, Observe::grow);
    std::vector<std::vector<double>> seen(all.begin(), all.begin() + before);
    for (int t = before; t < 60; ++t) {
      seen.push_back(all[t]);
      const auto expected = normalized(seen, all[t]);
      float got[size];
      normalizer.normalize(all[t].data(), got);
      for (int i = 0; i < size; ++i) CHECK_NEAR(got[i], expected[i], 1e-6);
      CHECK(got[2] == 0);
    }
    check_same(normalizer.moments(), moments_of(all, before, 60));
    CHECK(start.count == before);
  }
}

TEST("frozen statistics stay as they are") {
  const auto all = observations(50);
  const Moments start = moments_of(all, 0, 30);
  for (Observe frozen : {Observe::none, Observe::report}) {
    ObservationNormalizer normalizer(size);
    normalizer.start(&start, frozen);
    const std::vector<std::vector<double>> seen(all.begin(), all.begin() + 30);
    for (int t = 30; t < 50; ++t) {
      float got[size];
      normalizer.normalize(all[t].data(), got);
      const auto expected = normalized(seen, all[t]);
      for (int i = 0; i < size; ++i) CHECK_NEAR(got[i], expected[i], 1e-6);
    }
    check_same(normalizer.moments(), frozen == Observe::none ? empty() : moments_of(all, 30, 50));
  }
}

TEST("a single observation has standard deviation 0") {
  const double observation[size] = {1, 2, 3}, other[size] = {4, 5, 6};
  Moments one = empty();
  push(one, observation);
  ObservationNormalizer normalizer(size);
  normalizer.start(&one, Observe::none);
  float got[size];
  normalizer.normalize(other, got);
  for (float value : got) CHECK(value == 0);
}

TEST("without statistics observations pass unchanged, and moments are collected unless nothing is observed") {
  const auto all = observations(10);
  for (Observe observe : {Observe::none, Observe::report, Observe::grow}) {
    ObservationNormalizer normalizer(size);
    normalizer.start(nullptr, observe);
    for (const auto& observation : all) {
      float got[size];
      normalizer.normalize(observation.data(), got);
      for (int i = 0; i < size; ++i) CHECK(got[i] == float(observation[i]));
    }
    if (observe != Observe::none)
      check_same(normalizer.moments(), moments_of(all, 0, 10));
    else
      CHECK(normalizer.moments().count == 0);
  }
}

TEST("an episode is independent of the previous one") {
  const auto all = observations(20);
  const Moments start = moments_of(all, 0, 10);
  ObservationNormalizer used(size), fresh(size);
  float a[size], b[size];
  used.start(nullptr, Observe::grow);
  used.normalize(all[3].data(), a);
  used.start(&start, Observe::grow);
  fresh.start(&start, Observe::grow);
  for (int t = 10; t < 20; ++t) {
    used.normalize(all[t].data(), a);
    fresh.normalize(all[t].data(), b);
    CHECK(std::memcmp(a, b, sizeof a) == 0);
  }
  CHECK(used.moments().mean == fresh.moments().mean && used.moments().m2 == fresh.moments().m2);
}

TEST("statistics of another size are refused") {
  const Moments start = empty();
  CHECK_THROWS(ObservationNormalizer(size + 1).start(&start, Observe::none));
}

TEST("a value that overflows single precision reaches the network as a large finite one") {
  Moments statistics = empty();
  statistics.count = 2;
  statistics.m2 = {1e-12, 1e-12, 1};  // standard deviations 1e-6, 1e-6 and 1
  ObservationNormalizer normalizer(size);
  float out[size];
  const double extreme[size] = {3e38, -3e38, 3e38};
  normalizer.start(&statistics, Observe::none);
  normalizer.normalize(extreme, out);
  CHECK(out[0] == 0x1p64f && out[1] == -0x1p64f && out[2] == 0x1p64f);
  normalizer.start(nullptr, Observe::none);
  normalizer.normalize(extreme, out);
  CHECK(out[0] == 0x1p64f && out[1] == -0x1p64f);
}
