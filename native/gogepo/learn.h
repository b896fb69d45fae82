// The two regressions of Algorithm 1, several updates at a time. An update's draw is addressed by its number, so a resumed
// run draws what the run would have drawn.
#pragma once
#include <atomic>
#include <vector>

#include "engine.h"
#include "replay_buffer.h"

namespace gogepo {

struct FitOptions {
  int64_t updates = 0, batch_size = 0;   // a batch is min(batch_size, stored) entries
  double learning_rate = 0;
  uint64_t seed = 0;
};

// theta = G(c) + noise * epsilon; epsilon of row i from the stream of episode first_episode + i. commands (n) -> (n, |theta|)
at::Tensor explore(Engine& engine, const Parameters& generator, const std::vector<float>& commands, double noise, uint64_t seed, uint64_t first_episode);

// V(theta) -> r on stored pairs; only the critic moves. Returns the loss before each update, (updates), not yet read.
at::Tensor fit_critic(Engine& engine, Parameters& critic, const ReplayBuffer& buffer, const FitOptions& options, const std::atomic<bool>& stop);

// V(G(r)) -> r on stored returns; only the generator moves.
at::Tensor fit_generator(Engine& engine, Parameters& generator, const Parameters& critic, const ReplayBuffer& buffer, const FitOptions& options, const std::atomic<bool>& stop);

}  // namespace gogepo
