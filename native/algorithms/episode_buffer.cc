#include "episode_buffer.h"

#include <algorithm>

#include "random.h"

namespace gogepo {

EpisodeBuffer::EpisodeBuffer(int observation_size, int action_width, int64_t capacity)
    : observation_size_(observation_size), action_width_(action_width), capacity_(capacity) {}

void EpisodeBuffer::push(std::vector<StoredEpisode> episodes) {
  std::vector<std::shared_ptr<const StoredEpisode>> all;  // the newest first
  for (auto it = episodes.rbegin(); it != episodes.rend(); ++it)
    all.push_back(std::make_shared<const StoredEpisode>(std::move(*it)));
  all.insert(all.end(), episodes_.begin(), episodes_.end());
  std::stable_sort(all.begin(), all.end(),
                   [](const auto& a, const auto& b) { return a->episode_return > b->episode_return; });
  all.resize(std::min(all.size(), size_t(capacity_)));
  episodes_ = std::move(all);
}

void EpisodeBuffer::draw(uint64_t seed, uint64_t update, int64_t batch, SegmentBatch& out) const {
  const int64_t o = observation_size_, a = action_width_;
  out.size = batch;
  out.observations.resize(size_t(batch * o));
  out.commands.resize(size_t(batch * 2));
  out.actions.resize(size_t(batch * a));
  Stream random(seed, Purpose::segment_draw, update);
  for (int64_t i = 0; i < batch; ++i) {
    const StoredEpisode& episode = *episodes_[size_t(random.uniform() * double(episodes_.size()))];
    const int64_t step = int64_t(random.uniform() * double(episode.length()));
    std::copy_n(episode.observations.data() + step * o, o, out.observations.data() + i * o);
    std::copy_n(episode.actions.data() + step * a, a, out.actions.data() + i * a);
    out.commands[size_t(2 * i)] = episode.returns_to_go[size_t(step)];
    out.commands[size_t(2 * i + 1)] = float(episode.length() - step);
  }
}

int64_t EpisodeBuffer::steps() const {
  int64_t sum = 0;
  for (const auto& episode : episodes_) sum += episode->length();
  return sum;
}

}  // namespace gogepo
