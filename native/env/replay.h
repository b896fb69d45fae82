// Replays recorded actions, to compare a task with Gymnasium.
#pragma once
#include <cstdint>
#include <vector>

#include "env.h"

namespace gogepo {

struct Recording {
  int64_t steps = 0;                // T
  const double* actions = nullptr;  // (T, A), or (T, 1) action indices if discrete
  int64_t episodes = 0;             // E
  const int64_t* resets = nullptr;  // (E,): step before which each reset happened; ascending from 0
  const double* states = nullptr;   // (E, Env::state_size()): state right after each reset
};

struct Replay {
  std::vector<double> observations;            // (T, O): returned by each step
  std::vector<double> rewards;                 // (T,)
  std::vector<uint8_t> terminated, truncated;  // (T,)
};

// Resets exactly where the recording does; the time limit counts from there. A diverged simulation continues, as in
// Gymnasium. Throws std::invalid_argument if `resets` is not as described above.
Replay replay(const EnvEntry& entry, const Recording& recording);

}  // namespace gogepo
