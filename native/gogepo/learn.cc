#include "learn.h"

#include <ATen/core/grad_mode.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/isfinite.h>
#include <ATen/ops/tensor.h>
#include <ATen/ops/zeros.h>

#include "host_memory.h"
#include "laps.h"

namespace gogepo {

using at::Tensor;

Tensor explore(Engine& engine, const Parameters& generator, const std::vector<float>& commands, double noise,
               uint64_t seed, uint64_t first_episode) {
  const at::NoGradGuard no_grad;
  const Tensor thetas =
      engine.generate(generator.values, at::tensor(commands, at::TensorOptions(at::kFloat)).to(engine.device()));
  if (noise == 0) return thetas;
  const Tensor epsilon = host_memory(thetas.sizes(), engine.device());  // drawn on the host: the same on every device
  for (int64_t i = 0; i < epsilon.size(0); ++i) {
    Stream stream(seed, Purpose::parameter_noise, first_episode + i);
    float* const row = epsilon.mutable_data_ptr<float>() + i * epsilon.size(1);
    for (int64_t k = 0; k < epsilon.size(1); ++k) row[k] = float(stream.normal());
  }
  return thetas.add(epsilon.to(engine.device(), true), noise);
}

namespace {

// Where the returns of these draws go, and where their policies lie.
Draws draw(const ReplayBuffer& buffer, const FitOptions& options, Purpose purpose, int64_t first_update,
           int64_t updates, float* returns) {
  Draws draws{updates, std::min(options.batch_size, buffer.count()), {}, {}};
  for (int64_t i = 0; i < updates; ++i)
    for (int64_t entry : buffer.draw(Stream(options.seed, purpose, first_update + i), draws.batch)) {
      if (purpose == Purpose::critic_draw) draws.thetas.push_back(buffer.theta(entry));
      *returns++ = buffer.episode_return(entry);
    }
  return draws;
}

// All that a fit tells, in one copy.
void read(const Parameters& critic, const Parameters& generator, const std::vector<Tensor>& critic_losses,
          const std::vector<Tensor>& generator_losses, Fitted& fitted) {
  std::vector<Tensor> parts(critic_losses);
  parts.insert(parts.end(), generator_losses.begin(), generator_losses.end());
  for (const Parameters* network : {&critic, &generator})
    parts.push_back(network->values.isfinite().all().view({1}).to(at::kFloat));
  const Tensor host = to_host(at::cat(parts));
  const float* next = host.const_data_ptr<float>();
  const auto take = [&next](const std::vector<Tensor>& losses, std::vector<float>& into) {
    for (const Tensor& part : losses) into.insert(into.end(), next, next + part.numel()), next += part.numel();
  };
  take(critic_losses, fitted.critic_losses);
  take(generator_losses, fitted.generator_losses);
  fitted.critic_finite = next[0] != 0;
  fitted.generator_finite = next[1] != 0;
}

}  // namespace

Fitted fit(Engine& engine, Parameters& critic, Parameters& generator, const ReplayBuffer& buffer,
           const FitOptions& options, const std::atomic<bool>& stop) {
  const at::NoGradGuard no_grad;
  const int64_t batch = std::min(options.batch_size, buffer.count());
  Fitted fitted;
  Laps laps(engine.device());
  std::vector<Tensor> critic_losses, generator_losses;
  int64_t critic_left = options.critic_updates, generator_left = options.generator_updates;
  while (critic_left + generator_left > 0 && !stop) {  // once, unless there are very many
    const int64_t critic_now = std::min(critic_left, most_updates),
                  generator_now = std::min(generator_left, most_updates - critic_now);
    const Tensor host = host_memory({critic_now + generator_now, batch}, engine.device());
    float* const returns = host.mutable_data_ptr<float>();
    Draws for_critic = draw(buffer, options, Purpose::critic_draw, critic.updates, critic_now, returns);
    Draws for_generator =
        draw(buffer, options, Purpose::generator_draw, generator.updates, generator_now, returns + critic_now * batch);
    const Tensor all = host.to(engine.device(), true);
    for_critic.returns = all.narrow(0, 0, critic_now);
    for_generator.returns = all.narrow(0, critic_now, generator_now);
    laps.lap(fitted.draw_seconds);
    if (critic_now > 0)
      critic_losses.push_back(engine.critic_updates(critic, for_critic, options.critic_learning_rate, stop));
    laps.lap(fitted.critic_seconds);
    if (generator_now > 0)
      generator_losses.push_back(
          engine.generator_updates(generator, critic.values, for_generator, options.generator_learning_rate, stop));
    laps.lap(fitted.generator_seconds);
    critic_left -= critic_now;
    generator_left -= generator_now;
  }
  read(critic, generator, critic_losses, generator_losses, fitted);
  laps.read();
  return fitted;
}

}  // namespace gogepo
