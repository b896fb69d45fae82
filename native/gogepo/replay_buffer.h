// D: the last `capacity` pairs (theta, r), first in first out, sampled with replacement; the i-th newest has weight
// i^-exponent. A share of each batch can be sampled evenly over the range of the stored returns instead: so many of its
// entries are those whose returns come closest to uniform values. With bucket rules, entries are sampled by the buckets
// of their returns instead, and an entry whose bucket is full is not stored. Memory is allocated in pieces as the
// buffer fills. The policies of a buffer for a CUDA device are on that device, or `pinned` in host memory, from which
// they are copied as they are sampled.
#pragma once
#include <ATen/core/Tensor.h>

#include <optional>
#include <set>
#include <utility>
#include <vector>

#include "buckets.h"
#include "random.h"

namespace gogepo {

// What a batch holds at one place: a stored entry, by its number in the run, and the return that it was sampled for,
// which is the entry's own unless it was sampled by its return.
struct Sampled {
  int64_t entry = 0;
  float target = 0;
  bool operator==(const Sampled&) const = default;
};

class ReplayBuffer {
 public:
  // balanced_share: the share of a batch, 0 to 1, that is sampled evenly over the returns; it comes last in the batch.
  ReplayBuffer(int64_t theta_size, int64_t capacity, double recency_exponent, double balanced_share, at::Device device,
               bool pinned = false, const std::optional<BucketRules>& buckets = {});

  void push(const at::Tensor& thetas, const float* returns);  // thetas (n, |theta|)

  int64_t count() const { return std::min(pushed_ - first_, capacity_); }
  int64_t pushed() const { return pushed_; }  // entries ever pushed, including those that have left the buffer
  int64_t theta_size() const { return theta_size_; }
  int64_t bytes() const;
  // Entries are addressed by their number in the run, counted from 0; the entry must still be in the buffer.
  at::Tensor theta(int64_t index) const;  // (|theta|), a view
  float episode_return(int64_t index) const { return returns_[index % capacity_]; }

  // Samples `size` entries. The result depends only on the stream and on what is stored.
  std::vector<Sampled> sample(Stream stream, int64_t size) const;

  // Empties the buffer; the next entry pushed gets the number `pushed`. A resumed run calls it before it restores its
  // entries.
  void clear(int64_t pushed);

 private:
  int64_t newest_first(double share_of_weight) const;
  int64_t nearest(float target, double tie) const;

  int64_t theta_size_, capacity_, pushed_ = 0, first_ = 0;  // first_: the number of the first entry since clear()
  at::TensorOptions where_;
  int64_t rows_per_piece_;
  std::vector<at::Tensor> pieces_;  // (rows_per_piece_, |theta|) each
  std::vector<float> returns_;      // (capacity), a ring
  std::vector<double> cumulative_;  // sum of i^-exponent for i = 1..k
  double balanced_share_;
  std::optional<Buckets> buckets_;
  std::set<std::pair<float, int64_t>> by_return_;  // (return, number in the run) of all entries; empty if never needed
};

}  // namespace gogepo
