#include "actor_library.h"

#include <algorithm>
#include <cmath>
#include <exception>
#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

#include "actor.h"
#include "layout.h"
#include "observation_normalizer.h"
#include "random.h"

#define EXPORTED extern "C" [[gnu::visibility("default")]]

using namespace gogepo;

struct gogepo_actor {
  explicit gogepo_actor(const PolicySpec& policy)
      : spec(policy),
        size(PolicyLayout(policy).size),
        mlp(std::make_shared<MlpActor>(policy)),
        actor(mlp.get()),
        normalizer(policy.observation_size),
        input(size_t(policy.input_size())) {}

  const PolicySpec spec;
  const int64_t size;  // |theta|
  const std::shared_ptr<MlpActor> mlp;
  std::unique_ptr<ExploringActor> exploring;  // null without exploration
  Actor* actor;                               // the one that acts
  ObservationNormalizer normalizer;
  std::vector<float> input;  // (O), normalized, and the command
  Command command;           // only of a commanded policy
};

namespace {

thread_local std::string error;

// Runs `work`; if it throws, keeps the reason and returns a null result. No exception reaches the caller.
template <class Work>
auto guarded(Work work) noexcept -> decltype(work()) {
  try {
    return work();
  } catch (const std::exception& thrown) {
    try {
      error = thrown.what();
    } catch (...) {
      error.clear();  // out of memory
    }
  } catch (...) {
    error.clear();
  }
  return {};
}

}  // namespace

EXPORTED gogepo_actor* gogepo_actor_create(int observation_size, int action_size, int discrete, const double* low,
                                           const double* high, const int* hidden, int layers, int bias, int activation,
                                           int output, int takes_command, double return_scale, double horizon_scale) {
  return guarded([&]() -> gogepo_actor* {
    if (observation_size < 1 || action_size < 1 || layers < 0 ||
        std::any_of(hidden, hidden + layers, [](int width) { return width < 1; }))
      throw std::invalid_argument("expected a policy whose sizes are positive");
    PolicySpec spec;
    spec.observation_size = observation_size;
    spec.action_size = action_size;
    spec.discrete = discrete != 0;
    if (!spec.discrete) {
      spec.action_low.assign(low, low + action_size);
      spec.action_high.assign(high, high + action_size);
    }
    spec.hidden.assign(hidden, hidden + layers);
    spec.bias = bias != 0;
    spec.activation = activation == 0 ? Activation::tanh : Activation::relu;
    spec.output = output == 0 ? PolicyOutput::tanh : output == 1 ? PolicyOutput::clip : PolicyOutput::gaussian;
    if (takes_command) spec.command = CommandScales{return_scale, horizon_scale};
    return new gogepo_actor(spec);
  });
}

EXPORTED int gogepo_actor_load(gogepo_actor* actor, const float* theta, int64_t size) {
  return guarded([&] {
    if (size != actor->size)
      throw std::invalid_argument("expected a policy of " + std::to_string(actor->size) + " parameters, got " +
                                  std::to_string(size));
    actor->mlp->load(theta);
    return 1;
  });
}

EXPORTED int gogepo_actor_begin(gogepo_actor* actor, uint64_t seed, uint64_t index, double noise, double correlation,
                                int64_t uniform_steps, int sample, int observe, int has_statistics, double count,
                                const double* mean, const double* m2) {
  return guarded([&] {
    // The actor, with or without exploration.
    const Exploration exploration{noise, correlation, uniform_steps, sample != 0};
    if (exploration.none()) {
      actor->actor = actor->mlp.get();
    } else {
      if (!actor->exploring || actor->exploring->exploration() != exploration)
        actor->exploring = std::make_unique<ExploringActor>(actor->mlp, actor->spec, exploration);
      actor->actor = actor->exploring.get();
    }
    actor->actor->begin(Stream(seed, Purpose::action_noise, index));
    actor->command = actor->mlp->command();
    // The statistics.
    const Observe modes[] = {Observe::none, Observe::report, Observe::grow};
    if (observe < 0 || observe > 2) throw std::invalid_argument("expected observe to be 0, 1 or 2");
    Moments statistics;
    if (has_statistics) {
      statistics.count = int64_t(count);
      statistics.mean.assign(mean, mean + actor->spec.observation_size);
      statistics.m2.assign(m2, m2 + actor->spec.observation_size);
    }
    actor->normalizer.start(has_statistics ? &statistics : nullptr, modes[observe]);
    return 1;
  });
}

EXPORTED void gogepo_actor_act(gogepo_actor* actor, const double* observation, float* action) {
  float* const input = actor->input.data();
  actor->normalizer.normalize(observation, input);
  if (actor->spec.command) actor->command.write(input + actor->spec.observation_size);
  actor->actor->act(input, action);
}

EXPORTED void gogepo_actor_reward(gogepo_actor* actor, double reward) { actor->command.follow(reward); }

EXPORTED int gogepo_actor_finite(const gogepo_actor* actor, const double* observation) {
  return std::all_of(observation, observation + actor->spec.observation_size,
                     [](double x) { return std::isfinite(float(x)); });
}

EXPORTED void gogepo_actor_moments(const gogepo_actor* actor, double* count, double* mean, double* m2) {
  const Moments& moments = actor->normalizer.moments();
  *count = double(moments.count);
  std::copy(moments.mean.begin(), moments.mean.end(), mean);
  std::copy(moments.m2.begin(), moments.m2.end(), m2);
}

EXPORTED void gogepo_actor_destroy(gogepo_actor* actor) { delete actor; }

EXPORTED const char* gogepo_actor_error() { return error.c_str(); }
