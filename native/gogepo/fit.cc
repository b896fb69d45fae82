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
  if (noise == 0) return thetas;
  // Sampled on the host, so that every device adds the same noise.
  const Tensor epsilon = host_memory(thetas.sizes(), backend.device());
  for (int64_t i = 0; i < epsilon.size(0); ++i) {
    Stream stream(seed, Purpose::parameter_noise, first_episode + i);
    float* const row = epsilon.mutable_data_ptr<float>() + i * epsilon.size(1);
    if (!noise_free.empty() && noise_free[size_t(i)] != 0) {
      std::fill_n(row, epsilon.size(1), 0.0f);
      continue;
    }
    for (int64_t k = 0; k < epsilon.size(1); ++k) row[k] = float(stream.normal());
  }
  return thetas.add(epsilon.to(backend.device(), true), noise);
}

namespace {

// Samples the batches of these updates. Writes their returns to `returns` (updates, batch); the caller copies them to
// the device.
Samples sample(const ReplayBuffer& buffer, const FitOptions& options, Purpose purpose, int64_t first_update,
               int64_t updates, float* returns) {
  Samples samples{updates, std::min(options.batch_size, buffer.count()), {}, {}};
  for (int64_t i = 0; i < updates; ++i)
    for (const Sampled& sampled : buffer.sample(Stream(options.seed, purpose, first_update + i), samples.batch)) {
      const bool critic = purpose == Purpose::critic_draw;
      if (critic) samples.thetas.push_back(buffer.theta(sampled.entry));
      // The critic learns what the stored policy achieved; the generator is asked for the sampled return itself.
      *returns++ = critic ? buffer.episode_return(sampled.entry) : sampled.target;
    }
  return samples;
}

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
    Samples critic_samples = sample(buffer, options, Purpose::critic_draw, critic.updates, critic_now, returns);
    Samples generator_samples = sample(buffer, options, Purpose::generator_draw, generator.updates, generator_now,
                                       returns + critic_now * batch);
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
