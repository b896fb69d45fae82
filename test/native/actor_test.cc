#include "actor.h"

#include <algorithm>
#include <cstring>
#include <limits>

#include "check.h"
#include "random.h"
#include "small_architecture.h"
#include "tanh.h"

using namespace gogepo;

namespace {

std::vector<float> normals(int64_t count, uint64_t index, double scale) {
  Stream random(5, Purpose::parameter_noise, index);
  std::vector<float> values(count);
  for (float& value : values) value = float(scale * random.normal());
  return values;
}

const std::vector<std::vector<int>> shapes = {
    {11, 256, 256, 3},   {2, 256, 256, 1}, {3, 16, 1},        {1, 1, 1}, {348, 64, 17},
    {5, 100, 37, 80, 4}, {8, 48, 112, 2},  {105, 256, 16, 8}, {17, 6},   {4, 1}};

// Every shape with every activation, output and choice of bias; bounds are asymmetric, so that clipping shows.
std::vector<PolicySpec> specs() {
  std::vector<PolicySpec> all;
  for (const auto& sizes : shapes)
    for (Activation activation : {Activation::tanh, Activation::relu})
      for (PolicyOutput output : {PolicyOutput::tanh, PolicyOutput::clip})
        for (bool bias : {true, false}) {
          PolicySpec spec = small_policy(sizes.front(), sizes.back(), {sizes.begin() + 1, sizes.end() - 1});
          spec.activation = activation;
          spec.output = output;
          spec.bias = bias;
          std::vector<double> center, half_range;
          for (int i = 0; i < spec.action_size; ++i) center.push_back(0.25 * i), half_range.push_back(1 + 0.5 * i);
          set_bounds(spec, center, half_range);
          all.push_back(spec);
        }
  return all;
}

// A naive implementation of the policy, unit by unit, in one number type.
template <class Number, class Tanh>
std::vector<Number> naive_action(const PolicySpec& spec, const float* theta, const float* observation, Tanh tanh) {
  const PolicyLayout layout(spec);
  std::vector<Number> x(observation, observation + spec.observation_size);
  for (size_t l = 0; l < layout.layers.size(); ++l) {
    const PolicyLayer& layer = layout.layers[l];
    const bool last = l + 1 == layout.layers.size();
    std::vector<Number> y(layer.out);
    for (int j = 0; j < layer.out; ++j) {
      Number sum = spec.bias ? theta[layer.bias + j] : 0;
      for (int k = 0; k < layer.in; ++k) sum += x[k] * Number(theta[layer.weight + int64_t(j) * layer.in + k]);
      if (last)
        y[j] = spec.output == PolicyOutput::tanh ? tanh(sum) : sum;
      else
        y[j] = spec.activation == Activation::tanh ? tanh(sum) : std::max(sum, Number(0));
    }
    x = y;
  }
  const ActionScaling scaling(spec);
  for (int i = 0; i < spec.action_size; ++i) {
    if (spec.output == PolicyOutput::tanh) x[i] = Number(scaling.center[i]) + Number(scaling.scale[i]) * x[i];
    x[i] = std::clamp(x[i], Number(scaling.low[i]), Number(scaling.high[i]));
  }
  return x;
}

}  // namespace

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
  uint64_t index = 0;
  for (const PolicySpec& spec : specs()) {
    MlpActor actor(spec);
    std::vector<float> action(spec.action_size);
    for (int trial = 0; trial < 3; ++trial, index += 2) {
      const auto theta = normals(PolicyLayout(spec).size, index, 0.1),
                 observation = normals(spec.observation_size, index + 1, 1);
      actor.load(theta.data());
      actor.act(observation.data(), action.data());
      const auto expected =
          naive_action<double>(spec, theta.data(), observation.data(), [](double x) { return std::tanh(x); });
      for (int i = 0; i < spec.action_size; ++i) CHECK_NEAR(action[i], expected[i], 5e-6 * (1 + std::abs(expected[i])));
    }
  }
}

TEST("every vector width gives the bits of the definition") {
  uint64_t index = 0;
  for (const PolicySpec& spec : specs()) {
    const int64_t size = PolicyLayout(spec).size;
    const auto theta = normals(size, index++, 0.2), observation = normals(spec.observation_size, index++, 1);
    const auto expected =
        naive_action<float>(spec, theta.data(), observation.data(), [](float x) { return tanh_of(x); });
    for (const PolicyKernel& kernel : policy_kernels()) {
      MlpActor actor(spec, kernel);
      actor.load(normals(size, 999, 1).data());  // leaves nothing behind
      actor.load(theta.data());
      std::vector<float> action(spec.action_size);
      actor.act(observation.data(), action.data());
      check::expect(std::memcmp(action.data(), expected.data(), sizeof(float) * action.size()) == 0, __FILE__, __LINE__,
                    kernel.name);
    }
  }
}

