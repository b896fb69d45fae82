// The critic V_w.
#pragma once
#include <napi.h>

#include "addon.h"
#include "network_handle.h"

namespace gogepo {

// new Critic(networks, { seed })
class CriticObject : public Wrapped<CriticObject> {
 public:
  static constexpr napi_type_tag tag{0x6f67e90e04, 0x4};
  static constexpr const char* name = "Critic";
  static Napi::Function define(Napi::Env env);
  explicit CriticObject(const Napi::CallbackInfo& info);
  const NetworkHandle& network() const { return network_; }

 private:
  at::Tensor thetas(const Napi::Value& policies, const char* where) const;  // throws if they have another spec
  Napi::Value value(const Napi::CallbackInfo& info);
  Napi::Value fingerprint(const Napi::CallbackInfo& info);
  Napi::Value fit(const Napi::CallbackInfo& info);
  Napi::Value update(const Napi::CallbackInfo& info);
  Napi::Value tensors(const Napi::CallbackInfo& info);
  Napi::Value state(const Napi::CallbackInfo& info);
  Napi::Value restore(const Napi::CallbackInfo& info);
  Napi::Value dispose(const Napi::CallbackInfo& info);
  NetworkHandle network_;
};

}  // namespace gogepo
