// One policy that is learned by ascending the critic (PSSVF).
#pragma once
#include <napi.h>

#include "addon.h"
#include "network_handle.h"

namespace gogepo {

// new LearnedPolicy(networks, { seed })
class LearnedPolicyObject : public Wrapped<LearnedPolicyObject> {
 public:
  static constexpr napi_type_tag tag{0x6f67e90e14, 0x14};
  static constexpr const char* name = "LearnedPolicy";
  static Napi::Function define(Napi::Env env);
  explicit LearnedPolicyObject(const Napi::CallbackInfo& info);

 private:
  Napi::Value perturb(const Napi::CallbackInfo& info);
  Napi::Value ascend(const Napi::CallbackInfo& info);
  Napi::Value state(const Napi::CallbackInfo& info);
  Napi::Value restore(const Napi::CallbackInfo& info);
  Napi::Value dispose(const Napi::CallbackInfo& info);
  NetworkHandle network_;
};

}  // namespace gogepo
