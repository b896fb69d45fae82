// One policy that JavaScript keeps and asks for actions, outside of any task.
#pragma once
#include <napi.h>

#include <memory>

#include "addon.h"
#include "policy_runner.h"

namespace gogepo {

// new Policy({ sizes, discrete, actionCenter, actionScale, observationMean, observationStd }), then load(theta).
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
  PolicyRunner& runner() const;

  PolicyLayout layout_;
  std::vector<double> mean_, divisor_;  // (O)
  std::vector<float> normalized_;       // (O)
  size_t action_size_ = 0;              // numbers that act gives: 1 where the task is discrete
  std::unique_ptr<PolicyRunner> runner_;
  int64_t told_ = 0;  // bytes V8 has been told of
};

// observationStd({ count, mean, m2 }): Float64Array (O), what deviations from the mean are divided by
Napi::Value observation_std(const Napi::CallbackInfo& info);

}  // namespace gogepo
