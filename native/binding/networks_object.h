// GoGePo's update backend for one architecture on one device.
#pragma once
#include <napi.h>

#include <memory>

#include "addon.h"
#include "backend.h"
#include "device_object.h"

namespace gogepo {

// Shared by the networks' generators, critics and replay buffers.
struct NetworksState {
  std::shared_ptr<DeviceState> device;
  std::unique_ptr<Backend> backend;
  bool disposed = false;  // read and written only by the JavaScript thread

  void check(const char* where) const;  // throws if disposed
};

// The end of the message for ERR_NOT_FINITE.
inline std::string not_finite(int64_t updates) {
  return " is not finite after " + std::to_string(updates) + " updates.";
}

// new Networks(device, { architecture, backend })
class NetworksObject : public Wrapped<NetworksObject> {
 public:
  static constexpr napi_type_tag tag{0x6f67e90e09, 0x9};
  static constexpr const char* name = "Networks";
  static Napi::Function define(Napi::Env env);
  explicit NetworksObject(const Napi::CallbackInfo& info);
  const std::shared_ptr<NetworksState>& state() const;  // throws if disposed

 private:
  Napi::Value sizes(const Napi::CallbackInfo& info);
  Napi::Value fit(const Napi::CallbackInfo& info);
  Napi::Value dispose(const Napi::CallbackInfo& info);
  std::shared_ptr<NetworksState> state_;
};

}  // namespace gogepo