TEST("a discrete policy acts by its first largest output, whatever the output's activation") {
  for (PolicyOutput output : {PolicyOutput::tanh, PolicyOutput::clip}) {
    PolicySpec spec = small_policy(2, 3, {16});
    make_discrete(spec);
    spec.output = output;
    const PolicyLayout layout(spec);
    MlpActor actor(spec);
    std::vector<float> theta(layout.size, 0);
    const float observation[2] = {1, 2};
    float action = -1;
    actor.load(theta.data());
    actor.act(observation, &action);
    CHECK(action == 0);
    theta[layout.layers.back().bias + 1] = theta[layout.layers.back().bias + 2] = 0.5f;
    actor.load(theta.data());
    actor.act(observation, &action);
    CHECK(action == 1);
  }
}

TEST("no action leaves the float64 bounds, with and without noise, for ranges from 1e-6 to 1e6") {
  Stream random(1, Purpose::parameter_noise, 0);
  for (int trial = 0; trial < 3000; ++trial) {
    PolicySpec spec = small_policy(2, 2, {});
    spec.output = trial % 2 ? PolicyOutput::tanh : PolicyOutput::clip;
    std::vector<double> center, half_range;
    for (int i = 0; i < 2; ++i) {
      half_range.push_back(std::pow(10.0, random.uniform(-6, 6)) / 2);
      center.push_back(half_range[i] * random.uniform(-20, 20));
    }
    set_bounds(spec, center, half_range);
    const auto theta = normals(PolicyLayout(spec).size, trial, std::pow(10.0, random.uniform(-2, 6)));
    const auto actor = std::make_shared<MlpActor>(spec);
    ExploringActor noisy(actor, spec, {.noise = random.uniform(0.01, 3)});
    noisy.load(theta.data());
    noisy.begin(Stream(1, Purpose::action_noise, uint64_t(trial)));
    for (int step = 0; step < 4; ++step) {
      const auto observation = normals(2, 10 * trial + step, 10);
      float actions[2][2];
      actor->act(observation.data(), actions[0]);
      noisy.act(observation.data(), actions[1]);
      for (const auto& action : actions)
        for (int i = 0; i < 2; ++i)
          CHECK(double(action[i]) >= spec.action_low[i] && double(action[i]) <= spec.action_high[i]);
    }
  }
}

TEST("a NaN observation gives a NaN action") {
  for (PolicyOutput output : {PolicyOutput::tanh, PolicyOutput::clip})
    for (Activation activation : {Activation::tanh, Activation::relu}) {
      PolicySpec spec = small_policy(1, 1, {4});
      spec.output = output;
      spec.activation = activation;
      MlpActor actor(spec);
      actor.load(normals(PolicyLayout(spec).size, 0, 1).data());
      const float observation = NAN;
      float action;
      actor.act(&observation, &action);
      CHECK(std::isnan(action));
    }
}

TEST("noise has the requested standard deviation in every dimension, and depends on the stream alone") {
  PolicySpec spec = small_policy(1, 2, {4});
  set_bounds(spec, {1, 0}, {100, 0.01});
  const std::vector<float> theta(PolicyLayout(spec).size, 0.0f);  // acts in the center
  const auto mlp = std::make_shared<MlpActor>(spec);
  ExploringActor one(mlp, spec, {.noise = 0.05}), two(mlp, spec, {.noise = 0.05});  // share the policy
  one.load(theta.data());
  one.begin(Stream(3, Purpose::action_noise, 8));
  two.begin(Stream(3, Purpose::action_noise, 9));
  constexpr int count = 20000;
  const float observation = 0.5f;
  double sum[2] = {}, square[2] = {};
  std::vector<float> first;
  for (int i = 0; i < count; ++i) {
    float action[2], other[2];
    one.act(&observation, action);
    two.act(&observation, other);
    CHECK(action[0] != other[0]);
    for (int k : {0, 1}) {
      const double noise = (action[k] - (k == 0 ? 1 : 0)) / (k == 0 ? 100 : 0.01);
      sum[k] += noise / count;
      square[k] += noise * noise / count;
    }
    if (i < 10) first.insert(first.end(), action, action + 2);
  }
  for (int k : {0, 1}) {
    CHECK_NEAR(sum[k], 0, 4 * 0.05 / std::sqrt(double(count)));
    CHECK_NEAR(std::sqrt(square[k]), 0.05, 4 * 0.05 / std::sqrt(2.0 * count));
  }
  two.begin(Stream(3, Purpose::action_noise, 8));
  for (int i = 0; i < 10; ++i) {
    float action[2];
    two.act(&observation, action);
    CHECK(action[0] == first[2 * i] && action[1] == first[2 * i + 1]);
  }
}

