// A recorded list of actions, played again: how a task is held against Gymnasium.
#pragma once
#include <cstdint>
#include <vector>

#include "env.h"

namespace gogepo {

struct Recording {
  int64_t steps = 0;                // T
  const double* actions = nullptr;  // (T, A), or (T, 1) numbers of actions
  int64_t episodes = 0;             // E
  const int64_t* resets = nullptr;  // (E): the step before which each reset happened, ascending, the first is 0
  const double* states = nullptr;   // (E, Env::state_size()): right after each reset
};

struct Replay {
  std::vector<double> observations;            // (T, O): what each step returned
  std::vector<double> rewards;                 // (T)
  std::vector<uint8_t> terminated, truncated;  // (T)
};

// Resets where the recording says so and nowhere else; the time limit counts from there. A simulation that diverges
// goes on as Gymnasium's would. Throws std::invalid_argument when resets are not as said above.
Replay replay(const EnvEntry& entry, const Recording& recording);

}  // namespace gogepo
