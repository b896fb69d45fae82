// First states have Gymnasium's distribution: statistics over 10,000 resets of each, from unrelated random streams.
#include <algorithm>
#include <cmath>

#include "check.h"
#include "recording.h"

using namespace gogepo;

namespace {

constexpr int resets = 10'000;
// In standard deviations. Means of two samples of this size differ by about 0.014, standard deviations by up to 1 %.
// The extremes of a bounded distribution agree closely; those of a normal one differ by about 0.3.
constexpr double mean_tolerance = 0.07, std_tolerance = 0.05, end_tolerance = 0.1, extreme_tolerance = 1.5;
constexpr double bounded =
    4.5;  // range of a bounded distribution: 3.5 if uniform, compared with about 7.7 for a normal sample

struct Figures {
  double mean = 0, std = 0, least = infinity, most = -infinity;
};

std::vector<Figures> first_observations(const EnvEntry& entry) {
  const size_t size = entry.spec.observation_size;
  const std::unique_ptr<Env> env = entry.make();
  std::vector<double> seen(resets * size);
  for (int i = 0; i < resets; ++i) {
    Stream random(1, Purpose::training_reset, i);
    env->reset(random, seen.data() + i * size);
  }
  std::vector<Figures> figures(size);
  for (size_t k = 0; k < size; ++k) {
    Figures& f = figures[k];
    double squares = 0;
    for (size_t i = k; i < seen.size(); i += size) f.mean += seen[i] / resets;
    for (size_t i = k; i < seen.size(); i += size) {
      squares += (seen[i] - f.mean) * (seen[i] - f.mean);
      f.least = std::min(f.least, seen[i]);
      f.most = std::max(f.most, seen[i]);
    }
    f.std = std::sqrt(squares / resets);
  }
  return figures;
}

}  // namespace

TEST("first states have Gymnasium's distribution") {
  const RecordingFile file(FIRST_STATES);
  for (const EnvEntry& standard : env_registry()) {
    if (!is_gymnasiums(standard.spec)) continue;
    const std::string& id = standard.spec.id;
    const EnvEntry entry = standard.with(read_options(file.metadata(id)));
    const auto mean = file.array<double>(id + ".mean"), spread = file.array<double>(id + ".std"),
               least = file.array<double>(id + ".least"), most = file.array<double>(id + ".most");
    const std::vector<Figures> got = first_observations(entry);
    check::expect(got.size() == mean.size(), __FILE__, __LINE__, id + ": size of the observation");
    for (size_t k = 0; k < std::min(got.size(), mean.size()); ++k) {
      const double unit = spread[k] + 1e-9;  // some are constant
      const double ends = most[k] - least[k] < bounded * unit ? end_tolerance : extreme_tolerance;
      check::expect(
          std::abs(got[k].mean - mean[k]) <= mean_tolerance * unit &&
              std::abs(got[k].std - spread[k]) <= std_tolerance * unit &&
              std::abs(got[k].least - least[k]) <= ends * unit && std::abs(got[k].most - most[k]) <= ends * unit,
          __FILE__, __LINE__,
          id + ", observation " + std::to_string(k) + ": mean " + std::to_string(got[k].mean) + " against " +
              std::to_string(mean[k]) + ", standard deviation " + std::to_string(got[k].std) + " against " +
              std::to_string(spread[k]) + ", from " + std::to_string(got[k].least) + " against " +
              std::to_string(least[k]) + ", to " + std::to_string(got[k].most) + " against " + std::to_string(most[k]));
    }
  }
}
