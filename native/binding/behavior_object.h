// UDRL's behavior function on a device's thread. It computes on the CPU, whatever the device is.
#pragma once
#include <napi.h>

#include <memory>
#include <vector>

#include "addon.h"
#include "device_object.h"
#include "udrl.h"

namespace gogepo {

// Throws unless these are actions of such a policy: finite or, if it is discrete, numbers of choices.
void require_actions(const std::vector<float>& actions, const PolicySpec& policy, const char* where);

// What a job needs, whatever JavaScript disposes meanwhile.
struct BehaviorState {
  Behavior behavior;
  std::unique_ptr<BehaviorBackend> backend;
};

// new Behavior(device, { policy, backend, seed })
class BehaviorObject : public Wrapped<BehaviorObject> {
 public:
  static constexpr napi_type_tag tag{0x6f67e90e23, 0x23};
  static constexpr const char* name = "Behavior";
  static Napi::Function define(Napi::Env env);
  explicit BehaviorObject(const Napi::CallbackInfo& info);

 private:
  Napi::Value tensors(const Napi::CallbackInfo& info);
  Napi::Value policies(const Napi::CallbackInfo& info);
  Napi::Value fit(const Napi::CallbackInfo& info);
  Napi::Value update(const Napi::CallbackInfo& info);
  Napi::Value state(const Napi::CallbackInfo& info);
  Napi::Value restore(const Napi::CallbackInfo& info);
  Napi::Value dispose(const Napi::CallbackInfo& info);
  const std::shared_ptr<BehaviorState>& held(const char* where) const;  // throws if disposed
  Behavior& idle(const char* where) const;                              // or while a job is running

  std::shared_ptr<DeviceState> device_;
  std::shared_ptr<BehaviorState> state_;
};

}  // namespace gogepo
