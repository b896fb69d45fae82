#include "actor_critic.h"

#include <cmath>

#include "random.h"

namespace gogepo {
namespace {

void initialize(float* flat, const Mlp& mlp, uint64_t seed, Purpose purpose, uint64_t& index) {
  for (const Dense& dense : mlp) {
    const double bound = 1.0 / std::sqrt(double(dense.in));
    Stream random(seed, purpose, index++);
    const int64_t size = int64_t(dense.out) * dense.in + dense.out;  // the bias follows its weight
    for (int64_t i = 0; i < size; ++i) flat[dense.weight + i] = float(random.uniform(-bound, bound));
  }
}

std::vector<float> initial_actor(const ActorCriticLayout& layout, uint64_t seed) {
  std::vector<float> values(size_t(layout.actor_size));
  uint64_t index = 0;
  initialize(values.data(), layout.actor, seed, Purpose::policy_init, index);
  return values;
}

std::vector<float> initial_critics(const ActorCriticLayout& layout, uint64_t seed) {
  std::vector<float> values(size_t(layout.critics_size));
  uint64_t index = 0;
  for (const Mlp& critic : layout.critics) initialize(values.data(), critic, seed, Purpose::critic_init, index);
  return values;
}

}  // namespace

Learned::Learned(std::vector<float> initial)
    : values(std::move(initial)), first_moment(values.size()), second_moment(values.size()), gradient(values.size()) {}

ActorCritic::ActorCritic(const ActorCriticSpec& spec, uint64_t seed)
    : spec(spec),
      layout(spec),
      actor(initial_actor(layout, seed)),
      critics(initial_critics(layout, seed)),
      temperature({0}),
      actor_target(spec.policy.output == PolicyOutput::gaussian ? std::vector<float>() : actor.values),
      critics_target(critics.values) {}

}  // namespace gogepo
