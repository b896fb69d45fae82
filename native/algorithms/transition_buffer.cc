#include "transition_buffer.h"

#include <algorithm>

#include "random.h"

namespace gogepo {

TransitionBuffer::TransitionBuffer(int observation_size, int action_size, int64_t capacity)
    : observation_size_(observation_size),
      action_size_(action_size),
      capacity_(capacity),
      row_size_(2 * int64_t(observation_size) + action_size + 2),
      rows_(new float[size_t(capacity * row_size_)]) {}

void TransitionBuffer::push(const float* observation, const float* action, float reward, const float* next_observation,
                            bool terminated) {
  float* to = row(pushed_++);
  to = std::copy_n(observation, observation_size_, to);
  to = std::copy_n(action, action_size_, to);
  to = std::copy_n(next_observation, observation_size_, to);
  to[0] = reward;
  to[1] = terminated ? 1 : 0;
  count_ = std::min(count_ + 1, capacity_);
}

void TransitionBuffer::clear(int64_t pushed) {
  count_ = 0;
  pushed_ = pushed;
}

void TransitionBuffer::read(int64_t number, float* observation, float* action, float* reward, float* next_observation,
                            uint8_t* terminated) const {
  const float* const from = row(number);
  const int64_t o = observation_size_, a = action_size_;
  std::copy_n(from, o, observation);
  std::copy_n(from + o, a, action);
  std::copy_n(from + o + a, o, next_observation);
  *reward = from[2 * o + a];
  *terminated = from[2 * o + a + 1] != 0;
}

void TransitionBuffer::draw(uint64_t seed, uint64_t update, int64_t batch, TransitionBatch& out) const {
  const int64_t o = observation_size_, a = action_size_;
  out.size = batch;
  out.inputs.resize(size_t(batch * (o + a)));
  out.next_observations.resize(size_t(batch * o));
  out.rewards.resize(size_t(batch));
  out.terminated.resize(size_t(batch));
  Stream random(seed, Purpose::transition_draw, update);
  const int64_t oldest = pushed_ - count_;
  for (int64_t i = 0; i < batch; ++i) {
    const float* const from = row(oldest + int64_t(random.uniform() * double(count_)));
    std::copy_n(from, o + a, out.inputs.data() + i * (o + a));
    std::copy_n(from + o + a, o, out.next_observations.data() + i * o);
    out.rewards[size_t(i)] = from[2 * o + a];
    out.terminated[size_t(i)] = from[2 * o + a + 1];
  }
}

}  // namespace gogepo
