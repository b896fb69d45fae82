// Exploration and fitting: what is drawn depends on the number of the episode or of the update, and on nothing else.
#include "learn.h"

#include <ATen/Parallel.h>
#include <ATen/TensorOperators.h>
#include <ATen/core/grad_mode.h>
#include <ATen/ops/tensor.h>

#include "check.h"
#include "small_architecture.h"

using namespace gogepo;
using at::Tensor;

namespace {

struct Setting {
  explicit Setting(const Architecture& a) : engine(make_fast_engine(a, 2)) {
    generator = initial_generator(engine->generator_layout, 1, at::kCPU);
    critic = initial_critic(engine->critic_layout, 1, at::kCPU);
  }
  std::unique_ptr<Engine> engine;
  Parameters generator, critic;
};

const Architecture small = small_architecture(3, 2, {8, 4}, 4);

// Policies whose returns are the opposite of what was asked for.
struct Filled : ReplayBuffer {
  explicit Filled(Setting& s) : ReplayBuffer(s.engine->policy_layout.size, 20, 1.1, at::kCPU) {
    const std::vector<float> commands{-9, -6, -3, 0, 3, 6, 9}, returns(commands.rbegin(), commands.rend());
    push(explore(*s.engine, s.generator, commands, 0.1, 1, 0), returns.data());
  }
};

}  // namespace

TEST("an episode's noise is its own, whatever is generated beside it") {
  Setting s(small);
  const Tensor together = explore(*s.engine, s.generator, {5, 6, 7}, 0.1, 4, 10);
  for (int64_t i = 0; i < 3; ++i) CHECK(explore(*s.engine, s.generator, {float(5 + i)}, 0.1, 4, uint64_t(10 + i))[0].equal(together[i]));
  CHECK(!explore(*s.engine, s.generator, {6}, 0.1, 4, 10)[0].equal(together[1]));
  CHECK(!explore(*s.engine, s.generator, {5}, 0.1, 5, 10)[0].equal(together[0]));
  CHECK(explore(*s.engine, s.generator, {5, 6, 7}, 0, 4, 10).equal(s.engine->generate(s.generator.values, at::tensor({5.f, 6.f, 7.f}))));
}

TEST("noise is normal with the deviation asked for, and the same for any number of LibTorch's threads") {
  Setting s(small_architecture(20, 5, {256, 256}, 16));
  const int threads = at::get_num_threads();
  at::set_num_threads(1);
  const Tensor one = explore(*s.engine, s.generator, {5, 6}, 0.3, 4, 10);
  at::set_num_threads(3);
  CHECK(explore(*s.engine, s.generator, {5, 6}, 0.3, 4, 10).equal(one));
  at::set_num_threads(threads);
  const Tensor noise = ((one - explore(*s.engine, s.generator, {5, 6}, 0, 4, 10)) / 0.3).to(at::kDouble);
  const double root = std::sqrt(double(noise.numel()));
  CHECK_NEAR(noise.mean().item<double>(), 0, 4 / root);
  CHECK_NEAR(noise.square().mean().item<double>(), 1, 4 * std::sqrt(2.0) / root);
  CHECK_NEAR(noise.pow(3).mean().item<double>(), 0, 4 * std::sqrt(15.0) / root);
  CHECK_NEAR(noise.pow(4).mean().item<double>(), 3, 4 * std::sqrt(96.0) / root);
}

TEST("ten updates are four and then six") {
  Setting whole(small), parts(small);
  const Filled buffer(whole);
  fit_critic(*whole.engine, whole.critic, buffer, {10, 16, 5e-3, 3}, false);
  fit_generator(*whole.engine, whole.generator, whole.critic, buffer, {10, 16, 1e-4, 3}, false);
  for (int64_t updates : {4, 6}) CHECK(fit_critic(*parts.engine, parts.critic, buffer, {updates, 16, 5e-3, 3}, false).numel() == updates);
  for (int64_t updates : {4, 6}) fit_generator(*parts.engine, parts.generator, parts.critic, buffer, {updates, 16, 1e-4, 3}, false);
  CHECK(parts.critic.values.equal(whole.critic.values));
  CHECK(parts.generator.values.equal(whole.generator.values));
  CHECK(parts.generator.updates == 10);
}

TEST("only the network that is fitted moves, and it moves to less loss") {
  Setting s(small);
  const Filled buffer(s);
  const Tensor generator = s.generator.values.clone();
  const Tensor critic_losses = fit_critic(*s.engine, s.critic, buffer, {300, 16, 5e-3, 3}, false);
  CHECK(s.generator.values.equal(generator));
  CHECK(critic_losses.narrow(0, 250, 50).mean().item<float>() < 0.5f * critic_losses.narrow(0, 0, 5).mean().item<float>());
  const Tensor critic = s.critic.values.clone();
  const Tensor generator_losses = fit_generator(*s.engine, s.generator, s.critic, buffer, {300, 16, 1e-3, 3}, false);
  CHECK(s.critic.values.equal(critic));
  CHECK(generator_losses.narrow(0, 250, 50).mean().item<float>() < 0.5f * generator_losses.narrow(0, 0, 5).mean().item<float>());
}

TEST("a fit that is asked to stop makes no more updates") {
  Setting s(small);
  const Filled buffer(s);
  const Tensor before = s.critic.values.clone();
  fit_critic(*s.engine, s.critic, buffer, {10, 16, 5e-3, 3}, true);
  fit_generator(*s.engine, s.generator, s.critic, buffer, {10, 16, 1e-4, 3}, true);
  CHECK(s.critic.updates == 0 && s.generator.updates == 0 && s.critic.values.equal(before));
}
