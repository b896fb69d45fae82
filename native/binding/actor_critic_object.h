// Actor and critics of DDPG, TD3 and SAC on a device's thread. They compute on the CPU, whatever the device is.
#pragma once
#include <napi.h>

#include <memory>

#include "actor_critic.h"
#include "addon.h"
#include "device_object.h"
#include "transition_buffer_object.h"

namespace gogepo {

// What a job needs, whatever JavaScript disposes meanwhile.
struct ActorCriticState {
  ActorCritic networks;
  std::unique_ptr<ActorCriticBackend> backend;
};

// new ActorCritic(device, { policy, criticHidden, critics, backend, seed })
class ActorCriticObject : public Wrapped<ActorCriticObject> {
 public:
  static constexpr napi_type_tag tag{0x6f67e90e21, 0x21};
  static constexpr const char* name = "ActorCritic";
  static Napi::Function define(Napi::Env env);
  explicit ActorCriticObject(const Napi::CallbackInfo& info);

 private:
  Napi::Value tensors(const Napi::CallbackInfo& info);
  Napi::Value policy(const Napi::CallbackInfo& info);
  Napi::Value fit_td3(const Napi::CallbackInfo& info);
  Napi::Value fit_sac(const Napi::CallbackInfo& info);
  Napi::Value update_td3(const Napi::CallbackInfo& info);
  Napi::Value update_sac(const Napi::CallbackInfo& info);
  Napi::Value state(const Napi::CallbackInfo& info);
  Napi::Value restore(const Napi::CallbackInfo& info);
  Napi::Value dispose(const Napi::CallbackInfo& info);
  const std::shared_ptr<ActorCriticState>& held(const char* where) const;  // throws if disposed
  ActorCritic& idle(const char* where) const;                              // or while a job is running
  void require_output(PolicyOutput output, const char* where) const;
  std::shared_ptr<TransitionBuffer> filled(const Napi::Value& value, const char* where) const;

  std::shared_ptr<DeviceState> device_;
  std::shared_ptr<ActorCriticState> state_;
};

}  // namespace gogepo
