// Runs policies on a native task, on a thread pool.
#pragma once
#include <napi.h>

#include <memory>

#include "addon.h"
#include "rollout.h"

namespace gogepo {

// new Rollout({ policy, env, options, threads })
class RolloutObject : public Wrapped<RolloutObject> {
 public:
  static constexpr napi_type_tag tag{0x6f67e90e06, 0x6};
  static constexpr const char* name = "Rollout";
  static Napi::Function define(Napi::Env env);
  explicit RolloutObject(const Napi::CallbackInfo& info);

 private:
  Napi::Value run(const Napi::CallbackInfo& info);
  Napi::Value dispose(const Napi::CallbackInfo& info);

  PolicySpec policy_;
  std::shared_ptr<Rollout> rollout_;
  std::shared_ptr<JobThread> thread_;
};

}  // namespace gogepo
