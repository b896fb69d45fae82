#include "policy_runner.h"

#include <cstring>
#include <limits>

#include "check.h"
#include "random.h"
#include "tanh.h"

using namespace gogepo;

static std::vector<float> normals(int64_t count, uint64_t index, double scale) {
  Stream random(5, Purpose::parameter_noise, index);
  std::vector<float> values(count);
  for (float& value : values) value = float(scale * random.normal());
  return values;
}

static ActionScaling bounded(int actions) {
  ActionScaling scaling;
  for (int i = 0; i < actions; ++i) {
    scaling.center.push_back(0.25f * float(i));
    scaling.scale.push_back(1.0f + 0.5f * float(i));
  }
  return scaling;
}

// theta as its layout says it, in double precision
static std::vector<double> outputs(const PolicyLayout& layout, const float* theta, const float* observation) {
  std::vector<double> x(observation, observation + layout.layers.front().in);
  for (const PolicyLayer& layer : layout.layers) {
    std::vector<double> y(layer.out);
    for (int j = 0; j < layer.out; ++j) {
      double sum = theta[layer.bias + j];
      for (int k = 0; k < layer.in; ++k) sum += double(theta[layer.weight + int64_t(j) * layer.in + k]) * x[k];
      y[j] = std::tanh(sum);
    }
    x = y;
  }
  return x;
}

static const std::vector<std::vector<int>> shapes = {{11, 256, 256, 3}, {2, 256, 256, 1}, {3, 16, 1},
                                                     {1, 1, 1},         {348, 64, 17},    {5, 100, 37, 80, 4},
                                                     {8, 48, 112, 2},   {105, 256, 16, 8}};

TEST("tanh is within 3e-7 of the true one, odd, and saturates at one") {
  double worst = 0;
  for (uint32_t bits = 0; bits < 0x7f800000u; bits += 997) {
    float x;
    std::memcpy(&x, &bits, sizeof x);
    const float y = tanh_of(x);
    worst = std::max(worst, std::abs(double(y) - std::tanh(double(x))));
    if (tanh_of(-x) != -y || y > 1) CHECK(!"odd and bounded");
    if (x >= 9 && y != 1) CHECK(!"saturated");
  }
  CHECK(worst <= 3e-7);
  CHECK(tanh_of(0.0f) == 0);
  CHECK(tanh_of(std::numeric_limits<float>::infinity()) == 1);
  CHECK(std::isnan(tanh_of(std::numeric_limits<float>::quiet_NaN())));
}

TEST("actions agree with a policy in double precision") {
  for (size_t s = 0; s < shapes.size(); ++s) {
    const PolicyLayout layout(shapes[s]);
    const int inputs = shapes[s].front(), actions = shapes[s].back();
    const ActionScaling scaling = bounded(actions);
    PolicyRunner runner(layout, scaling);
    std::vector<float> action(actions);
    for (int trial = 0; trial < 5; ++trial) {
      const auto theta = normals(layout.size, 100 * s + trial, 0.1),
                 observation = normals(inputs, 100 * s + trial + 50, 1);
      runner.load(theta.data());
      runner.act(observation.data(), action.data());
      const auto expected = outputs(layout, theta.data(), observation.data());
      for (int i = 0; i < actions; ++i)
        CHECK_NEAR(action[i], scaling.center[i] + scaling.scale[i] * expected[i],
                   1e-6 * (scaling.center[i] + scaling.scale[i]));
    }
  }
}

TEST("every vector width gives the bits of the definition") {
  for (size_t s = 0; s < shapes.size(); ++s) {
    const PolicyLayout layout(shapes[s]);
    const int actions = shapes[s].back();
    const auto theta = normals(layout.size, s, 0.2), observation = normals(shapes[s].front(), s + 50, 1);
    std::vector<float> x = observation;
    for (const PolicyLayer& layer : layout.layers) {
      std::vector<float> y(layer.out);
      for (int j = 0; j < layer.out; ++j) {
        float sum = theta[layer.bias + j];
        for (int k = 0; k < layer.in; ++k) sum += x[k] * theta[layer.weight + int64_t(j) * layer.in + k];
        y[j] = tanh_of(sum);
      }
      x = y;
    }
    const ActionScaling scaling = bounded(actions);
    for (int i = 0; i < actions; ++i) x[i] = scaling.center[i] + scaling.scale[i] * x[i];
    for (const PolicyKernel& kernel : policy_kernels()) {
      PolicyRunner runner(layout, scaling, kernel);
      runner.load(normals(layout.size, 999, 1).data());  // what another policy leaves behind
      runner.load(theta.data());
      std::vector<float> action(actions);
      runner.act(observation.data(), action.data());
      check::expect(std::memcmp(action.data(), x.data(), sizeof(float) * actions) == 0, __FILE__, __LINE__,
                    kernel.name);
    }
  }
}

TEST("a discrete policy acts by its first largest output") {
  const PolicyLayout layout({2, 16, 3});
  ActionScaling scaling;
  scaling.discrete = true;
  PolicyRunner runner(layout, scaling);
  std::vector<float> theta(layout.size, 0);
  const float observation[2] = {1, 2};
  float action = -1;
  runner.load(theta.data());
  runner.act(observation, &action);
  CHECK(action == 0);
  theta[layout.layers.back().bias + 1] = theta[layout.layers.back().bias + 2] = 0.5f;
  runner.load(theta.data());
  runner.act(observation, &action);
  CHECK(action == 1);
}

TEST("a scaling of another size is refused") { CHECK_THROWS(PolicyRunner(PolicyLayout({2, 16, 3}), bounded(2))); }
