#include "sac.h"

#include <cmath>

#include "random.h"

namespace gogepo {

SacLosses sac_update(ActorCritic& networks, ActorCriticBackend& backend, const TransitionBatch& batch,
                     const float* next_normals, const float* normals, const SacOptions& o) {
  SacLosses losses;
  const double alpha = losses.temperature = std::exp(double(networks.temperature.values[0]));
  // The critics: Q_i(s, a) -> y.
  std::vector<float> y(size_t(batch.size));
  backend.stochastic_targets(networks, batch, next_normals, o.discount, alpha, y.data());
  losses.critic = backend.critics_gradient(networks, batch, y.data());
  backend.adam(networks.critics, o.critic_learning_rate);
  // The actor, up min Q_i(s, a) plus the entropy, weighted by alpha.
  double log_probability = 0;
  losses.actor = backend.stochastic_actor_gradient(networks, batch, normals, alpha, log_probability);
  losses.entropy = -log_probability;
  backend.adam(networks.actor, o.actor_learning_rate);
  // The temperature: the loss is -log alpha (log pi(a|s) + target entropy).
  if (o.automatic_temperature) {
    networks.temperature.gradient[0] = float(-(log_probability + o.target_entropy));
    backend.adam(networks.temperature, o.temperature_learning_rate);
  }
  backend.follow(networks.critics.values, o.polyak, networks.critics_target);
  return losses;
}

std::vector<SacLosses> sac_fit(ActorCritic& networks, ActorCriticBackend& backend, const TransitionBuffer& buffer,
                               const SacFit& fit, const std::atomic<bool>& stop) {
  const size_t size = size_t(fit.batch_size * networks.spec.policy.action_size);
  TransitionBatch batch;
  std::vector<float> next_normals(size), normals(size);
  std::vector<SacLosses> losses;
  for (int64_t i = 0; i < fit.updates && !stop; ++i) {
    const uint64_t update = uint64_t(networks.updates());
    buffer.draw(fit.seed, update, fit.batch_size, batch);
    Stream random(fit.seed, Purpose::action_sample, update);
    for (float& x : next_normals) x = float(random.normal());
    for (float& x : normals) x = float(random.normal());
    losses.push_back(sac_update(networks, backend, batch, next_normals.data(), normals.data(), fit));
  }
  return losses;
}

}  // namespace gogepo
