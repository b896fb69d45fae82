#include "env.h"

// One line per task. Its page, a file of nearly that name, defines EnvEntry <task>().
#define TASKS(TASK)                \
  TASK(mountain_car_continuous_v0) \
  TASK(inverted_pendulum_v5)       \
  TASK(swimmer_v5)                 \
  TASK(hopper_v5)                  \
  TASK(inverted_pendulum_v4)       \
  TASK(swimmer_v4)                 \
  TASK(hopper_v4)

namespace gogepo {

#define DECLARE(task) EnvEntry task();
TASKS(DECLARE)

const std::vector<EnvEntry>& env_registry() {
#define ENTRY(task) task(),
  static const std::vector<EnvEntry> entries{TASKS(ENTRY)};
  return entries;
}

const EnvEntry* find_env(const std::string& id) {
  for (const EnvEntry& entry : env_registry())
    if (entry.spec.id == id) return &entry;
  return nullptr;
}

}  // namespace gogepo
