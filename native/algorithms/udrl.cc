#include "udrl.h"

#include <algorithm>

namespace gogepo {
namespace {

std::vector<float> initial(const BehaviorLayout& layout, uint64_t seed) {
  std::vector<float> values(size_t(layout.size));
  uint64_t index = 0;
  for (const Mlp& mlp : {Mlp{layout.embedding}, Mlp{layout.gate}, layout.body})
    initialize_layers(values.data(), mlp, seed, Purpose::policy_init, index);
  return values;
}

}  // namespace

Behavior::Behavior(const PolicySpec& policy, uint64_t seed)
    : policy(policy), layout(policy), parameters(initial(layout, seed)) {}

std::vector<float> commanded_policies(const Behavior& behavior, const std::vector<float>& commands) {
  const std::vector<float>& values = behavior.parameters.values;
  std::vector<float> thetas;
  thetas.reserve(commands.size() / kCommandSize * (values.size() + kCommandSize));
  for (size_t i = 0; i < commands.size(); i += kCommandSize) {
    thetas.insert(thetas.end(), values.begin(), values.end());
    thetas.insert(thetas.end(), commands.begin() + int64_t(i), commands.begin() + int64_t(i) + kCommandSize);
  }
  return thetas;
}

float action_share(const ActionScaling& scaling, int64_t dimension, float action) {
  const float scale = scaling.scale[size_t(dimension)];
  return scale == 0 ? 0 : (action - scaling.center[size_t(dimension)]) / scale;
}

double udrl_update(Behavior& behavior, BehaviorBackend& backend, const SegmentBatch& batch, double learning_rate) {
  const double loss = backend.gradient(behavior, batch);
  backend.adam(behavior.parameters, learning_rate);
  return loss;
}

std::vector<float> udrl_fit(Behavior& behavior, BehaviorBackend& backend, const EpisodeBuffer& buffer,
                            const UdrlFit& fit, const std::atomic<bool>& stop) {
  SegmentBatch batch;
  std::vector<float> losses;
  for (int64_t i = 0; i < fit.updates && !stop; ++i) {
    buffer.draw(fit.seed, uint64_t(behavior.parameters.updates), fit.batch_size, batch);
    losses.push_back(float(udrl_update(behavior, backend, batch, fit.learning_rate)));
  }
  return losses;
}

}  // namespace gogepo
