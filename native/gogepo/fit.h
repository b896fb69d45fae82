// Exploration and the two regressions of Algorithm 1. An update's batch is sampled from a stream addressed by the
// number of the update, so a resumed run samples what the uninterrupted run would have sampled.
#pragma once
#include <atomic>
#include <vector>

#include "backend.h"
#include "replay_buffer.h"

namespace gogepo {

// theta = G(c) + noise * epsilon, where epsilon of row i comes from the stream of episode first_episode + i. Rows that
// are marked in noise_free get none; an empty list marks no row.
// commands (n), noise_free (n) or empty -> (n, |theta|)
at::Tensor explore(Backend& backend, const Parameters& generator, const std::vector<float>& commands, double noise,
                   uint64_t seed, uint64_t first_episode, const std::vector<uint8_t>& noise_free = {});

struct FitOptions {
  int64_t critic_updates = 0, generator_updates = 0, batch_size = 0;  // a batch is min(batch_size, stored) entries
  double critic_learning_rate = 0, generator_learning_rate = 0;
  uint64_t seed = 0;
};

struct Fitted {
  std::vector<float> critic_losses, generator_losses;  // before each update
  bool critic_finite = true, generator_finite = true;  // whether all parameters are finite
  double draw_seconds = 0, critic_seconds = 0, generator_seconds = 0;
};

// V(theta) -> r on stored pairs, which updates only the critic; then V(G(r)) -> r on sampled returns, which updates
// only the generator. On a CUDA device the host waits once, at the end.
Fitted fit(Backend& backend, Parameters& critic, Parameters& generator, const ReplayBuffer& buffer,
           const FitOptions& options, const std::atomic<bool>& stop);

}  // namespace gogepo
