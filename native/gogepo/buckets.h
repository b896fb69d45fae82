// The entries of a replay buffer, in buckets of their returns. Sampling picks a bucket first and then one of its
// entries, so how often a return is sampled does not depend on how many policies have achieved it (UDRLPG).
#pragma once
#include <cstdint>
#include <map>
#include <vector>

#include "random.h"

namespace gogepo {

struct BucketRules {
  double per_unit = 0;     // buckets per unit of return: return r belongs to bucket floor(per_unit * r)
  int64_t capacity = 0;    // entries per bucket
  double rank_weight = 0;  // of the buckets that are not empty, the i-th from below has weight exp(rank_weight * i)
};

class Buckets {
 public:
  explicit Buckets(const BucketRules& rules) : rules_(rules) {}

  bool has_room(float episode_return) const;
  void insert(float episode_return, int64_t entry);
  void remove(float episode_return, int64_t entry);
  void clear() { by_index_.clear(); }
  int64_t sample(Stream& stream) const;  // an entry; there must be one
  int64_t bytes() const;

 private:
  double index(float episode_return) const;

  BucketRules rules_;
  std::map<double, std::vector<int64_t>> by_index_;  // no bucket in it is empty
};

}  // namespace gogepo