TEST("correlated noise has the requested standard deviation in every step and the requested correlation") {
  PolicySpec spec = small_policy(1, 1, {4});
  set_bounds(spec, {0}, {100});
  const std::vector<float> theta(PolicyLayout(spec).size, 0.0f);  // acts in the center
  ExploringActor actor(std::make_shared<MlpActor>(spec), spec, {.noise = 0.02, .correlation = 0.9});
  actor.load(theta.data());
  constexpr int episodes = 4000;
  const float observation = 0.5f;
  double first = 0, second = 0, product = 0;
  for (int i = 0; i < episodes; ++i) {
    actor.begin(Stream(3, Purpose::action_noise, uint64_t(i)));
    float action[2];
    actor.act(&observation, &action[0]);
    actor.act(&observation, &action[1]);
    first += action[0] * action[0] / 4.0 / episodes;
    second += action[1] * action[1] / 4.0 / episodes;
    product += action[0] * action[1] / 4.0 / episodes;
  }
  CHECK_NEAR(first, 1, 0.1);
  CHECK_NEAR(second, 1, 0.1);
  CHECK_NEAR(product, 0.9, 0.1);
}

TEST("the first actions are uniform between the bounds, and do not depend on the policy") {
  PolicySpec spec = small_policy(1, 1, {4});
  set_bounds(spec, {5}, {2});
  constexpr int steps = 20000;
  ExploringActor actor(std::make_shared<MlpActor>(spec), spec, {.uniform_steps = steps});
  actor.load(std::vector<float>(PolicyLayout(spec).size, NAN).data());
  actor.begin(Stream(3, Purpose::action_noise, 0));
  const float observation = 0.5f;
  double mean = 0, square = 0;
  for (int i = 0; i < steps; ++i) {
    float action;
    actor.act(&observation, &action);
    CHECK(double(action) >= spec.action_low[0] && double(action) <= spec.action_high[0]);
    mean += (action - 5) / steps;
    square += (action - 5) * (action - 5) / steps;
  }
  CHECK_NEAR(mean, 0, 0.05);
  CHECK_NEAR(square, 4.0 / 3, 0.05);
  float after;
  actor.act(&observation, &after);
  CHECK(std::isnan(after));
}

TEST("a gaussian policy acts by its mean, and samples around it with its standard deviation") {
  PolicySpec spec = small_policy(1, 2, {});
  set_bounds(spec, {0, 1}, {1, 3});
  spec.output = PolicyOutput::gaussian;
  const PolicyLayout layout(spec);
  std::vector<float> theta(layout.size, 0.0f);
  CHECK(layout.layers.back().out == 4);
  float* const bias = theta.data() + layout.layers.back().bias;
  bias[0] = 0.3f, bias[1] = -0.2f, bias[2] = std::log(0.5f), bias[3] = 100;  // the last one is clamped to 2
  const auto mlp = std::make_shared<MlpActor>(spec);
  mlp->load(theta.data());
  const float observation = 0.5f;
  float action[2];
  mlp->act(&observation, action);
  CHECK_NEAR(action[0], std::tanh(0.3), 1e-6);
  CHECK_NEAR(action[1], 1 + 3 * std::tanh(-0.2), 1e-6);
  ExploringActor sampling(mlp, spec, {.sample = true});
  sampling.begin(Stream(3, Purpose::action_noise, 0));
  constexpr int count = 20000;
  double mean = 0, square = 0;
  int far = 0;
  for (int i = 0; i < count; ++i) {
    sampling.act(&observation, action);
    const double u = std::atanh(double(action[0]));
    mean += u / count;
    square += (u - 0.3) * (u - 0.3) / count;
    far += std::abs(action[1] - 1) > 3 * std::tanh(std::exp(2.0));
  }
  CHECK_NEAR(mean, 0.3, 0.02);
  CHECK_NEAR(std::sqrt(square), 0.5, 0.02);
  CHECK_NEAR(far / double(count), 0.3173, 0.02);  // further than one standard deviation of e^2
}

