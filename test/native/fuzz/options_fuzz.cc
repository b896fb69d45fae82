// Options of a task: known and unknown names, values of any kind. If they are accepted, an episode begins.
#include <stdexcept>

#include "bytes.h"
#include "env.h"

using namespace gogepo;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  Bytes bytes{data, size};
  const auto& tasks = env_registry();
  const EnvEntry& entry = tasks[bytes.take<uint8_t>() % tasks.size()];
  TaskOptionValues given;
  for (int n = bytes.whole(0, 3); n > 0; --n) {
    std::string name = "unknown";
    if (!entry.options.empty() && bytes.take<uint8_t>() < 240)
      name = entry.options[bytes.take<uint8_t>() % entry.options.size()].name;
    switch (bytes.take<uint8_t>() % 3) {
      case 0:
        given[name] = bool(bytes.take<uint8_t>() & 1);
        break;
      case 1:
        given[name] = bytes.number();
        break;
      default: {
        const double low = bytes.number();
        given[name] = Range{low, bytes.number()};
      }
    }
  }
  try {
    const EnvEntry made = entry.with(given);
    const auto env = made.make();
    std::vector<double> observation(size_t(made.spec.observation_size)),
        action(made.spec.discrete ? 1 : size_t(made.spec.action_size));
    Stream random(1, Purpose::evaluation_reset, 1);
    env->reset(random, observation.data());
    env->step(action.data(), observation.data());
  } catch (const std::exception&) {
  }
  return 0;
}
