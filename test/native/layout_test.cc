#include "layout.h"

#include "check.h"

using namespace gogepo;

static Architecture paper(int observations, int actions) {
  Architecture a;
  a.observation_size = observations;
  a.action_size = actions;
  a.policy_hidden = {256, 256};
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
    CHECK(PolicyLayout(a.policy_sizes()).size == row.theta);
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
  a.policy_hidden = {32};
  CHECK(GeneratorLayout(a).kinds.size() == 2);
  a.policy_hidden = {32, 64, 16};
  const GeneratorLayout layout(a);
  CHECK(layout.kinds.size() == 3);
  CHECK(layout.layers[1].tiles_in == 2 && layout.layers[1].tiles_out == 4);
  CHECK(layout.layers[2].tiles_in == 4 && layout.layers[2].tiles_out == 1);
  CHECK(layout.layers[3].kind == 2 && layout.layers[3].tiles_in == 1);
}

TEST("what cannot be tiled is refused") {
  Architecture a = paper(5, 2);
  a.policy_hidden = {250};
  CHECK_THROWS(GeneratorLayout(a));
  a.policy_hidden = {};
  CHECK_THROWS(GeneratorLayout(a));
}
