// Augmented Random Search, and what every search shares, against a naive implementation.
#include "ars.h"

#include <algorithm>
#include <numeric>

#include "check.h"
#include "random.h"
#include "small_architecture.h"

using namespace gogepo;

namespace {

const std::atomic<bool> never = false;

std::vector<double> deltas_of(int64_t size, uint64_t seed, uint64_t index) {
  Stream stream(seed, Purpose::direction, index);
  std::vector<double> delta(size);
  for (double& value : delta) value = stream.normal();
  return delta;
}

// One step of Algorithm 1 of the paper, as its formulas read.
std::vector<double> naive_step(std::vector<double> theta, uint64_t seed, uint64_t first,
                               const std::vector<double>& returns, const std::vector<uint8_t>& leave, double step_size,
                               size_t top, double& deviation) {
  // Sort the usable directions by their better return; of equal ones the earlier comes first.
  std::vector<size_t> order;
  for (size_t k = 0; k < returns.size() / 2; ++k)
    if (!leave[2 * k] && !leave[2 * k + 1]) order.push_back(k);
  const auto score = [&](size_t k) { return std::max(returns[2 * k], returns[2 * k + 1]); };
  std::sort(order.begin(), order.end(),
            [&](size_t a, size_t b) { return score(a) != score(b) ? score(a) > score(b) : a < b; });
  order.resize(std::min(order.size(), top));
  // The population standard deviation of their returns.
  std::vector<double> used;
  for (size_t k : order) used.insert(used.end(), {returns[2 * k], returns[2 * k + 1]});
  deviation = 0;
  if (used.empty()) return theta;
  const double mean = std::accumulate(used.begin(), used.end(), 0.0) / double(used.size());
  for (double r : used) deviation += (r - mean) * (r - mean) / double(used.size());
  deviation = std::sqrt(deviation);
  if (deviation < 1e-12) return theta;
  for (size_t k : order) {
    const auto delta = deltas_of(int64_t(theta.size()), seed, first + k);
    for (size_t i = 0; i < theta.size(); ++i)
      theta[i] += step_size / (double(order.size()) * deviation) * (returns[2 * k] - returns[2 * k + 1]) * delta[i];
  }
  return theta;
}

double distance(const std::vector<double>& a, const std::vector<double>& b) {
  double square = 0;
  for (size_t i = 0; i < a.size(); ++i) square += (a[i] - b[i]) * (a[i] - b[i]);
  return std::sqrt(square);
}

struct Trial {
  Ars ars;
  std::vector<float> policies;
  explicit Trial(const PolicySpec& spec, uint64_t seed = 7) : ars(spec, seed) {}
  void perturb(int64_t directions, double noise = 0.03, uint64_t first = 0) {
    policies.resize(2 * directions * ars.size());
    ars.perturb(directions, {noise}, 11, first, policies.data(), never);
  }
};

PolicySpec linear() {
  PolicySpec spec = small_policy(3, 2, {});
  spec.bias = false;
  spec.output = PolicyOutput::clip;
  return spec;
}

}  // namespace

TEST("theta starts at zero if linear, else like PyTorch's Linear layers") {
  CHECK(Ars(linear(), 1).theta() == std::vector<double>(6));
  for (bool bias : {true, false}) {
    PolicySpec spec = small_policy(9, 4, {64, 16});
    spec.bias = bias;
    const Ars ars(spec, 1);
    const PolicyLayout layout(spec);
    CHECK(ars.size() == layout.size && ars.theta() == Ars(spec, 1).theta() && ars.theta() != Ars(spec, 2).theta());
    for (size_t j = 0; j < layout.layers.size(); ++j) {
      const PolicyLayer& layer = layout.layers[j];
      const double bound = 1 / std::sqrt(double(layer.in));
      const auto begin = ars.theta().begin() + layer.weight, end = begin + int64_t(layer.out) * (layer.in + bias);
      const auto [low, high] = std::minmax_element(begin, end);
      CHECK(*low >= -bound && *high < bound && *low < -0.8 * bound && *high > 0.8 * bound);
      CHECK(*begin == Stream(1, Purpose::policy_init, j).uniform(-bound, bound));
    }
  }
}

