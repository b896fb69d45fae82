// A ring buffer of transitions (s, a, r, s', d) in float32, and the batches that are sampled from it.
#pragma once
#include <cstdint>
#include <memory>
#include <vector>

namespace gogepo {

// B transitions. Observations are raw: not normalized.
struct TransitionBatch {
  int64_t size = 0;                      // B
  std::vector<float> inputs;             // (B, O + A): observation, then action
  std::vector<float> next_observations;  // (B, O)
  std::vector<float> rewards;            // (B)
  std::vector<float> terminated;         // (B) 1 where the task itself ended the episode, else 0
};

class TransitionBuffer {
 public:
  // Throws std::bad_alloc if the address space cannot hold it; memory is used only as it fills.
  TransitionBuffer(int observation_size, int action_size, int64_t capacity);

  void push(const float* observation, const float* action, float reward, const float* next_observation,
            bool terminated);
  void clear(int64_t pushed);  // the next one pushed gets this number
  // Writes transition `number`, counted over the run, which must still be held.
  void read(int64_t number, float* observation, float* action, float* reward, float* next_observation,
            uint8_t* terminated) const;

  // Samples a batch uniformly with replacement, from stream (seed, transition_draw, update).
  void draw(uint64_t seed, uint64_t update, int64_t batch, TransitionBatch& out) const;

  int observation_size() const { return observation_size_; }
  int action_size() const { return action_size_; }
  int64_t count() const { return count_; }    // held now
  int64_t pushed() const { return pushed_; }  // ever
  int64_t bytes() const { return count_ * row_size_ * int64_t(sizeof(float)); }

 private:
  float* row(int64_t number) const { return rows_.get() + number % capacity_ * row_size_; }

  const int observation_size_, action_size_;
  const int64_t capacity_, row_size_;  // a row: observation, action, next observation, reward, terminated
  std::unique_ptr<float[]> rows_;
  int64_t count_ = 0, pushed_ = 0;
};

}  // namespace gogepo
