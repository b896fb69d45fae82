#include "actor_critic.h"

#include "random.h"

namespace gogepo {
namespace {

std::vector<float> initial_actor(const ActorCriticLayout& layout, uint64_t seed) {
  std::vector<float> values(size_t(layout.actor_size));
  uint64_t index = 0;
  initialize_layers(values.data(), layout.actor, seed, Purpose::policy_init, index);
  return values;
}

std::vector<float> initial_critics(const ActorCriticLayout& layout, uint64_t seed) {
  std::vector<float> values(size_t(layout.critics_size));
  uint64_t index = 0;
  for (const Mlp& critic : layout.critics) initialize_layers(values.data(), critic, seed, Purpose::critic_init, index);
  return values;
}

}  // namespace

ActorCritic::ActorCritic(const ActorCriticSpec& spec, uint64_t seed)
    : spec(spec),
      layout(spec),
      actor(initial_actor(layout, seed)),
      critics(initial_critics(layout, seed)),
      temperature({0}),
      actor_target(spec.policy.output == PolicyOutput::gaussian ? std::vector<float>() : actor.values),
      critics_target(critics.values) {}

}  // namespace gogepo
