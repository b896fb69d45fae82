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

Tensor fit_critic(Engine& engine, Parameters& critic, const ReplayBuffer& buffer, const FitOptions& options, const std::atomic<bool>& stop) {
  const at::NoGradGuard no_grad;
  const Tensor losses = at::zeros({options.updates}, critic.values.options());
  Tensor gradient = at::empty_like(critic.values);
  for (int64_t i = 0; i < options.updates && !stop; ++i) {
    std::vector<Tensor> thetas;
    std::vector<float> returns;
    for (int64_t entry : buffer.draw(Stream(options.seed, Purpose::critic_draw, critic.updates), std::min(options.batch_size, buffer.count()))) {
      thetas.push_back(buffer.theta(entry));
      returns.push_back(buffer.episode_return(entry));
    }
    losses[i].copy_(engine.critic_gradient(critic.values, thetas, at::tensor(returns, losses.options()), gradient));
    engine.adam(critic, gradient, options.learning_rate);
  }
  return losses;
}

Tensor fit_generator(Engine& engine, Parameters& generator, const Parameters& critic, const ReplayBuffer& buffer, const FitOptions& options, const std::atomic<bool>& stop) {
  const at::NoGradGuard no_grad;
  const Tensor losses = at::zeros({options.updates}, generator.values.options());
  Tensor gradient = at::empty_like(generator.values);
  for (int64_t i = 0; i < options.updates && !stop; ++i) {
    std::vector<float> returns;
    for (int64_t entry : buffer.draw(Stream(options.seed, Purpose::generator_draw, generator.updates), std::min(options.batch_size, buffer.count())))
      returns.push_back(buffer.episode_return(entry));
    losses[i].copy_(engine.generator_gradient(generator.values, critic.values, at::tensor(returns, losses.options()), gradient));
    engine.adam(generator, gradient, options.learning_rate);
  }
  return losses;
}

}  // namespace gogepo
