// Augmented Random Search on a device's thread.
#pragma once
#include <napi.h>

#include <memory>

#include "addon.h"
#include "ars.h"
#include "device_object.h"

namespace gogepo {

// new Ars(device, { policy, seed })
class ArsObject : public Wrapped<ArsObject> {
 public:
  static constexpr napi_type_tag tag{0x6f67e90e0a, 0xa};
  static constexpr const char* name = "Ars";
  static Napi::Function define(Napi::Env env);
  explicit ArsObject(const Napi::CallbackInfo& info);

 private:
  Napi::Value size(const Napi::CallbackInfo& info);
  Napi::Value policy(const Napi::CallbackInfo& info);
  Napi::Value perturb(const Napi::CallbackInfo& info);
  Napi::Value step(const Napi::CallbackInfo& info);
  Napi::Value state(const Napi::CallbackInfo& info);
  Napi::Value restore(const Napi::CallbackInfo& info);
  Napi::Value dispose(const Napi::CallbackInfo& info);
  Ars& idle(const char* where) const;  // throws if disposed or while a job is running

  std::shared_ptr<DeviceState> device_;
  PolicySpec policy_;
  std::shared_ptr<Ars> ars_;
};

}  // namespace gogepo
