// The generator G_rho.
#pragma once
#include <napi.h>

#include "addon.h"
#include "network_handle.h"

namespace gogepo {

// new Generator(networks, { seed })
class GeneratorObject : public Wrapped<GeneratorObject> {
 public:
  static constexpr napi_type_tag tag{0x6f67e90e03, 0x3};
  static constexpr const char* name = "Generator";
  static Napi::Function define(Napi::Env env);
  explicit GeneratorObject(const Napi::CallbackInfo& info);
  const NetworkHandle& network() const { return network_; }

 private:
  Napi::Value generate(const Napi::CallbackInfo& info);
  Napi::Value fit(const Napi::CallbackInfo& info);
  Napi::Value update(const Napi::CallbackInfo& info);
  Napi::Value tensors(const Napi::CallbackInfo& info);
  Napi::Value state(const Napi::CallbackInfo& info);
  Napi::Value restore(const Napi::CallbackInfo& info);
  Napi::Value dispose(const Napi::CallbackInfo& info);
  NetworkHandle network_;
};

}  // namespace gogepo
