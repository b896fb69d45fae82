#include "buckets.h"

#include <algorithm>
#include <cmath>

namespace gogepo {

double Buckets::index(float episode_return) const { return std::floor(rules_.per_unit * double(episode_return)); }

bool Buckets::has_room(float episode_return) const {
  const auto found = by_index_.find(index(episode_return));
  return found == by_index_.end() || int64_t(found->second.size()) < rules_.capacity;
}

void Buckets::insert(float episode_return, int64_t entry) { by_index_[index(episode_return)].push_back(entry); }

void Buckets::remove(float episode_return, int64_t entry) {
  const auto found = by_index_.find(index(episode_return));
  if (found == by_index_.end()) return;
  std::erase(found->second, entry);
  if (found->second.empty()) by_index_.erase(found);
}

int64_t Buckets::sample(Stream& stream) const {
  // Weights relative to the best bucket's, so that none overflows.
  const double ratio = std::exp(-rules_.rank_weight);
  double total = 0, weight = 1;
  for (size_t i = 0; i < by_index_.size(); ++i, weight *= ratio) total += weight;
  double left = total * stream.uniform();
  weight = 1;
  auto bucket = by_index_.rbegin();
  for (; std::next(bucket) != by_index_.rend() && left >= weight; ++bucket, weight *= ratio) left -= weight;
  const std::vector<int64_t>& entries = bucket->second;
  return entries[size_t(stream.uniform() * double(entries.size()))];
}

int64_t Buckets::bytes() const {
  constexpr int64_t tree_node = 4 * sizeof(void*) + sizeof(std::pair<double, std::vector<int64_t>>);
  int64_t sum = 0;
  for (const auto& [_, entries] : by_index_) sum += tree_node + int64_t(entries.capacity() * sizeof(int64_t));
  return sum;
}

}  // namespace gogepo
