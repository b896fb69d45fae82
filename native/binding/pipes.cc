#include "pipes.h"

#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <vector>

#include "arguments.h"

namespace gogepo {
namespace {

constexpr uint32_t most_descriptors = 4096;
constexpr int longest_wait = 1000;  // milliseconds: JavaScript waits with us
constexpr size_t largest_read = 1 << 16;  // bytes

int whole(const Napi::Value& value, int most, const char* what) {
  const double number = value.IsNumber() ? value.ToNumber().DoubleValue() : -1;
  if (!(number >= 0 && number <= most) || number != double(int(number)))
    throw Refused("ERR_ARGUMENT", std::string("receive: expected ") + what + " to be a whole number from 0 to " +
                                      std::to_string(most) + ", got " + describe_value(value) + ".");
  return int(number);
}

}  // namespace

Napi::Value receive(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  if (!info[0].IsArray() || info[0].As<Napi::Array>().Length() > most_descriptors)
    throw Refused("ERR_ARGUMENT", "receive: expected a list of at most " + std::to_string(most_descriptors) +
                                      " descriptors, got " + describe_value(info[0]) + ".");
  const auto list = info[0].As<Napi::Array>();
  std::vector<pollfd> waiting(list.Length());
  for (uint32_t i = 0; i < waiting.size(); ++i) waiting[i] = {whole(list.Get(i), 1 << 30, "a descriptor"), POLLIN, 0};
  using Clock = std::chrono::steady_clock;
  const Clock::time_point end = Clock::now() + std::chrono::milliseconds(whole(info[1], longest_wait, "milliseconds"));

  Napi::Array out = Napi::Array::New(env, waiting.size());
  for (uint32_t i = 0; i < waiting.size(); ++i) out.Set(i, env.Null());
  static thread_local std::vector<uint8_t> buffer(largest_read);
  for (size_t left = waiting.size(); left > 0;) {
    const auto milliseconds = std::chrono::duration_cast<std::chrono::milliseconds>(end - Clock::now()).count();
    const int ready = poll(waiting.data(), waiting.size(), int(std::max<int64_t>(milliseconds, 0)));
    if (ready < 0 && errno == EINTR) break;  // a signal: JavaScript is to hear of it
    if (ready <= 0) break;
    for (uint32_t i = 0; i < waiting.size(); ++i) {
      if (waiting[i].fd < 0 || waiting[i].revents == 0) continue;
      // A negative descriptor is ignored by poll. What has hung up or failed is reported by Node's own stream.
      const int descriptor = waiting[i].fd;
      waiting[i].fd = -1;
      --left;
      const ssize_t count = (waiting[i].revents & POLLIN) ? read(descriptor, buffer.data(), buffer.size()) : 0;
      if (count <= 0) continue;
      auto bytes = new_array(env, "Uint8Array", size_t(count)).As<Napi::Uint8Array>();
      std::copy_n(buffer.data(), count, bytes.Data());
      out.Set(i, bytes);
    }
  }
  return out;
}

}  // namespace gogepo
