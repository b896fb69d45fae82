// Replays recordings with arbitrary steps, resets, states and actions, for any task.
#include <stdexcept>

#include "bytes.h"
#include "replay.h"

using namespace gogepo;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  Bytes bytes{data, size};
  const auto& tasks = env_registry();
  const EnvEntry& entry = tasks[bytes.take<uint8_t>() % tasks.size()];
  const int64_t steps = bytes.whole(0, 4), episodes = bytes.whole(0, 3);
  const size_t action_size = entry.spec.discrete ? 1 : size_t(entry.spec.action_size),
               state_size = size_t(entry.make()->state_size());
  std::vector<int64_t> resets;
  for (int64_t e = 0; e < episodes; ++e) resets.push_back(bytes.take<uint8_t>() < 200 ? e : bytes.take<int64_t>());
  std::vector<double> states(size_t(episodes) * state_size), actions(size_t(steps) * action_size);
  for (double& number : states) number = bytes.number();
  for (double& number : actions) number = bytes.number();
  try {
    replay(entry, {steps, actions.data(), episodes, resets.data(), states.data()});
  } catch (const std::exception&) {  // refused, or an error of the simulator: neither may end the process
  }
  return 0;
}