TEST("a discrete policy samples its choices by the softmax of its outputs, and uniform ones evenly") {
  PolicySpec spec = small_policy(1, 3, {});
  make_discrete(spec);
  spec.output = PolicyOutput::clip;
  const PolicyLayout layout(spec);
  std::vector<float> theta(layout.size, 0.0f);
  float* const bias = theta.data() + layout.layers.back().bias;
  bias[0] = 100 + std::log(0.5f), bias[1] = 100 + std::log(0.2f), bias[2] = 100 + std::log(0.3f);
  const auto mlp = std::make_shared<MlpActor>(spec);
  mlp->load(theta.data());
  constexpr int count = 20000;
  const auto frequencies = [&](const Exploration& exploration) {
    ExploringActor actor(mlp, spec, exploration);
    actor.begin(Stream(3, Purpose::action_noise, 0));
    const float observation = 0.5f;
    std::vector<double> shares(3);
    for (int i = 0; i < count; ++i) {
      float choice;
      actor.act(&observation, &choice);
      shares.at(size_t(choice)) += 1.0 / count;
    }
    return shares;
  };
  const std::vector<double> sampled = frequencies({.sample = true}), uniform = frequencies({.uniform_steps = count});
  for (int i = 0; i < 3; ++i) {
    CHECK_NEAR(sampled[size_t(i)], (std::vector{0.5, 0.2, 0.3})[size_t(i)], 0.015);
    CHECK_NEAR(uniform[size_t(i)], 1.0 / 3, 0.015);
  }
}

TEST("what the command lets through of the first layer, on every vector width") {
  PolicySpec spec = small_policy(3, 2, {20, 7});
  spec.activation = Activation::relu;
  spec.command = CommandScales{0.25, 0.5};
  const PolicyLayout layout(spec);
  std::vector<float> theta = normals(layout.size, 1, 0.7);
  theta[size_t(layout.command)] = 12, theta[size_t(layout.command) + 1] = 3;
  // The layers, one after another.
  const std::vector<float> observation = normals(3, 2, 1);
  const auto dense = [&](const PolicyLayer& layer, const std::vector<double>& x) {
    std::vector<double> y;
    for (int j = 0; j < layer.out; ++j) {
      double sum = theta[size_t(layer.bias + j)];
      for (int k = 0; k < layer.in; ++k) sum += x[size_t(k)] * theta[size_t(layer.weight + int64_t(j) * layer.in + k)];
      y.push_back(sum);
    }
    return y;
  };
  const auto expected = [&](double desired_return, double horizon) {
    std::vector<double> x = dense(layout.layers[0], {observation.begin(), observation.end()});
    const std::vector<double> gate = dense(*layout.gate, {0.25 * desired_return, 0.5 * horizon});
    for (size_t j = 0; j < x.size(); ++j) x[j] = std::tanh(x[j]) / (1 + std::exp(-gate[j]));
    x = dense(layout.layers[1], x);
    for (double& value : x) value = std::max(value, 0.0);
    x = dense(layout.layers[2], x);
    return std::vector{std::tanh(x[0]), std::tanh(x[1])};
  };
  std::vector<float> first;
  for (const PolicyKernel& kernel : policy_kernels()) {
    MlpActor actor(spec, kernel);
    actor.load(theta.data());
    Command command = actor.command();
    CHECK(command.desired_return == 12 && command.horizon == 3);
    std::vector<float> input(size_t(spec.input_size())), actions;
    std::copy(observation.begin(), observation.end(), input.begin());
    const ActionScaling scaling(spec);
    for (const double horizon : {3.0, 2.0, 1.0, 1.0}) {
      CHECK(command.horizon == horizon);
      command.write(input.data() + 3);
      float action[2];
      actor.act(input.data(), action);
      const std::vector<double> should = expected(command.desired_return, command.horizon);
      for (size_t i = 0; i < 2; ++i) CHECK_NEAR(action[i], scaling.center[i] + scaling.scale[i] * should[i], 1e-5);
      actions.insert(actions.end(), action, action + 2);
      command.follow(2.5);
    }
    if (first.empty()) first = actions;
    CHECK(actions == first);
  }
}

TEST("a commanded policy needs biases and a hidden layer") {
  for (const bool bias : {true, false}) {
    PolicySpec spec = small_policy(2, 3, {});
    if (!bias) spec = small_policy(2, 3, {4});
    spec.bias = bias;
    spec.command = CommandScales{1, 1};
    CHECK_THROWS(MlpActor(spec));
  }
}

TEST("exploration that is not possible is refused") {
  const PolicySpec spec = small_policy(1, 1, {4});
  const auto mlp = std::make_shared<MlpActor>(spec);
  for (const Exploration& exploration :
       {Exploration{.sample = true}, Exploration{.noise = -1}, Exploration{.noise = NAN}, Exploration{.correlation = 1},
        Exploration{.uniform_steps = -1}})
    CHECK_THROWS(ExploringActor(mlp, spec, exploration));
}

TEST("noise on discrete actions is refused") {
  PolicySpec spec = small_policy(2, 3, {16});
  make_discrete(spec);
  CHECK_THROWS(ExploringActor(std::make_shared<MlpActor>(spec), spec, {.noise = 0.1}));
}

TEST("bounds of another size are refused") {
  PolicySpec spec = small_policy(2, 3, {16});
  spec.action_high.pop_back();
  CHECK_THROWS(MlpActor(spec));
}
