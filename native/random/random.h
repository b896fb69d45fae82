// Random streams from a counter-based generator, Philox4x32-10 (Salmon et al., "Parallel Random Numbers: As Easy as 1,
// 2, 3", SC 2011). A stream is identified by (seed, purpose, index) and shares no state, so its numbers do not depend
// on the number of threads, the device, or anything sampled earlier, and a resumed run gets the same ones.
#pragma once
#include <array>
#include <cmath>
#include <cstdint>

namespace gogepo {

// What a stream is used for. Saved runs depend on these values: append new ones, never renumber.
enum class Purpose : uint32_t {
  generator_init = 1,
  embedding_init = 2,
  critic_init = 3,
  probing_init = 4,
  parameter_noise = 5,   // index: training episode
  training_reset = 6,    // index: training episode
  evaluation_reset = 7,  // index: evaluation episode, counted over the whole run
  critic_draw = 8,       // index: critic update
  generator_draw = 9,    // index: generator update
  strategy = 10,         // index: training episode
  action_noise = 11,     // index: training episode
  direction = 12,        // index: direction of ARS, OpenAI-ES or PGPE, counted over the whole run
  policy_init = 13,      // index: policy layer
  user_defined = 14,     // index: whatever a user-defined algorithm counts
  final_reset = 15,      // index: final evaluation episode
  transition_draw = 16,  // index: critic update
  target_noise = 17,     // index: critic update
  action_sample = 18,    // index: critic update
  segment_draw = 19,     // index: update of UDRL's behavior function
};

class Stream {
 public:
  Stream(uint64_t seed, Purpose purpose, uint64_t index)
      : key_{uint32_t(seed), uint32_t(seed >> 32)},
        counter_{0, uint32_t(purpose), uint32_t(index), uint32_t(index >> 32)} {}

  uint32_t bits() {
    if (used_ == 4) {
      block_ = philox(counter_, key_);
      ++counter_[0];
      used_ = 0;
    }
    return block_[used_++];
  }

  // Uniform in [0, 1), 53 random bits.
  double uniform() {
    const uint64_t high = bits() >> 5, low = bits() >> 6;
    return double(high * 67108864 + low) * 0x1p-53;
  }
  // Uniform in [0, 1), 24 random bits.
  float uniform_float() { return float(bits() >> 8) * 0x1p-24f; }
  double uniform(double low, double high) { return low + (high - low) * uniform(); }

  // N(0, 1) by the Box-Muller transform, which generates two at a time.
  double normal() {
    if (has_spare_) {
      has_spare_ = false;
      return spare_;
    }
    const double radius = std::sqrt(-2.0 * std::log(1.0 - uniform()));
    const double angle = 6.283185307179586 * uniform();
    spare_ = radius * std::sin(angle);
    has_spare_ = true;
    return radius * std::cos(angle);
  }

  using Block = std::array<uint32_t, 4>;
  static Block philox(Block counter, std::array<uint32_t, 2> key) {
    for (int round = 0; round < 10; ++round) {
      const uint64_t a = uint64_t(0xD2511F53u) * counter[0], b = uint64_t(0xCD9E8D57u) * counter[2];
      counter = {uint32_t(b >> 32) ^ counter[1] ^ key[0], uint32_t(b), uint32_t(a >> 32) ^ counter[3] ^ key[1],
                 uint32_t(a)};
      key[0] += 0x9E3779B9u;
      key[1] += 0xBB67AE85u;
    }
    return counter;
  }

 private:
  std::array<uint32_t, 2> key_;
  Block counter_, block_{};
  int used_ = 4;
  bool has_spare_ = false;
  double spare_ = 0;
};

}  // namespace gogepo
