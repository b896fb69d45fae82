#include "td3.h"

#include <algorithm>

#include "random.h"

namespace gogepo {

Td3Losses td3_update(ActorCritic& networks, ActorCriticBackend& backend, const TransitionBatch& batch,
                     const float* noise, const Td3Options& o) {
  Td3Losses losses;
  losses.delayed = networks.updates() % o.policy_delay != 0;
  // The critics: Q_i(s, a) -> y.
  std::vector<float> y(size_t(batch.size));
  backend.deterministic_targets(networks, batch, noise, o.discount, y.data());
  losses.critic = backend.critics_gradient(networks, batch, y.data());
  backend.adam(networks.critics, o.critic_learning_rate);
  if (losses.delayed) return losses;
  // The actor, up Q_1(s, mu(s)); then the targets.
  losses.actor = backend.deterministic_actor_gradient(networks, batch);
  backend.adam(networks.actor, o.actor_learning_rate);
  backend.follow(networks.actor.values, o.polyak, networks.actor_target);
  backend.follow(networks.critics.values, o.polyak, networks.critics_target);
  return losses;
}

std::vector<Td3Losses> td3_fit(ActorCritic& networks, ActorCriticBackend& backend, const TransitionBuffer& buffer,
                               const Td3Fit& fit, const std::atomic<bool>& stop) {
  const std::vector<float> half_range = ActionScaling(networks.spec.policy).scale;
  const size_t actions = half_range.size();
  TransitionBatch batch;
  std::vector<float> noise(size_t(fit.batch_size) * actions);
  std::vector<Td3Losses> losses;
  for (int64_t i = 0; i < fit.updates && !stop; ++i) {
    const uint64_t update = uint64_t(networks.updates());
    buffer.draw(fit.seed, update, fit.batch_size, batch);
    if (fit.target_noise > 0) {
      Stream random(fit.seed, Purpose::target_noise, update);
      for (size_t k = 0; k < noise.size(); ++k) {
        const double disturbance = fit.target_noise * random.normal();
        noise[k] =
            float(std::clamp(disturbance, -fit.target_noise_clip, fit.target_noise_clip)) * half_range[k % actions];
      }
    }
    losses.push_back(td3_update(networks, backend, batch, noise.data(), fit));
  }
  return losses;
}

}  // namespace gogepo
