// The requirements on every task. A new task is tested as soon as it is registered.
#include "env.h"

#include <set>
#include <thread>

#include "check.h"

using namespace gogepo;

// Every allocation of the process, including libmujoco's, passes through here.
static thread_local int64_t allocations = 0;
extern "C" void* __libc_malloc(size_t);
extern "C" void* __libc_memalign(size_t, size_t);
extern "C" void* malloc(size_t size) {
  ++allocations;
  return __libc_malloc(size);
}
extern "C" void* aligned_alloc(size_t alignment, size_t size) {
  ++allocations;
  return __libc_memalign(alignment, size);
}

namespace gogepo {
EnvEntry point_v0(const TaskOptionValues& given);  // template_task.cc
}

namespace {

// Every registered task and the template, with their default options and with every boolean option inverted.
const std::vector<EnvEntry>& tasks() {
  static const std::vector<EnvEntry> all = [] {
    std::vector<EnvEntry> entries = env_registry();
    entries.push_back(point_v0({}));
    for (size_t i = 0, standard = entries.size(); i < standard; ++i) {
      TaskOptionValues flipped;
      for (const TaskOption& option : entries[i].options)
        if (const bool* flag = std::get_if<bool>(&option.standard)) flipped[option.name] = !*flag;
      if (!flipped.empty()) entries.push_back(entries[i].with(flipped));
    }
    return entries;
  }();
  return all;
}

// T steps of the same random actions, starting a new episode whenever one ends: observations and rewards, interleaved.
struct Trace {
  std::vector<double> numbers;
  int episodes = 0;
  bool diverged = false, bonus_as_said = true;
};
Trace play(const EnvEntry& entry, uint64_t seed, int steps) {
  const EnvSpec& spec = entry.spec;
  const std::unique_ptr<Env> env = entry.make();
  Stream actions(seed, Purpose::parameter_noise, 0);
  std::vector<double> observation(spec.observation_size), action(spec.action_size);
  Trace trace;
  int length = 0;
  for (int t = 0; t < steps; ++t) {
    if (length == 0) {
      Stream first(seed, Purpose::training_reset, trace.episodes++);
      env->reset(first, observation.data());
      trace.numbers.insert(trace.numbers.end(), observation.begin(), observation.end());
    }
    for (int i = 0; i < spec.action_size; ++i)
      action[i] = spec.discrete ? int(actions.uniform(0, spec.action_size))
                                : float(actions.uniform(spec.action_low[i], spec.action_high[i]));
    const Step step = env->step(action.data(), observation.data());
    trace.numbers.insert(trace.numbers.end(), observation.begin(), observation.end());
    trace.numbers.push_back(step.reward);
    trace.diverged |= step.diverged;
    trace.bonus_as_said &= step.survival == spec.survival_bonus || step.survival == 0;
    ++length;
    if (step.terminated || length == spec.max_episode_steps) length = 0;
  }
  return trace;
}

}  // namespace

TEST("every task has a complete spec under a unique id") {
  std::set<std::string> ids;
  CHECK(!env_registry().empty());
  for (const EnvEntry& entry : env_registry()) {
    const EnvSpec& spec = entry.spec;
    CHECK(ids.insert(spec.id).second);
    CHECK(find_env(spec.id) != nullptr && find_env(spec.id)->spec.id == spec.id);
    std::set<std::string> names;
    for (const TaskOption& option : entry.options) CHECK(names.insert(option.name).second && !option.help.empty());
    CHECK(spec.observation_size > 0 && spec.action_size > 0);
    const size_t bounds = spec.discrete ? 0 : spec.action_size;
    CHECK(spec.action_low.size() == bounds && spec.action_high.size() == bounds);
    for (size_t i = 0; i < bounds; ++i) CHECK(spec.action_low[i] < spec.action_high[i]);
    CHECK(spec.return_min < spec.return_max);
    CHECK(spec.max_episode_steps > 0 && spec.evaluate_every > 0 && spec.training_steps > spec.evaluate_every);
    CHECK(spec.survival_bonus >= 0 && spec.source.starts_with("https://"));
    CHECK(entry.make()->state_size() > 0);
  }
  CHECK(find_env("Swimer-v5") == nullptr);
}

TEST("with random actions everything stays finite, and a step pays the survival bonus or nothing for being alive") {
  for (const EnvEntry& entry : tasks()) {
    const Trace trace = play(entry, 1, 400);
    bool finite = true;
    for (double x : trace.numbers) finite &= std::isfinite(x);
    CHECK(finite && !trace.diverged && trace.bonus_as_said);
  }
}

TEST("a first state depends on its stream and on nothing else") {
  for (const EnvEntry& entry : tasks()) {
    const Trace once = play(entry, 7, 200), again = play(entry, 7, 200), other = play(entry, 8, 200);
    CHECK(once.numbers == again.numbers);
    CHECK(once.numbers != other.numbers);
  }
}

