// The batched policies in LibTorch against the actor that runs them one by one.
#include "policy_tensors.h"

#include <ATen/ops/empty.h>

#include "actor.h"
#include "check.h"
#include "random.h"
#include "small_architecture.h"

using namespace gogepo;

TEST("actions agree with the actor's for every kind of policy") {
  constexpr int policies = 3, states = 5;
  for (const std::vector<int>& hidden : {std::vector<int>{}, {8}, {16, 5}})
    for (Activation activation : {Activation::tanh, Activation::relu})
      for (PolicyOutput output : {PolicyOutput::tanh, PolicyOutput::clip})
        for (bool bias : {true, false}) {
          PolicySpec spec = small_policy(4, 2, hidden);
          set_bounds(spec, {0.5, 0}, {1, 0.3});
          spec.activation = activation;
          spec.output = output;
          spec.bias = bias;
          const PolicyLayout layout(spec);
          const at::Tensor theta = at::empty({policies, layout.size}, at::kFloat),
                           input = at::empty({states, 4}, at::kFloat);
          Stream random(1, Purpose::parameter_noise, 0);
          for (const at::Tensor& x : {theta, input})
            for (int64_t i = 0; i < x.numel(); ++i) x.mutable_data_ptr<float>()[i] = float(random.normal());

          const auto layers = unflatten(theta, layout);
          CHECK(flatten(layers).equal(theta));
          const at::Tensor actions = policy_actions(layers, input, spec).contiguous();  // (policies, states, 2)
          MlpActor actor(spec);
          for (int p = 0; p < policies; ++p) {
            actor.load(theta.const_data_ptr<float>() + p * layout.size);
            for (int s = 0; s < states; ++s) {
              float action[2];
              actor.act(input.const_data_ptr<float>() + s * 4, action);
              for (int i : {0, 1})
                CHECK_NEAR(actions.const_data_ptr<float>()[(p * states + s) * 2 + i], action[i], 5e-6);
            }
          }
        }
}

TEST("a discrete policy's actions are its outputs") {
  PolicySpec spec = small_policy(1, 2, {});
  make_discrete(spec);
  spec.output = PolicyOutput::clip;
  const at::Tensor theta = at::empty({1, 4}, at::kFloat);
  const float values[] = {3, -4, 0.5f, 0};  // weights, biases
  std::copy_n(values, 4, theta.mutable_data_ptr<float>());
  const at::Tensor state = at::empty({1, 1}, at::kFloat).fill_(2);
  const at::Tensor out = policy_actions(unflatten(theta, PolicyLayout(spec)), state, spec);
  CHECK(out.flatten()[0].item<float>() == 6.5f && out.flatten()[1].item<float>() == -8);
}
