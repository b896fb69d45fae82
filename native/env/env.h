// A task. One page of code is one task: spec, reset, step. Ids and semantics are Gymnasium's.
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
  int action_size = 0;  // discrete: the number of actions
  bool discrete = false;
  std::vector<double> action_low = {}, action_high = {};  // (A) each; empty when discrete
  double return_min = 0, return_max = 0;                  // the range of commands, in the units of stored returns
  int max_episode_steps = 0;                              // the time limit
  double survival_bonus = 0;  // paid for each step alive and left out of stored returns; 0 where there is none
                              // or where survival is the task itself
  int64_t training_steps = 0, evaluate_every = 0;  // the usual budget and spacing of evaluations, in steps
  std::string source;                              // address of the published definition
};

struct Step {
  double reward = 0;        // all of it
  double survival = 0;      // the part of the reward that this step paid for being alive
  bool terminated = false;  // ended by the task itself; the time limit is the caller's business
  bool diverged = false;    // the simulation is no longer finite: the episode is worthless
};

// A task that is being run. Not shared between threads. No member but the constructor allocates. When a member throws
// (the simulator reported an error), the Env is not used again.
class Env {
 public:
  virtual ~Env() = default;
  virtual void reset(Stream& random, double* observation) = 0;       // writes (O)
  virtual Step step(const double* action, double* observation) = 0;  // reads (A), or the action's number; writes (O)
  // The simulator's state as oracle recordings hold it (qpos then qvel, or the classic task's state): how a recorded
  // first state is put back.
  virtual int state_size() const = 0;
  virtual void set_state(const double* state, double* observation) = 0;
  virtual int64_t warnings() const { return 0; }  // of the simulator since the last reset or set_state
};

// A task with its options decided. make() may be called from any thread; what can be shared (a MuJoCo model) is loaded
// once.
struct EnvEntry {
  EnvSpec spec;
  std::function<std::unique_ptr<Env>()> make;
  std::vector<TaskOption> options = {};  // that it has
  EnvEntry (*with)(const TaskOptionValues& given) =
      nullptr;  // the same task with other options; throws TaskOptionError
};

template <class Task>
std::unique_ptr<Env> make_env() {
  return std::make_unique<Task>();
}

// What a page registers: Task has a struct Options, a static spec(options) and a constructor that takes them.
template <class Task>
EnvEntry env_entry(const TaskOptionValues& given) {
  const typename Task::Options options(given);
  options.refuse_undeclared();
  return {Task::spec(options), [options] { return std::make_unique<Task>(options); }, options.declared(),
          env_entry<Task>};
}

const std::vector<EnvEntry>& env_registry();      // every task, with its standard options
const EnvEntry* find_env(const std::string& id);  // null when there is none
const char* mujoco_version();                     // of the library that is loaded

}  // namespace gogepo
