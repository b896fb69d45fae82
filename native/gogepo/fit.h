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

// The same noise on policies that are given. thetas (n, |theta|) -> (n, |theta|)
at::Tensor add_noise(const at::Tensor& thetas, double noise, uint64_t seed, uint64_t first_episode,
                     const std::vector<uint8_t>& noise_free = {});

// Samples the batches of these updates from streams (seed, purpose, first_update), ... of min(batch_size, stored)
// entries each. Writes their returns to `returns` (updates, batch); the caller copies them to the device.
// pairs: theta and what it achieved; else the sampled returns alone
Samples sample(const ReplayBuffer& buffer, uint64_t seed, Purpose purpose, uint64_t first_update, int64_t updates,
               int64_t batch_size, bool pairs, float* returns);

// Many updates of one network.
struct RegressionOptions {
  int64_t updates = 0, batch_size = 0;
  double learning_rate = 0;
  uint64_t seed = 0;
};
struct Regression {
  std::vector<float> losses;  // before each update
  bool finite = true;         // whether all parameters are finite
  double draw_seconds = 0, update_seconds = 0;
};
// V(theta) -> r on stored pairs.
Regression fit_critic(Backend& backend, Parameters& critic, const ReplayBuffer& buffer,
                      const RegressionOptions& options, const std::atomic<bool>& stop);
// G(r) -> theta on stored pairs.
Regression fit_generator(Backend& backend, Parameters& generator, const ReplayBuffer& buffer,
                         const RegressionOptions& options, const std::atomic<bool>& stop);

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
