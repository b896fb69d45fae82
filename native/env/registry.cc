#include "env.h"

// One line per task. The source file of similar name defines EnvEntry <task>(const TaskOptionValues& given).
#define TASKS(TASK)                 \
  TASK(mountain_car_continuous_v0)  \
  TASK(inverted_pendulum_v5)        \
  TASK(inverted_double_pendulum_v5) \
  TASK(swimmer_v5)                  \
  TASK(hopper_v5)                   \
  TASK(half_cheetah_v5)             \
  TASK(walker2d_v5)                 \
  TASK(ant_v5)                      \
  TASK(humanoid_v5)                 \
  TASK(humanoid_standup_v5)         \
  TASK(reacher_v5)                  \
  TASK(pusher_v5)                   \
  TASK(pendulum_v1)                 \
  TASK(cart_pole_v1)                \
  TASK(acrobot_v1)                  \
  TASK(mountain_car_v0)             \
  TASK(inverted_pendulum_v4)        \
  TASK(swimmer_v4)                  \
  TASK(hopper_v4)                   \
  TASK(half_cheetah_v4)             \
  TASK(walker2d_v4)

namespace gogepo {

#define DECLARE(task) EnvEntry task(const TaskOptionValues& given);
TASKS(DECLARE)

const std::vector<EnvEntry>& env_registry() {
#define ENTRY(task) task({}),
  static const std::vector<EnvEntry> entries{TASKS(ENTRY)};
  return entries;
}

const EnvEntry* find_env(const std::string& id) {
  for (const EnvEntry& entry : env_registry())
    if (entry.spec.id == id) return &entry;
  return nullptr;
}

}  // namespace gogepo
