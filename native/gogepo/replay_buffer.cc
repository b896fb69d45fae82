#include "replay_buffer.h"

#include <ATen/ops/empty.h>

#include <algorithm>
#include <cmath>

namespace gogepo {
namespace {

// LibTorch rounds pinned memory up to a power of two; pieces of almost 64 MiB waste next to nothing.
int64_t rows_per_piece(int64_t theta_size, bool pinned) {
  constexpr int64_t pinned_bytes = 64 << 20;
  return pinned ? std::max<int64_t>(1, pinned_bytes / (theta_size * int64_t(sizeof(float)))) : 64;
}

}  // namespace

ReplayBuffer::ReplayBuffer(int64_t theta_size, int64_t capacity, double recency_exponent, at::Device device,
                           bool pinned)
    : theta_size_(theta_size),
      capacity_(capacity),
      where_(at::TensorOptions(at::kFloat).device(pinned ? at::kCPU : device).pinned_memory(pinned)),
      rows_per_piece_(rows_per_piece(theta_size, pinned)),
      returns_(capacity),
      cumulative_(capacity) {
  double sum = 0;
  for (int64_t i = 0; i < capacity; ++i) cumulative_[i] = sum += std::pow(double(i + 1), -recency_exponent);
}

void ReplayBuffer::push(const at::Tensor& thetas, const float* returns) {
  for (int64_t i = 0; i < thetas.size(0); ++i) {
    const int64_t row = pushed_ % capacity_;
    while (int64_t(pieces_.size()) <= row / rows_per_piece_) {
      const int64_t rows = std::min(rows_per_piece_, capacity_ - int64_t(pieces_.size()) * rows_per_piece_);
      pieces_.push_back(at::empty({rows, theta_size_}, where_));
    }
    returns_[row] = returns[i];
    ++pushed_;
    theta(pushed_ - 1).copy_(thetas[i]);
  }
}

int64_t ReplayBuffer::bytes() const {
  int64_t elements = 0;
  for (const at::Tensor& piece : pieces_) elements += piece.numel();
  return elements * int64_t(sizeof(float)) + capacity_ * int64_t(sizeof(float) + sizeof(double));
}

at::Tensor ReplayBuffer::theta(int64_t index) const {
  const int64_t row = index % capacity_;
  return pieces_[row / rows_per_piece_].select(0, row % rows_per_piece_);
}

std::vector<int64_t> ReplayBuffer::sample(Stream stream, int64_t size) const {
  const auto end = cumulative_.begin() + count();
  std::vector<int64_t> entries(size);
  for (int64_t& entry : entries) {
    const auto found = std::upper_bound(cumulative_.begin(), end, stream.uniform() * *(end - 1));
    entry = pushed_ - 1 - std::min(found - cumulative_.begin(), count() - 1);  // rank 0 is the newest
  }
  return entries;
}

void ReplayBuffer::clear(int64_t pushed) {
  pieces_.clear();
  pushed_ = first_ = pushed;
}

}  // namespace gogepo
