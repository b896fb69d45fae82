#include "layout.h"

#include <cmath>
#include <random>

#include "check.h"
#include "small_architecture.h"

using namespace gogepo;

static Architecture paper(int observations, int actions) {
  Architecture a;
  a.policy = small_policy(observations, actions, {256, 256});
  a.slice_size = 16;
  a.embedding_size = 8;
  a.generator_hidden = {256, 256};
  a.output_scale = 2;
  a.probing_states = 200;
  a.critic_hidden = {256, 256};
  return a;
}

TEST("parameter counts are the paper's") {
  const struct {
    int observations, actions;
    int64_t theta, rho, w;
  } rows[] = {{8, 2, 68610, 528066, 170305},
              {11, 3, 69635, 544771, 222105},
              {4, 1, 67329, 507249, 118305},
              {2, 1, 66817, 499025, 117905}};
  for (const auto& row : rows) {
    const Architecture a = paper(row.observations, row.actions);
    CHECK(PolicyLayout(a.policy).size == row.theta);
    CHECK(GeneratorLayout(a).size == row.rho);
    CHECK(CriticLayout(a).size == row.w);
  }
}

TEST("a critic of parameters reads theta and has no probing states") {
  Architecture a = paper(8, 2);
  a.critic_kind = CriticKind::parameters;
  const CriticLayout layout(a);
  CHECK(layout.tensors.front().name == "value.0.weight");
  CHECK(layout.value.front().in == 68610);
}

TEST("one hidden layer has no hidden kind, and unequal widths have their own tiles") {
  Architecture a = paper(5, 2);
  a.policy.hidden = {32};
  CHECK(GeneratorLayout(a).kinds.size() == 2);
  a.policy.hidden = {32, 64, 16};
  const GeneratorLayout layout(a);
  CHECK(layout.kinds.size() == 3);
  CHECK(layout.layers[1].tiles_in == 2 && layout.layers[1].tiles_out == 4);
  CHECK(layout.layers[2].tiles_in == 4 && layout.layers[2].tiles_out == 1);
  CHECK(layout.layers[3].kind == 2 && layout.layers[3].tiles_in == 1);
}

TEST("what cannot be tiled is refused") {
  Architecture a = paper(5, 2);
  a.policy.hidden = {250};
  CHECK_THROWS(GeneratorLayout(a));
  a.policy.hidden = {};
  CHECK_THROWS(GeneratorLayout(a));
}

TEST("a policy that GoGePo does not generate is refused") {
  for (int field : {0, 1, 2}) {
    Architecture a = paper(5, 2);
    GeneratorLayout{a};
    if (field == 0) a.policy.activation = Activation::relu;
    if (field == 1) a.policy.output = PolicyOutput::clip;
    if (field == 2) a.policy.bias = false;
    CHECK_THROWS(GeneratorLayout(a));
  }
}

TEST("a policy without biases or hidden layers has only the weights") {
  PolicySpec spec = small_policy(5, 2, {});
  CHECK(PolicyLayout(spec).size == 5 * 2 + 2);
  spec.bias = false;
  CHECK(PolicyLayout(spec).size == 5 * 2);
  spec.hidden = {7, 3};
  const PolicyLayout layout(spec);
  CHECK(layout.size == 5 * 7 + 7 * 3 + 3 * 2);
  CHECK(layout.layers[0].weight == 0 && layout.layers[1].weight == 35 && layout.layers[2].weight == 56);
}

TEST("the bounds are the outermost float32 numbers inside the float64 bounds") {
  std::mt19937_64 random(1);
  std::uniform_real_distribution<double> uniform(-1, 1);
  for (int i = 0; i < 20000; ++i) {
    PolicySpec spec = small_policy(1, 1, {});
    const double width = std::pow(10.0, 6 * uniform(random)), low = width * 10 * uniform(random);
    set_bounds(spec, {low + width / 2}, {width / 2});
    const ActionScaling scaling(spec);
    const float infinity = std::numeric_limits<float>::infinity();
    CHECK(double(scaling.low[0]) >= spec.action_low[0] && double(scaling.high[0]) <= spec.action_high[0]);
    CHECK(double(std::nextafter(scaling.low[0], -infinity)) < spec.action_low[0]);
    CHECK(double(std::nextafter(scaling.high[0], infinity)) > spec.action_high[0]);
    CHECK(scaling.center[0] == float((spec.action_low[0] + spec.action_high[0]) / 2));
    CHECK(scaling.scale[0] == float((spec.action_high[0] - spec.action_low[0]) / 2));
  }
}

TEST("unusable bounds are refused") {
  const double infinity = std::numeric_limits<double>::infinity();
  PolicySpec spec = small_policy(1, 2, {});
  const std::pair<double, double> unusable[] = {{1, 0},   {-infinity, 1},  {0, infinity},         {NAN, 1},
                                                {0, NAN}, {-1e300, 1e300}, {1 + 1e-12, 1 + 2e-12}};
  for (const auto& [low, high] : unusable) {
    spec.action_low = {-1, low};
    spec.action_high = {1, high};
    CHECK_THROWS(ActionScaling(spec));
  }
  spec.action_low = {-1};
  spec.action_high = {1};
  CHECK_THROWS(ActionScaling(spec));
  spec.discrete = true;
  CHECK_THROWS(ActionScaling(spec));
}
