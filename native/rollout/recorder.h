// Records the transitions of one episode.
#pragma once
#include <cstdint>
#include <vector>

namespace gogepo {

// T transitions of one episode. Observations are raw: not normalized. Actions are as the task received them.
struct Transitions {
  std::vector<float> observations;       // (T, O)
  std::vector<float> actions;            // (T, A), or (T) if discrete
  std::vector<double> rewards;           // (T) full rewards
  std::vector<float> next_observations;  // (T, O)
  std::vector<uint8_t> terminated;       // (T) 1 where the task itself ended the episode
};

class Recorder {
 public:
  Recorder(int observation_size, int action_width) : observation_(observation_size), action_width_(action_width) {}

  // Around every step: before() with what the policy acts on, after() with what came of it. A step without an after()
  // leaves no transition.
  void before(const double* observation);
  void after(const float* action, double reward, const double* next_observation, bool terminated);
  Transitions take() { return std::move(transitions_); }

 private:
  std::vector<double> observation_;  // (O) the last one given to before()
  int action_width_;
  Transitions transitions_;
};

}  // namespace gogepo
