// Every task against recordings of Gymnasium (test/oracle/README.md). Another CPU or C library rounds sin, cos and pow
// differently, and contacts amplify the difference: hence 1e-6, over the first 20 steps after each reset.
#include "replay.h"

#include <algorithm>
#include <filesystem>
#include <set>

#include "check.h"
#include "recording.h"

using namespace gogepo;

namespace {

constexpr double tolerance = 1e-6;
constexpr int64_t compared = 20;

EnvEntry task_of(const RecordingFile& file) {
  const EnvEntry* const entry = find_env(file.metadata("env"));
  if (entry == nullptr) throw std::runtime_error("recorded, but not registered: " + file.metadata("env"));
  return entry->with(read_options(file.metadata("options")));
}

struct Recorded {
  explicit Recorded(const std::string& path) : file(path), env(task_of(file)) {
    for (const char* name : {"qpos", "qvel", "state"})
      if (file.has(name)) parts.push_back(file.array<double>(name));
    for (size_t e = 0; e < resets.size(); ++e)
      for (const auto& part : parts) {
        const size_t width = part.size() / resets.size();
        states.insert(states.end(), part.begin() + e * width, part.begin() + (e + 1) * width);
      }
  }
  Recording recording() const {
    return {int64_t(rewards.size()), actions.data(), int64_t(resets.size()), resets.data(), states.data()};
  }

  RecordingFile file;
  EnvEntry env;
  std::vector<double> actions = file.array<double>("actions"), observations = file.array<double>("observations"),
                      rewards = file.array<double>("rewards"), states;
  std::vector<uint8_t> terminated = file.array<uint8_t>("terminated"), truncated = file.array<uint8_t>("truncated");
  std::vector<int64_t> resets = file.array<int64_t>("resets");
  std::vector<std::vector<double>> parts;  // (E, nq) and (E, nv), or (E, n)
};

std::vector<std::string> recordings() {
  std::vector<std::string> paths;
  for (const auto& file : std::filesystem::directory_iterator(RECORDINGS))
    if (file.path().extension() == ".safetensors") paths.push_back(file.path());
  std::sort(paths.begin(), paths.end());
  return paths;
}

double difference(double a, double b) { return std::abs(a - b) / std::max(1.0, std::abs(b)); }

}  // namespace

TEST("every task is recorded") {
  std::set<std::string> recorded;
  for (const std::string& path : recordings()) recorded.insert(Recorded(path).env.spec.id);
  for (const EnvEntry& entry : env_registry())
    check::expect(recorded.contains(entry.spec.id) || !is_gymnasiums(entry.spec), __FILE__, __LINE__,
                  entry.spec.id + " is recorded");
}

TEST("every option of every task is recorded with a non-default value") {
  std::set<std::pair<std::string, std::string>> recorded;
  for (const std::string& path : recordings()) {
    const RecordingFile file(path);
    for (const auto& [name, value] : read_options(file.metadata("options")))
      recorded.insert({file.metadata("env"), name});
  }
  for (const EnvEntry& entry : env_registry())
    for (const TaskOption& option : entry.options)
      check::expect(recorded.contains({entry.spec.id, option.name}) || !is_gymnasiums(entry.spec), __FILE__, __LINE__,
                    entry.spec.id + ": " + option.name + " is recorded");
}

TEST("observations, rewards and terminations match Gymnasium's") {
  for (const std::string& path : recordings()) {
    const Recorded recorded(path);
    const Replay replayed = replay(recorded.env, recorded.recording());
    const size_t width = recorded.env.spec.observation_size;
    check::expect(replayed.observations.size() == recorded.observations.size(), __FILE__, __LINE__,
                  path + ": size of the observations");
    size_t episode = 0;
    double worst = 0;
    bool ends = true;
    for (int64_t t = 0; t < int64_t(recorded.rewards.size()); ++t) {
      while (episode + 1 < recorded.resets.size() && recorded.resets[episode + 1] <= t) ++episode;
      ends &= replayed.truncated[t] == recorded.truncated[t];
      if (t - recorded.resets[episode] >= compared) continue;
      ends &= replayed.terminated[t] == recorded.terminated[t];
      worst = std::max(worst, difference(replayed.rewards[t], recorded.rewards[t]));
      for (size_t i = t * width; i < (t + 1) * width; ++i)
        worst = std::max(worst, difference(replayed.observations[i], recorded.observations[i]));
    }
    check::expect(ends, __FILE__, __LINE__, path + ": ends at the same steps");
    check::expect(worst <= tolerance, __FILE__, __LINE__, path + ": differs by " + std::to_string(worst));
  }
}

TEST("action bounds match Gymnasium's") {
  for (const std::string& path : recordings()) {
    const Recorded recorded(path);
    const EnvSpec& spec = recorded.env.spec;
    for (const auto& [name, bounds] :
         {std::pair{"action_low", spec.action_low}, std::pair{"action_high", spec.action_high}}) {
      if (spec.discrete) continue;
      std::string list = recorded.file.metadata(name).substr(1);  // "[-1.0, -1.0]"
      for (double bound : bounds) {
        size_t digits = 0;
        CHECK(float(bound) == std::stof(list, &digits));
        list = list.substr(digits + 1);
      }
      CHECK(list.empty());
    }
  }
}

TEST("the time limit counts from a reset, and episodes continue past it if no reset is recorded") {
  const EnvEntry& entry = *find_env("MountainCarContinuous-v0");
  const int64_t limit = entry.spec.max_episode_steps, steps = 2 * limit + 10, resets[] = {0, limit + 5};
  const std::vector<double> actions(steps), states{-0.5, 0, -0.5, 0};
  const Replay replayed = replay(entry, {steps, actions.data(), 2, resets, states.data()});
  for (int64_t t = 0; t < steps; ++t)
    CHECK(replayed.truncated[t] == ((t >= limit - 1 && t < limit + 5) || t >= 2 * limit + 4));
}

TEST("resets that are not ascending from 0 are refused") {
  const EnvEntry& entry = *find_env("MountainCarContinuous-v0");
  const std::vector<double> actions(10), states(6);
  for (const std::vector<int64_t>& resets : {std::vector<int64_t>{}, {1}, {-1}, {0, 0}, {0, 10}, {0, 5, 3}})
    CHECK_THROWS(replay(entry, {10, actions.data(), int64_t(resets.size()), resets.data(), states.data()}));
}
