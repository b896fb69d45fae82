// Exploration and the two regressions of Algorithm 1. An update's draw is addressed by its number, so a resumed run
// draws what the run would have drawn.
#pragma once
#include <atomic>
#include <vector>

#include "engine.h"
#include "replay_buffer.h"

namespace gogepo {

// theta = G(c) + noise * epsilon; epsilon of row i from the stream of episode first_episode + i. commands (n) -> (n,
// |theta|)
at::Tensor explore(Engine& engine, const Parameters& generator, const std::vector<float>& commands, double noise,
                   uint64_t seed, uint64_t first_episode);

struct FitOptions {
  int64_t critic_updates = 0, generator_updates = 0, batch_size = 0;  // a batch is min(batch_size, stored) entries
  double critic_learning_rate = 0, generator_learning_rate = 0;
  uint64_t seed = 0;
};

struct Fitted {
  std::vector<float> critic_losses, generator_losses;  // before each update
  bool critic_finite = true, generator_finite = true;  // every parameter
  double draw_seconds = 0, critic_seconds = 0, generator_seconds = 0;
};

// V(theta) -> r on stored pairs, where only the critic moves; then V(G(r)) -> r on stored returns, where only the
// generator does. On a CUDA device the host waits once, at the end.
Fitted fit(Engine& engine, Parameters& critic, Parameters& generator, const ReplayBuffer& buffer,
           const FitOptions& options, const std::atomic<bool>& stop);

}  // namespace gogepo
