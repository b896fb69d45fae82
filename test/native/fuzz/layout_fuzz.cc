// Shapes of networks as large as the binding accepts: no size overflows, and every tensor fits into its vector.
#include <cstdlib>
#include <stdexcept>

#include "bytes.h"
#include "layout.h"

using namespace gogepo;

static void inside(const std::vector<NamedTensor>& tensors, int64_t size) {
  int64_t end = 0;
  for (const NamedTensor& t : tensors) {
    if (t.offset != end || t.size < 1) std::abort();
    end += t.size;
  }
  if (end != size) std::abort();
}

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  Bytes bytes{data, size};
  const auto width = [&] { return bytes.take<uint8_t>() < 128 ? bytes.whole(1, 64) : bytes.whole(1, 1 << 20); };
  const auto widths = [&](int multiple) {
    std::vector<int> out;
    for (int n = bytes.whole(0, bytes.take<uint8_t>() < 200 ? 3 : 64); n > 0; --n)
      out.push_back(std::max(1, width() / multiple) * multiple);
    return out;
  };
  Architecture a;
  a.policy.observation_size = width();
  a.policy.action_size = width();
  a.slice_size = width();
  a.embedding_size = width();
  a.policy.hidden = widths(bytes.take<uint8_t>() < 240 && a.slice_size <= 1 << 19 ? a.slice_size : 1);
  a.generator_hidden = widths(1);
  a.output_scale = bytes.number();
  a.probing_states = width();
  a.critic_kind = bytes.take<uint8_t>() & 1 ? CriticKind::fingerprint : CriticKind::parameters;
  a.critic_hidden = widths(1);
  try {
    if (PolicyLayout(a.policy).size < 1) std::abort();
    const GeneratorLayout generator(a);
    inside(generator.tensors, generator.size);
    const CriticLayout critic(a);
    inside(critic.tensors, critic.size);
  } catch (const std::invalid_argument&) {
  }
  return 0;
}
