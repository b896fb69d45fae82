#include "fit.h"

#include <ATen/core/grad_mode.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/isfinite.h>
#include <ATen/ops/tensor.h>
#include <ATen/ops/zeros.h>

#include <algorithm>

#include "host_memory.h"
#include "phase_timer.h"

namespace gogepo {

using at::Tensor;

Tensor explore(Backend& backend, const Parameters& generator, const std::vector<float>& commands, double noise,
               uint64_t seed, uint64_t first_episode, const std::vector<uint8_t>& noise_free) {
  const at::NoGradGuard no_grad;
  const Tensor thetas =
      backend.generate(generator.values, at::tensor(commands, at::TensorOptions(at::kFloat)).to(backend.device()));
  return add_noise(thetas, noise, seed, first_episode, noise_free);
}

Tensor add_noise(const Tensor& thetas, double noise, uint64_t seed, uint64_t first_episode,
                 const std::vector<uint8_t>& noise_free) {
  if (noise == 0) return thetas;
  const at::NoGradGuard no_grad;
  // Sampled on the host, so that every device adds the same noise.
  const Tensor epsilon = host_memory(thetas.sizes(), thetas.device());
  for (int64_t i = 0; i < epsilon.size(0); ++i) {
    Stream stream(seed, Purpose::parameter_noise, first_episode + i);
    float* const row = epsilon.mutable_data_ptr<float>() + i * epsilon.size(1);
    if (!noise_free.empty() && noise_free[size_t(i)] != 0) {
      std::fill_n(row, epsilon.size(1), 0.0f);
      continue;
    }
    for (int64_t k = 0; k < epsilon.size(1); ++k) row[k] = float(stream.normal());
  }
  return thetas.add(epsilon.to(thetas.device(), true), noise);
}

Samples sample(const ReplayBuffer& buffer, uint64_t seed, Purpose purpose, uint64_t first_update, int64_t updates,
               int64_t batch_size, bool pairs, float* returns) {
  Samples samples{updates, std::min(batch_size, buffer.count()), {}, {}};
  for (int64_t i = 0; i < updates; ++i)
    for (const Sampled& sampled : buffer.sample(Stream(seed, purpose, first_update + uint64_t(i)), samples.batch)) {
      if (pairs) samples.thetas.push_back(buffer.theta(sampled.entry));
      *returns++ = pairs ? buffer.episode_return(sampled.entry) : sampled.target;
    }
  return samples;
}

namespace {

// Samples batches of pairs and hands them to `update`, most_updates at a time.
template <class Update>
Regression regress(Backend& backend, Parameters& parameters, const ReplayBuffer& buffer, Purpose purpose,
                   const RegressionOptions& options, const std::atomic<bool>& stop, const Update& update) {
  const at::NoGradGuard no_grad;
  Regression done;
  PhaseTimer timer(backend.device());
  std::vector<Tensor> losses;
  for (int64_t left = options.updates; left > 0 && !stop;) {
    const int64_t now = std::min(left, most_updates);
    const Tensor host = host_memory({now, std::min(options.batch_size, buffer.count())}, backend.device());
    Samples samples = sample(buffer, options.seed, purpose, uint64_t(parameters.updates), now, options.batch_size, true,
                             host.mutable_data_ptr<float>());
    samples.returns = host.to(backend.device(), true);
    timer.end_phase(done.draw_seconds);
    losses.push_back(update(samples));
    timer.end_phase(done.update_seconds);
    left -= now;
  }
  for (const Tensor& part : losses) {
    const Tensor read = to_host(part);
    done.losses.insert(done.losses.end(), read.const_data_ptr<float>(), read.const_data_ptr<float>() + read.numel());
  }
  done.finite = parameters.values.isfinite().all().item<bool>();
  timer.read();
  return done;
}

}  // namespace

Regression fit_critic(Backend& backend, Parameters& critic, const ReplayBuffer& buffer,
                      const RegressionOptions& options, const std::atomic<bool>& stop) {
  return regress(backend, critic, buffer, Purpose::critic_draw, options, stop, [&](const Samples& samples) {
    return backend.critic_updates(critic, samples, options.learning_rate, stop);
  });
}

Regression fit_generator(Backend& backend, Parameters& generator, const ReplayBuffer& buffer,
                         const RegressionOptions& options, const std::atomic<bool>& stop) {
  return regress(backend, generator, buffer, Purpose::generator_draw, options, stop, [&](const Samples& samples) {
    return backend.regression_updates(generator, samples, options.learning_rate, stop);
  });
}

namespace {

// Copies everything that a fit reports to the host, in one transfer.
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

Fitted fit(Backend& backend, Parameters& critic, Parameters& generator, const ReplayBuffer& buffer,
           const FitOptions& options, const std::atomic<bool>& stop) {
  const at::NoGradGuard no_grad;
  const int64_t batch = std::min(options.batch_size, buffer.count());
  Fitted fitted;
  PhaseTimer timer(backend.device());
  std::vector<Tensor> critic_losses, generator_losses;
  int64_t critic_left = options.critic_updates, generator_left = options.generator_updates;
  while (critic_left + generator_left > 0 && !stop) {  // one pass, unless there are more than most_updates
    const int64_t critic_now = std::min(critic_left, most_updates),
                  generator_now = std::min(generator_left, most_updates - critic_now);

    // Sample the batches of both networks; one transfer takes their returns to the device.
    const Tensor host = host_memory({critic_now + generator_now, batch}, backend.device());
    float* const returns = host.mutable_data_ptr<float>();
    // The critic learns what the stored policies achieved; the generator is asked for the sampled returns themselves.
    Samples critic_samples = sample(buffer, options.seed, Purpose::critic_draw, uint64_t(critic.updates), critic_now,
                                    options.batch_size, true, returns);
    Samples generator_samples = sample(buffer, options.seed, Purpose::generator_draw, uint64_t(generator.updates),
                                       generator_now, options.batch_size, false, returns + critic_now * batch);
    const Tensor all = host.to(backend.device(), true);
    critic_samples.returns = all.narrow(0, 0, critic_now);
    generator_samples.returns = all.narrow(0, critic_now, generator_now);
    timer.end_phase(fitted.draw_seconds);

    // V(theta) -> r
    if (critic_now > 0)
      critic_losses.push_back(backend.critic_updates(critic, critic_samples, options.critic_learning_rate, stop));
    timer.end_phase(fitted.critic_seconds);

    // V(G(r)) -> r
    if (generator_now > 0)
      generator_losses.push_back(backend.generator_updates(generator, critic.values, generator_samples,
                                                           options.generator_learning_rate, stop));
    timer.end_phase(fitted.generator_seconds);

    critic_left -= critic_now;
    generator_left -= generator_now;
  }
  read(critic, generator, critic_losses, generator_losses, fitted);
  timer.read();
  return fitted;
}

}  // namespace gogepo
