// The best episodes of a run, whole, and the batches of segments that UDRL samples from them.
#pragma once
#include <cstdint>
#include <memory>
#include <vector>

namespace gogepo {

// T steps. Observations are raw: not normalized.
struct StoredEpisode {
  double episode_return = 0;
  std::vector<float> observations;   // (T, O)
  std::vector<float> actions;        // (T, A), or (T) if discrete
  std::vector<float> returns_to_go;  // (T) what was still earned, this step included
  int64_t length() const { return int64_t(returns_to_go.size()); }
};

// B observations, what was still asked for there (which is what followed), and the actions that did it.
struct SegmentBatch {
  int64_t size = 0;                 // B
  std::vector<float> observations;  // (B, O)
  std::vector<float> commands;      // (B, 2): return in reward units, horizon in steps
  std::vector<float> actions;       // (B, A), or (B) if discrete
};

class EpisodeBuffer {
 public:
  EpisodeBuffer(int observation_size, int action_width, int64_t capacity);

  // Keeps the `capacity` best of what it holds and these, oldest first. Of equal returns the newer is the better.
  void push(std::vector<StoredEpisode> episodes);
  void clear() { episodes_.clear(); }

  // Samples segments from stream (seed, segment_draw, update): an episode, then a step of it, each uniformly and with
  // replacement. A segment lasts until its episode ends. The buffer must not be empty.
  void draw(uint64_t seed, uint64_t update, int64_t batch, SegmentBatch& out) const;

  // The best first.
  const std::vector<std::shared_ptr<const StoredEpisode>>& episodes() const { return episodes_; }
  int observation_size() const { return observation_size_; }
  int action_width() const { return action_width_; }
  int64_t steps() const;  // of all episodes that it holds
  int64_t bytes() const { return steps() * (observation_size_ + action_width_ + 1) * int64_t(sizeof(float)); }

 private:
  const int observation_size_, action_width_;
  const int64_t capacity_;
  std::vector<std::shared_ptr<const StoredEpisode>> episodes_;
};

}  // namespace gogepo