TEST("an episode does not affect the next one") {
  for (const EnvEntry& entry : tasks()) {
    const EnvSpec& spec = entry.spec;
    const std::unique_ptr<Env> used = entry.make(), fresh = entry.make();
    std::vector<double> a(spec.observation_size), b(spec.observation_size);
    const std::vector<double> action(spec.action_size, spec.discrete ? 0 : 0.25);
    Stream first(3, Purpose::training_reset, 0);
    used->reset(first, a.data());
    for (int t = 0; t < 30; ++t) used->step(action.data(), a.data());
    Stream second(3, Purpose::training_reset, 1), second_again = second;
    used->reset(second, a.data());
    fresh->reset(second_again, b.data());
    CHECK(a == b);
    for (int t = 0; t < 30; ++t) {
      const Step x = used->step(action.data(), a.data()), y = fresh->step(action.data(), b.data());
      CHECK(x.reward == y.reward && x.terminated == y.terminated);
    }
    CHECK(a == b);
  }
}

TEST("two concurrent threads give the same bits") {
  for (const EnvEntry& entry : tasks()) {
    Trace here, there;
    std::thread other([&] { there = play(entry, 5, 200); });
    here = play(entry, 5, 200);
    other.join();
    CHECK(here.numbers == there.numbers);
  }
}

TEST("neither reset nor step allocates") {
  for (const EnvEntry& entry : tasks()) {
    const EnvSpec& spec = entry.spec;
    const std::unique_ptr<Env> env = entry.make();
    std::vector<double> observation(spec.observation_size);
    const std::vector<double> action(spec.action_size, spec.discrete ? 1 : 0.3);
    const int64_t before = allocations;
    for (int episode = 0; episode < 3; ++episode) {
      Stream random(11, Purpose::training_reset, episode);
      env->reset(random, observation.data());
      for (int t = 0; t < 60; ++t) env->step(action.data(), observation.data());
    }
    const int64_t after = allocations;
    CHECK(before > 0 && after == before);
  }
}

TEST("a non-finite state is reported as diverged, and the next reset is valid") {
  for (const EnvEntry& entry : tasks()) {
    const EnvSpec& spec = entry.spec;
    const std::unique_ptr<Env> env = entry.make();
    std::vector<double> observation(spec.observation_size), action(spec.action_size, 0);
    env->set_state(std::vector<double>(env->state_size(), NAN).data(), observation.data());
    CHECK(env->step(action.data(), observation.data()).diverged);
    for (int episode = 0; episode < 2; ++episode) {
      Stream random(2, Purpose::training_reset, episode);
      env->reset(random, observation.data());
      CHECK(!env->step(action.data(), observation.data()).diverged);
      if (spec.discrete) continue;
      const std::vector<double> lost(spec.action_size, NAN);
      CHECK(env->step(lost.data(), observation.data()).diverged);
    }
  }
}

TEST("unknown options and invalid values are refused") {
  const EnvEntry& hopper = *find_env("Hopper-v5");
  const auto refused = [&](const TaskOptionValues& given, const std::string& words) {
    try {
      hopper.with(given);
      CHECK(false);
    } catch (const TaskOptionError& error) {
      CHECK(std::string(error.what()).find(words) != std::string::npos);
    }
  };
  refused({{"healthy_rewards", 1.0}}, "unknown task option \"healthy_rewards\"");
  refused({{"healthy_reward", true}}, "expected healthy_reward to be a number, got true");
  refused({{"healthy_reward", NAN}}, "expected healthy_reward to be a number, got NaN");
  refused({{"healthy_reward", Range{1, 2}}}, "expected healthy_reward to be a number, got 1,2");
  refused({{"terminate_when_unhealthy", 0.0}}, "expected terminate_when_unhealthy to be true or false, got 0");
  refused({{"frame_skip", 0.0}}, "a whole number from 1 to 1000, got 0");
  refused({{"frame_skip", 1.5}}, "a whole number from 1 to 1000, got 1.5");
  refused({{"reset_noise_scale", -1.0}}, "a number of at least 0, got -1");
  refused({{"healthy_z_range", Range{2, 1}}}, "two numbers, the lower one first, such as 0.7,inf, got 2,1");
  refused({{"healthy_z_range", Range{NAN, 1}}}, "got NaN,1");
  CHECK_THROWS(find_env("Hopper-v4")->with({{"frame_skip", 2.0}}));  // Gymnasium's -v4 has no such option
  CHECK_THROWS(find_env("Ant-v5")->with({{"main_body", 14.0}}));
}

TEST("options change the task's spec") {
  const EnvSpec changed =
      find_env("Humanoid-v5")->with({{"healthy_reward", 2.0}, {"include_cinert_in_observation", false}}).spec;
  CHECK(changed.survival_bonus == 2 && changed.observation_size == 348 - 130);
  CHECK(find_env("Humanoid-v5")->spec.observation_size == 348);
}

TEST("goal_velocity is the speed at which a car must arrive") {
  for (const char* id : {"MountainCar-v0", "MountainCarContinuous-v0"})
    for (const auto& [wanted, arrives] : {std::pair{0.03, true}, {0.05, false}}) {
      const std::unique_ptr<Env> car = find_env(id)->with({{"goal_velocity", wanted}}).make();
      const double state[] = {0.48, 0.04}, action[] = {1};
      double observation[2];
      car->set_state(state, observation);
      CHECK(car->step(action, observation).terminated == arrives);
    }
}
