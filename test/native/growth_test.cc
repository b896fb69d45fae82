// Memory does not grow with the number of episodes. Runs GROWTH_EPISODES one-step episodes of each task: 200 by
// default, 100,000 in test/deep.
#include <malloc.h>

#include <cstdlib>

#include "check.h"
#include "env.h"
#include "rollout.h"

using namespace gogepo;

namespace {

int64_t wanted_episodes() {
  const char* const text = std::getenv("GROWTH_EPISODES");
  return text ? std::atoll(text) : 200;
}

}  // namespace

TEST("episodes leave no memory behind") {
  constexpr int64_t batch = 100;
  const int64_t episodes = wanted_episodes();
  const std::atomic<bool> stop = false;
  for (EnvEntry entry : env_registry()) {
    entry.spec.max_episode_steps = 1;
    const PolicySpec policy{.observation_size = entry.spec.observation_size,
                            .action_size = entry.spec.action_size,
                            .discrete = entry.spec.discrete,
                            .action_low = entry.spec.action_low,
                            .action_high = entry.spec.action_high,
                            .hidden = {16}};
    Rollout rollout(entry, policy, 2);
    const std::vector<float> theta(PolicyLayout(policy).size, 0.1f);
    int64_t done = 0;
    const auto run = [&] {
      rollout.run({.thetas = theta.data(),
                   .policies = 1,
                   .episodes = batch,
                   .first_index = uint64_t(done),
                   .options = {.observe = Observe::grow}},
                  stop);
      done += batch;
    };
    run();  // allocates what is allocated once
    const size_t before = mallinfo2().uordblks + mallinfo2().hblkhd;
    while (done < episodes) run();
    const size_t after = mallinfo2().uordblks + mallinfo2().hblkhd;
    check::expect(after <= before + 4096, __FILE__, __LINE__,
                  entry.spec.id + ": " + std::to_string(after - before) + " bytes more after " + std::to_string(done) +
                      " episodes");
  }
}
