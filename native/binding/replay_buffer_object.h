// D: the stored pairs (theta, r).
#pragma once
#include <napi.h>

#include <memory>

#include "addon.h"
#include "networks_object.h"
#include "replay_buffer.h"

namespace gogepo {

// new ReplayBuffer(networks, { capacity, recencyExponent, balancedShare?, buckets?, pinned })
class ReplayBufferObject : public Wrapped<ReplayBufferObject> {
 public:
  static constexpr napi_type_tag tag{0x6f67e90e05, 0x5};
  static constexpr const char* name = "ReplayBuffer";
  static Napi::Function define(Napi::Env env);
  explicit ReplayBufferObject(const Napi::CallbackInfo& info);
  const std::shared_ptr<ReplayBuffer>& buffer() const;  // throws if disposed
  const std::shared_ptr<NetworksState>& networks() const { return networks_; }

 private:
  Napi::Value push(const Napi::CallbackInfo& info);
  Napi::Value rows(const Napi::CallbackInfo& info);
  Napi::Value draw(const Napi::CallbackInfo& info);
  Napi::Value clear(const Napi::CallbackInfo& info);
  Napi::Value count(const Napi::CallbackInfo& info);
  Napi::Value pushed(const Napi::CallbackInfo& info);
  Napi::Value bytes(const Napi::CallbackInfo& info);
  Napi::Value dispose(const Napi::CallbackInfo& info);
  std::shared_ptr<NetworksState> networks_;
  std::shared_ptr<ReplayBuffer> buffer_;
};

}  // namespace gogepo
