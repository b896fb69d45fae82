// D: the last `capacity` pairs (theta, r), first in first out, drawn with replacement, the i-th newest with weight
// i^-exponent. Grows in pieces as it fills. The policies of a buffer for a CUDA device lie there, or `pinned` in the
// host's memory, from which they are copied as they are drawn.
#pragma once
#include <ATen/core/Tensor.h>

#include <vector>

#include "random.h"

namespace gogepo {

class ReplayBuffer {
 public:
  ReplayBuffer(int64_t theta_size, int64_t capacity, double recency_exponent, at::Device device, bool pinned = false);

  void push(const at::Tensor& thetas, const float* returns);  // thetas (n, |theta|)

  int64_t count() const { return std::min(pushed_ - first_, capacity_); }
  int64_t pushed() const { return pushed_; }  // ever, also what has left the buffer
  int64_t theta_size() const { return theta_size_; }
  int64_t bytes() const;
  // The entry that was pushed as number `index`, counted from 0 over the whole run; it must still be here.
  at::Tensor theta(int64_t index) const;  // (|theta|), a view
  float episode_return(int64_t index) const { return returns_[index % capacity_]; }

  // `size` numbers of entries for theta() and episode_return(); the same for the same stream and the same pushed().
  std::vector<int64_t> draw(Stream stream, int64_t size) const;

  // Empty; the next entry pushed is number `pushed`: what a resumed run starts from before it puts back its entries.
  void clear(int64_t pushed);

 private:
  int64_t theta_size_, capacity_, pushed_ = 0, first_ = 0;  // first_: the number of the first entry since clear()
  at::TensorOptions where_;
  int64_t rows_per_piece_;
  std::vector<at::Tensor> pieces_;  // (rows_per_piece_, |theta|) each
  std::vector<float> returns_;      // (capacity), a ring
  std::vector<double> cumulative_;  // sum of i^-exponent for i = 1..k
};

}  // namespace gogepo
