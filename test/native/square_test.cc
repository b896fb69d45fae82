// The smallest task that distinguishes learning a generator from a regression of theta on returns: one step, a constant
// observation, and the return is the square of the one action. Two actions fulfill each command; their mean is 0 and
// fulfills none.
#include <ATen/TensorOperators.h>
#include <ATen/core/grad_mode.h>

#include "check.h"
#include "fit.h"
#include "networks.h"
#include "policy_tensors.h"
#include "rollout.h"
#include "small_architecture.h"

using namespace gogepo;

namespace {

class Square final : public Env {
 public:
  void reset(Stream&, double* observation) override { *observation = 1; }
  Step step(const double* action, double* observation) override {
    *observation = 1;
    return {.reward = *action * *action, .terminated = true};
  }
  int state_size() const override { return 0; }
  void set_state(const double*, double* observation) override { *observation = 1; }
};

const EnvEntry square{{.id = "Square-v0",
                       .observation_size = 1,
                       .action_size = 1,
                       .action_low = {-1},
                       .action_high = {1},
                       .return_min = 0,
                       .return_max = 1,
                       .max_episode_steps = 1,
                       .source = ""},
                      make_env<Square>};

// Algorithm 1 with the command best + 0, then the action of the policy generated for the command 1/4.
double learned_action(uint64_t seed) {
  Architecture a = small_architecture(1, 1, {16, 16}, 8);
  a.generator_hidden = a.critic_hidden = {32, 32};
  a.return_min = 0;
  a.return_max = 1;
  const auto backend = make_fast_backend(a, 1);
  Parameters generator = initial_generator(backend->generator_layout, seed, at::kCPU),
             critic = initial_critic(backend->critic_layout, seed, at::kCPU);
  ReplayBuffer buffer(backend->policy_layout.size, 10'000, 1.1, 0, at::kCPU);
  Rollout rollout(square, a.policy, 1);
  double best = 0;
  for (uint64_t episode = 0; episode < 800; ++episode) {
    const at::Tensor theta = explore(*backend, generator, {float(best)}, 0.1, seed, episode);
    const RolloutJob job{
        .thetas = theta.const_data_ptr<float>(), .policies = 1, .first_index = episode, .options = {.seed = seed}};
    const Episode result = rollout.run(job, false).front();
    const float episode_return = float(result.stored_return);
    buffer.push(theta, &episode_return);
    fit(*backend, critic, generator, buffer, {4, 19, 16, 5e-3, 5e-5, seed}, false);
    best = std::max(best, result.stored_return);
  }
  const at::Tensor theta = explore(*backend, generator, {0.25f}, 0, seed, 0);
  return policy_actions(unflatten(theta, backend->policy_layout), at::ones({1, 1}), a.policy).item<double>();
}

}  // namespace

TEST("commanded a return of 1/4, the square of its action, the policy acts 1/2 or -1/2") {
  const at::NoGradGuard no_grad;
  for (uint64_t seed : {1, 2, 3}) CHECK_NEAR(std::abs(learned_action(seed)), 0.5, 0.05);
}
