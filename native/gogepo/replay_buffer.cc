#include "replay_buffer.h"

#include <ATen/ops/empty.h>

#include <algorithm>
#include <cmath>
#include <iterator>

namespace gogepo {
namespace {

// LibTorch rounds pinned memory up to a power of two; pieces of almost 64 MiB waste next to nothing.
int64_t rows_per_piece(int64_t theta_size, bool pinned) {
  constexpr int64_t pinned_bytes = 64 << 20;
  return pinned ? std::max<int64_t>(1, pinned_bytes / (theta_size * int64_t(sizeof(float)))) : 64;
}

}  // namespace

ReplayBuffer::ReplayBuffer(int64_t theta_size, int64_t capacity, double recency_exponent, double balanced_share,
                           at::Device device, bool pinned, const std::optional<BucketRules>& buckets)
    : theta_size_(theta_size),
      capacity_(capacity),
      where_(at::TensorOptions(at::kFloat).device(pinned ? at::kCPU : device).pinned_memory(pinned)),
      rows_per_piece_(rows_per_piece(theta_size, pinned)),
      returns_(capacity),
      cumulative_(capacity),
      balanced_share_(balanced_share) {
  if (buckets) buckets_.emplace(*buckets);
  double sum = 0;
  for (int64_t i = 0; i < capacity; ++i) cumulative_[i] = sum += std::pow(double(i + 1), -recency_exponent);
}

void ReplayBuffer::push(const at::Tensor& thetas, const float* returns) {
  for (int64_t i = 0; i < thetas.size(0); ++i) {
    if (buckets_ && !buckets_->has_room(returns[i])) continue;
    const int64_t row = pushed_ % capacity_;
    while (int64_t(pieces_.size()) <= row / rows_per_piece_) {
      const int64_t rows = std::min(rows_per_piece_, capacity_ - int64_t(pieces_.size()) * rows_per_piece_);
      pieces_.push_back(at::empty({rows, theta_size_}, where_));
    }
    if (balanced_share_ > 0) {
      if (count() == capacity_) by_return_.erase({returns_[row], pushed_ - capacity_});
      by_return_.insert({returns[i], pushed_});
    }
    if (buckets_) {
      if (count() == capacity_) buckets_->remove(returns_[row], pushed_ - capacity_);
      buckets_->insert(returns[i], pushed_);
    }
    returns_[row] = returns[i];
    ++pushed_;
    theta(pushed_ - 1).copy_(thetas[i]);
  }
}

int64_t ReplayBuffer::bytes() const {
  int64_t elements = 0;
  for (const at::Tensor& piece : pieces_) elements += piece.numel();
  constexpr int64_t tree_node = 4 * sizeof(void*) + sizeof(std::pair<float, int64_t>);
  return elements * int64_t(sizeof(float)) + capacity_ * int64_t(sizeof(float) + sizeof(double)) +
         int64_t(by_return_.size()) * tree_node + (buckets_ ? buckets_->bytes() : 0);
}

at::Tensor ReplayBuffer::theta(int64_t index) const {
  const int64_t row = index % capacity_;
  return pieces_[row / rows_per_piece_].select(0, row % rows_per_piece_);
}

// The entry at this share, 0 to 1, of the sum of all weights, newest first.
int64_t ReplayBuffer::newest_first(double share_of_weight) const {
  const auto end = cumulative_.begin() + count();
  const auto found = std::upper_bound(cumulative_.begin(), end, share_of_weight * *(end - 1));
  return pushed_ - 1 - std::min(found - cumulative_.begin(), count() - 1);  // rank 0 is the newest
}

// The entry whose return is closest to `target`; among entries of the same return, `tie` from 0 to 1 decides.
int64_t ReplayBuffer::nearest(float target, double tie) const {
  auto above = by_return_.lower_bound({target, 0});
  if (above == by_return_.end()) --above;
  float closest = above->first;
  if (above != by_return_.begin()) {
    const float below = std::prev(above)->first;
    if (target - below < closest - target) closest = below;
  }
  const int64_t from = pushed_ - count() + int64_t(tie * double(count()));
  auto found = by_return_.lower_bound({closest, from});
  if (found == by_return_.end() || found->first != closest) found = by_return_.lower_bound({closest, 0});
  return found->second;
}

std::vector<Sampled> ReplayBuffer::sample(Stream stream, int64_t size) const {
  const int64_t balanced = std::llround(balanced_share_ * double(size));
  std::vector<Sampled> batch;
  batch.reserve(size_t(size));
  if (buckets_) {
    for (int64_t i = 0; i < size; ++i) {
      const int64_t entry = buckets_->sample(stream);
      batch.push_back({entry, episode_return(entry)});
    }
    return batch;
  }
  for (int64_t i = 0; i < size - balanced; ++i) {
    const int64_t entry = newest_first(stream.uniform());
    batch.push_back({entry, episode_return(entry)});
  }
  if (balanced == 0) return batch;
  const double lowest = by_return_.begin()->first, best = by_return_.rbegin()->first;
  for (int64_t i = 0; i < balanced; ++i) {
    const float target = float(stream.uniform(lowest, best));
    batch.push_back({nearest(target, stream.uniform()), target});
  }
  return batch;
}

void ReplayBuffer::clear(int64_t pushed) {
  pieces_.clear();
  by_return_.clear();
  if (buckets_) buckets_->clear();
  pushed_ = first_ = pushed;
}

}  // namespace gogepo
