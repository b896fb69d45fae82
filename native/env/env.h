// The interface of a task. Each task is one source file: spec, reset, step. Ids and semantics are Gymnasium's.
#pragma once
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "random.h"
#include "task_options.h"

namespace gogepo {

struct EnvSpec {
  std::string id;
  int observation_size = 0;
  int action_size = 0;  // discrete: number of actions
  bool discrete = false;
  std::vector<double> action_low = {}, action_high = {};  // (A) each; empty when discrete
  double return_min = 0, return_max = 0;                  // range of commands, in units of stored returns
  int max_episode_steps = 0;                              // the time limit
  // Reward per step for being alive, excluded from stored returns. 0 if there is none, or if survival is the task
  // itself.
  double survival_bonus = 0;
  int64_t training_steps = 0, evaluate_every = 0;  // default budget and evaluation interval, in steps
  std::string source;                              // URL of the published definition
};

struct Step {
  double reward = 0;        // in full, including `survival`
  double survival = 0;      // the part of the reward paid for being alive in this step
  bool terminated = false;  // ended by the task itself; the caller enforces the time limit
  bool diverged = false;    // the simulation has NaN or infinite state: discard the episode
};

// An instance of a task. Not thread-safe. Only the constructor allocates. If a member throws (the simulator reported an
// error), the Env must not be used again.
class Env {
 public:
  virtual ~Env() = default;
  virtual void reset(Stream& random, double* observation) = 0;  // observation (O,) is written
  // Reads `action` (A,), or the index of a discrete action; writes `observation` (O,).
  virtual Step step(const double* action, double* observation) = 0;
  // Restores a recorded initial state: qpos then qvel, or the state of a classic control task.
  virtual int state_size() const = 0;
  virtual void set_state(const double* state, double* observation) = 0;
  virtual int64_t warnings() const { return 0; }  // simulator warnings since the last reset or set_state
};

// A task with given options. make() may be called from any thread; instances share what they can (a MuJoCo model),
// which is loaded once.
struct EnvEntry {
  EnvSpec spec;
  std::function<std::unique_ptr<Env>()> make;
  std::vector<TaskOption> options = {};  // all options of the task
  // The same task with other options. Throws TaskOptionError.
  EnvEntry (*with)(const TaskOptionValues& given) = nullptr;
};

template <class Task>
std::unique_ptr<Env> make_env() {
  return std::make_unique<Task>();
}

// The registry entry of a task class, which has a struct Options, a static spec(options) and a constructor that takes
// the options.
template <class Task>
EnvEntry env_entry(const TaskOptionValues& given) {
  const typename Task::Options options(given);
  options.refuse_undeclared();
  return {Task::spec(options), [options] { return std::make_unique<Task>(options); }, options.declared(),
          env_entry<Task>};
}

const std::vector<EnvEntry>& env_registry();      // all tasks, with default options
const EnvEntry* find_env(const std::string& id);  // null if there is none
const char* mujoco_version();                     // of the loaded library

}  // namespace gogepo
