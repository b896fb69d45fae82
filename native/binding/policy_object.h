// One policy on the calling thread, outside of any task.
#pragma once
#include <napi.h>

#include <memory>

#include "actor.h"
#include "addon.h"

namespace gogepo {

// new Policy({ spec, observationMean, observationStd }), then load(theta)
class PolicyObject : public Wrapped<PolicyObject> {
 public:
  static constexpr napi_type_tag tag{0x6f67e90e07, 0x7};
  static constexpr const char* name = "Policy";
  static Napi::Function define(Napi::Env env);
  explicit PolicyObject(const Napi::CallbackInfo& info);
  ~PolicyObject() override;

 private:
  Napi::Value tensors(const Napi::CallbackInfo& info);
  Napi::Value load(const Napi::CallbackInfo& info);
  Napi::Value act(const Napi::CallbackInfo& info);
  Napi::Value dispose(const Napi::CallbackInfo& info);
  void release();
  MlpActor& actor() const;  // throws if disposed

  PolicyLayout layout_;
  std::vector<double> mean_, divisor_;  // (O)
  std::vector<float> normalized_;       // (O)
  size_t action_width_ = 0;             // A, or 1 if discrete
  std::unique_ptr<MlpActor> actor_;
  int64_t reported_ = 0;  // bytes of external memory reported to V8
};

}  // namespace gogepo
