#include "learn.h"

#include <ATen/core/grad_mode.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/empty_like.h>
#include <ATen/ops/tensor.h>
#include <ATen/ops/zeros.h>

namespace gogepo {

using at::Tensor;

Tensor explore(Engine& engine, const Parameters& generator, const std::vector<float>& commands, double noise, uint64_t seed, uint64_t first_episode) {
  const at::NoGradGuard no_grad;
  const Tensor thetas = engine.generate(generator.values, at::tensor(commands, at::TensorOptions(at::kFloat)).to(engine.device()));
  if (noise == 0) return thetas;
  const Tensor epsilon = at::empty(thetas.sizes(), at::kFloat);   // drawn on the host: the same on every device
  for (int64_t i = 0; i < epsilon.size(0); ++i) {
    Stream stream(seed, Purpose::parameter_noise, first_episode + i);
    float* const row = epsilon.mutable_data_ptr<float>() + i * epsilon.size(1);
    for (int64_t k = 0; k < epsilon.size(1); ++k) row[k] = float(stream.normal());
  }
  return thetas.add(epsilon.to(engine.device()), noise);
}

namespace {

// What the next updates of a network draw.
Draws draw_ahead(const ReplayBuffer& buffer, const FitOptions& options, Purpose purpose, int64_t first_update, int64_t updates) {
  Draws draws{updates, std::min(options.batch_size, buffer.count()), {}, {}};
  for (int64_t i = 0; i < updates; ++i)
    for (int64_t entry : buffer.draw(Stream(options.seed, purpose, first_update + i), draws.batch)) {
      if (purpose == Purpose::critic_draw) draws.thetas.push_back(buffer.theta(entry));
      draws.returns.push_back(buffer.episode_return(entry));
    }
  return draws;
}

// Calls updates(how many) until all are made or no more are wanted.
template <class Updates>
Tensor in_parts(const Tensor& losses, int64_t at_once, const std::atomic<bool>& stop, Updates updates) {
  for (int64_t i = 0, next; i < losses.numel() && !stop; i += next) {
    next = std::min(at_once, losses.numel() - i);
    losses.narrow(0, i, next).copy_(updates(next));
  }
  return losses;
}

}  // namespace

Tensor fit_critic(Engine& engine, Parameters& critic, const ReplayBuffer& buffer, const FitOptions& options, const std::atomic<bool>& stop) {
  const at::NoGradGuard no_grad;
  const Tensor losses = at::zeros({options.updates}, critic.values.options());
  if (engine.updates_at_once() > 0)
    return in_parts(losses, engine.updates_at_once(), stop, [&](int64_t updates) {
      return engine.critic_updates(critic, draw_ahead(buffer, options, Purpose::critic_draw, critic.updates, updates), options.learning_rate);
    });
  Tensor gradient = at::empty_like(critic.values);
  return in_parts(losses, 1, stop, [&](int64_t) {
    const Draws draws = draw_ahead(buffer, options, Purpose::critic_draw, critic.updates, 1);
    const Tensor loss = engine.critic_gradient(critic.values, draws.thetas, at::tensor(draws.returns, losses.options()), gradient);
    engine.adam(critic, gradient, options.learning_rate);
    return loss;
  });
}

Tensor fit_generator(Engine& engine, Parameters& generator, const Parameters& critic, const ReplayBuffer& buffer, const FitOptions& options, const std::atomic<bool>& stop) {
  const at::NoGradGuard no_grad;
  const Tensor losses = at::zeros({options.updates}, generator.values.options());
  if (engine.updates_at_once() > 0)
    return in_parts(losses, engine.updates_at_once(), stop, [&](int64_t updates) {
      return engine.generator_updates(generator, critic.values, draw_ahead(buffer, options, Purpose::generator_draw, generator.updates, updates), options.learning_rate);
    });
  Tensor gradient = at::empty_like(generator.values);
  return in_parts(losses, 1, stop, [&](int64_t) {
    const Draws draws = draw_ahead(buffer, options, Purpose::generator_draw, generator.updates, 1);
    const Tensor loss = engine.generator_gradient(generator.values, critic.values, at::tensor(draws.returns, losses.options()), gradient);
    engine.adam(generator, gradient, options.learning_rate);
    return loss;
  });
}

}  // namespace gogepo