TEST("perturb tries theta +- noise * delta, each delta from its stream") {
  Trial s(small_policy(3, 2, {5}));
  s.perturb(4, 0.5, 100);
  CHECK(s.ars.directions() == 4);
  for (size_t k = 0; k < 4; ++k) {
    const auto delta = deltas_of(s.ars.size(), 11, 100 + k);
    for (size_t i = 0; i < delta.size(); ++i) {
      CHECK(s.policies[2 * k * delta.size() + i] == float(s.ars.theta()[i] + 0.5 * delta[i]));
      CHECK(s.policies[(2 * k + 1) * delta.size() + i] == float(s.ars.theta()[i] - 0.5 * delta[i]));
    }
  }
}

TEST("steps agree with the naive implementation, with ties and diverged episodes, for every number of top directions") {
  Stream random(3, Purpose::strategy, 0);
  for (int64_t directions : {1, 2, 5, 16})
    for (int64_t top = 1; top <= directions; ++top)
      for (int kind = 0; kind < 3; ++kind) {  // distinct returns, many ties, diverged episodes
        Trial s(kind == 0 ? linear() : small_policy(3, 2, {5}));
        std::vector<double> theta = s.ars.theta();
        for (uint64_t iteration = 0; iteration < 3; ++iteration) {
          const uint64_t first = iteration * uint64_t(directions);
          s.perturb(directions, 0.1, first);
          std::vector<double> returns;
          std::vector<uint8_t> leave(2 * directions);
          for (int64_t i = 0; i < 2 * directions; ++i) {
            returns.push_back(kind == 1 ? double(random.bits() % 3) : 100 * random.normal());
            if (kind == 2 && random.uniform() < 0.3) leave[i] = 1, returns[i] = NAN;
          }
          double deviation;
          const auto expected = naive_step(theta, 11, first, returns, leave, 0.02, size_t(top), deviation);
          const ArsStep step = s.ars.step(returns.data(), leave.data(), 0.02, top);
          CHECK(step.finite && s.ars.directions() == 0);
          CHECK_NEAR(step.return_std, deviation, 1e-12 * (1 + deviation));
          CHECK_NEAR(step.step_norm, distance(expected, theta), 1e-12);
          CHECK_NEAR(distance(s.ars.theta(), expected), 0, 1e-12);
          theta = s.ars.theta();
        }
      }
}

TEST("equal returns, or no usable direction, leave theta unchanged") {
  Trial s(small_policy(3, 2, {5}));
  const std::vector<double> before = s.ars.theta();
  for (double r : {0.0, 0.1, -1234.567}) {
    s.perturb(3);
    const ArsStep step = s.ars.step(std::vector<double>(6, r).data(), std::vector<uint8_t>(6).data(), 0.1, 3);
    CHECK(step.return_std == 0 && step.step_norm == 0 && step.finite && s.ars.theta() == before);
  }
  s.perturb(2);
  const double returns[] = {NAN, 1, 2, INFINITY};
  const uint8_t leave[] = {1, 0, 0, 1};
  const ArsStep step = s.ars.step(returns, leave, 0.1, 2);
  CHECK(step.return_std == 0 && step.step_norm == 0 && s.ars.theta() == before);
}

TEST("a step that would leave the float32 range is not taken") {
  Trial s(linear());
  s.perturb(1);
  const double returns[] = {1, -1};
  const uint8_t leave[] = {0, 0};
  CHECK(!s.ars.step(returns, leave, 1e39, 1).finite);
  CHECK(s.ars.theta() == std::vector<double>(6));
}

TEST("restored parameters continue bit for bit, and the directions of before are dropped") {
  Trial one(small_policy(3, 2, {5})), two(small_policy(3, 2, {5}), 99);
  const std::vector<double> returns{1, 2, 5, 3, -1, 0};
  const std::vector<uint8_t> leave(6);
  one.perturb(3);
  one.ars.step(returns.data(), leave.data(), 0.1, 2);
  two.perturb(3);
  two.ars.restore(one.ars.theta());
  CHECK(two.ars.directions() == 0);
  for (Trial* s : {&one, &two}) {
    s->perturb(3, 0.03, 3);
    s->ars.step(returns.data(), leave.data(), 0.1, 2);
  }
  CHECK(one.ars.theta() == two.ars.theta() && one.policies == two.policies);
}

TEST("a perturbation that is stopped keeps no directions") {
  Ars ars(linear(), 1);
  std::vector<float> policies(4 * 6);
  ars.perturb(2, {0.1}, 1, 0, policies.data(), true);
  CHECK(ars.directions() == 0);
}
