// Exploration and fitting: samples depend on the number of the episode or of the update, and on nothing else.
#include "fit.h"

#include <ATen/Parallel.h>
#include <ATen/TensorOperators.h>
#include <ATen/core/grad_mode.h>
#include <ATen/ops/tensor.h>

#include <numeric>

#include "check.h"
#include "networks.h"
#include "small_architecture.h"

using namespace gogepo;
using at::Tensor;

namespace {

struct Setting {
  explicit Setting(const Architecture& a) : backend(make_fast_backend(a, 2)) {
    generator = initial_generator(backend->generator_layout, 1, at::kCPU);
    critic = initial_critic(backend->critic_layout, 1, at::kCPU);
  }
  Fitted fit(const ReplayBuffer& buffer, int64_t critic_updates, int64_t generator_updates, bool stop = false) {
    return gogepo::fit(*backend, critic, generator, buffer, {critic_updates, generator_updates, 16, 5e-3, 1e-3, 3},
                       stop);
  }
  std::unique_ptr<Backend> backend;
  Parameters generator, critic;
};

double mean(const std::vector<float>& losses, size_t from, size_t to) {
  return std::accumulate(losses.begin() + from, losses.begin() + to, 0.0) / double(to - from);
}

const Architecture small = small_architecture(3, 2, {8, 4}, 4);

// Policies whose returns are the opposite of the command.
struct Filled : ReplayBuffer {
  explicit Filled(Setting& s) : ReplayBuffer(s.backend->policy_layout.size, 20, 1.1, 0, at::kCPU) {
    const std::vector<float> commands{-9, -6, -3, 0, 3, 6, 9}, returns(commands.rbegin(), commands.rend());
    push(explore(*s.backend, s.generator, commands, 0.1, 1, 0), returns.data());
  }
};

}  // namespace

TEST("an episode's noise does not depend on what else is generated") {
  Setting s(small);
  const Tensor together = explore(*s.backend, s.generator, {5, 6, 7}, 0.1, 4, 10);
  for (int64_t i = 0; i < 3; ++i)
    CHECK(explore(*s.backend, s.generator, {float(5 + i)}, 0.1, 4, uint64_t(10 + i))[0].equal(together[i]));
  CHECK(!explore(*s.backend, s.generator, {6}, 0.1, 4, 10)[0].equal(together[1]));
  CHECK(!explore(*s.backend, s.generator, {5}, 0.1, 5, 10)[0].equal(together[0]));
  CHECK(explore(*s.backend, s.generator, {5, 6, 7}, 0, 4, 10)
            .equal(s.backend->generate(s.generator.values, at::tensor({5.f, 6.f, 7.f}))));
}

TEST("noise is normal with the requested standard deviation, and the same for any number of LibTorch threads") {
  Setting s(small_architecture(20, 5, {256, 256}, 16));
  const int threads = at::get_num_threads();
  at::set_num_threads(1);
  const Tensor one = explore(*s.backend, s.generator, {5, 6}, 0.3, 4, 10);
  at::set_num_threads(3);
  CHECK(explore(*s.backend, s.generator, {5, 6}, 0.3, 4, 10).equal(one));
  at::set_num_threads(threads);
  const Tensor noise = ((one - explore(*s.backend, s.generator, {5, 6}, 0, 4, 10)) / 0.3).to(at::kDouble);
  const double root = std::sqrt(double(noise.numel()));
  CHECK_NEAR(noise.mean().item<double>(), 0, 4 / root);
  CHECK_NEAR(noise.square().mean().item<double>(), 1, 4 * std::sqrt(2.0) / root);
  CHECK_NEAR(noise.pow(3).mean().item<double>(), 0, 4 * std::sqrt(15.0) / root);
  CHECK_NEAR(noise.pow(4).mean().item<double>(), 3, 4 * std::sqrt(96.0) / root);
}

TEST("ten updates of a network are four and then six, and also beyond most_updates") {
  for (int64_t updates : {10, 700}) {
    Setting whole(small), parts(small);
    const Filled buffer(whole);
    const Fitted all = whole.fit(buffer, updates, updates);
    std::vector<float> critic_losses, generator_losses;
    for (int64_t now : {4L, updates - 4})
      for (float loss : parts.fit(buffer, now, 0).critic_losses) critic_losses.push_back(loss);
    for (int64_t now : {4L, updates - 4})
      for (float loss : parts.fit(buffer, 0, now).generator_losses) generator_losses.push_back(loss);
    CHECK(parts.critic.values.equal(whole.critic.values));
    CHECK(parts.generator.values.equal(whole.generator.values));
    CHECK(whole.critic.updates == updates && parts.generator.updates == updates);
    CHECK(int64_t(all.critic_losses.size()) == updates && critic_losses == all.critic_losses);
    CHECK(int64_t(all.generator_losses.size()) == updates && generator_losses == all.generator_losses);
  }
}

TEST("only the fitted network changes, and its loss falls") {
  Setting s(small);
  const Filled buffer(s);
  const Tensor generator = s.generator.values.clone();
  const std::vector<float> critic_losses = s.fit(buffer, 300, 0).critic_losses;
  CHECK(s.generator.values.equal(generator) && s.generator.updates == 0);
  CHECK(mean(critic_losses, 250, 300) < 0.5 * mean(critic_losses, 0, 5));
  const Tensor critic = s.critic.values.clone();
  const std::vector<float> generator_losses = s.fit(buffer, 0, 300).generator_losses;
  CHECK(s.critic.values.equal(critic) && s.critic.updates == 300);
  CHECK(mean(generator_losses, 250, 300) < 0.5 * mean(generator_losses, 0, 5));
}

TEST("a fit reports which network is no longer finite, and how long each phase took") {
  Setting s(small);
  const Filled buffer(s);
  const Fitted whole = s.fit(buffer, 3, 3);
  CHECK(whole.critic_finite && whole.generator_finite);
  CHECK(whole.draw_seconds > 0 && whole.critic_seconds > 0 && whole.generator_seconds > 0);
  s.generator.values[0].fill_(INFINITY);
  const Fitted broken = s.fit(buffer, 1, 0);
  CHECK(broken.critic_finite && !broken.generator_finite && broken.generator_losses.empty());
}

TEST("a fit that is asked to stop makes no more updates") {
  Setting s(small);
  const Filled buffer(s);
  const Tensor before = s.critic.values.clone();
  s.fit(buffer, 10, 10, true);
  CHECK(s.critic.updates == 0 && s.generator.updates == 0 && s.critic.values.equal(before));
}
