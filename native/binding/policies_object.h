// theta of a batch of policies, (n, |theta|), on a device.
#pragma once
#include <ATen/core/Tensor.h>
#include <napi.h>

#include <memory>

#include "addon.h"
#include "device_object.h"
#include "layout.h"

namespace gogepo {

// new Policies(device, spec, thetas: Float32Array)
class PoliciesObject : public Wrapped<PoliciesObject> {
 public:
  static constexpr napi_type_tag tag{0x6f67e90e02, 0x2};
  static constexpr const char* name = "Policies";
  static Napi::Function define(Napi::Env env);
  explicit PoliciesObject(const Napi::CallbackInfo& info);
  ~PoliciesObject() override;
  static Napi::Value make(Napi::Env env, const std::shared_ptr<DeviceState>& device, const PolicySpec& spec,
                          const at::Tensor& thetas);
  const at::Tensor& thetas_for(const PolicySpec& spec, const char* where) const;  // throws if they have another spec
  at::Tensor host_thetas_for(const PolicySpec& spec, const char* where) const;    // the same, in host memory
  const std::shared_ptr<DeviceState>& device() const { return device_; }

 private:
  Napi::Value count(const Napi::CallbackInfo& info);
  Napi::Value to_array(const Napi::CallbackInfo& info);
  Napi::Value actions(const Napi::CallbackInfo& info);
  Napi::Value dispose(const Napi::CallbackInfo& info);
  const at::Tensor& thetas() const;  // throws if disposed
  void hold(const std::shared_ptr<DeviceState>& device, const PolicySpec& spec, const at::Tensor& thetas);
  void release();

  std::shared_ptr<DeviceState> device_;
  PolicySpec spec_;
  at::Tensor thetas_;
  int64_t reported_ = 0;  // bytes of external memory reported to V8
};

}  // namespace gogepo
