#include "policies_object.h"

#include <ATen/core/grad_mode.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/from_blob.h>

#include "arguments.h"
#include "host_memory.h"
#include "policy_tensors.h"
#include "spec_arguments.h"

namespace gogepo {

Napi::Function PoliciesObject::define(Napi::Env env) {
  return define_class(env, {getter<PoliciesObject, &PoliciesObject::count>("count"),
                            method<PoliciesObject, &PoliciesObject::to_array>("toArray"),
                            method<PoliciesObject, &PoliciesObject::actions>("actions"),
                            method<PoliciesObject, &PoliciesObject::dispose>("dispose")});
}

PoliciesObject::PoliciesObject(const Napi::CallbackInfo& info) : Wrapped<PoliciesObject>(info) {
  guarded(Env(), [&] {
    napi_type_tag_object(Env(), info.This(), &tag);
    if (info.Length() == 0) return;  // created by make(), which fills it
    const PolicySpec spec = read_policy_spec(info[1], "Policies");
    std::vector<float> thetas = float_array(info[2], "thetas");
    const int64_t size = PolicyLayout(spec).size;
    if (thetas.empty() || int64_t(thetas.size()) % size != 0)
      throw Refused("ERR_SHAPE", "Policies: expected a multiple of " + std::to_string(size) +
                                     " parameters, the size of one policy, got " + std::to_string(thetas.size()) + ".");
    const auto device = unwrap<DeviceObject>(info[0]).state();  // after the spec: a getter may dispose of it
    const InOrder in_order(*device);
    hold(device, spec,
         at::from_blob(thetas.data(), {int64_t(thetas.size()) / size, size}, at::kFloat)
             .to(device->device, at::kFloat, false, true));
  });
}

PoliciesObject::~PoliciesObject() { release(); }

Napi::Value PoliciesObject::make(Napi::Env env, const std::shared_ptr<DeviceState>& device, const PolicySpec& spec,
                                 const at::Tensor& thetas) {
  const Napi::Object object = addon_data(env).policies.New({});
  unwrap<PoliciesObject>(object).hold(device, spec, thetas);
  return object;
}

void PoliciesObject::hold(const std::shared_ptr<DeviceState>& device, const PolicySpec& spec,
                          const at::Tensor& thetas) {
  device_ = device;
  spec_ = spec;
  thetas_ = thetas;
  reported_ = thetas.is_cpu() ? int64_t(thetas.nbytes()) : 0;
  Napi::MemoryManagement::AdjustExternalMemory(Env(), reported_);
}

void PoliciesObject::release() {
  if (reported_ != 0) Napi::MemoryManagement::AdjustExternalMemory(Env(), -reported_);
  reported_ = 0;
  thetas_.reset();
  device_.reset();
}

const at::Tensor& PoliciesObject::thetas() const {
  if (!device_) throw Refused("ERR_DISPOSED", "These policies have been disposed. Create them again.");
  return thetas_;
}

const at::Tensor& PoliciesObject::thetas_for(const PolicySpec& spec, const char* where) const {
  const at::Tensor& own = thetas();
  if (spec_ == spec) return own;
  const int64_t size = PolicyLayout(spec).size;
  if (own.size(1) != size)
    throw Refused("ERR_SHAPE", std::string(where) + ": expected policies of " + std::to_string(size) +
                                   " parameters, got policies of " + std::to_string(own.size(1)) + ".");
  throw Refused("ERR_ARGUMENT",
                std::string(where) +
                    ": expected policies with the same spec, got policies whose sizes, bounds, activation, output or "
                    "command differ.");
}

at::Tensor PoliciesObject::host_thetas_for(const PolicySpec& spec, const char* where) const {
  const at::Tensor& own = thetas_for(spec, where);
  const InOrder in_order(*device_);
  return to_host(own);
}

Napi::Value PoliciesObject::count(const Napi::CallbackInfo& info) {
  return Napi::Number::New(info.Env(), double(thetas().size(0)));
}

Napi::Value PoliciesObject::to_array(const Napi::CallbackInfo& info) {
  const at::Tensor host = host_thetas_for(spec_, "toArray");
  return gogepo::to_array(info.Env(), host.const_data_ptr<float>(), size_t(host.numel()));
}

// actions(states: Float32Array (N, O)) -> Promise<Float32Array (n, N, A)>
Napi::Value PoliciesObject::actions(const Napi::CallbackInfo& info) {
  std::vector<float> states = float_array(info[0], "states");
  const at::Tensor batch = thetas();
  if (spec_.command)
    throw Refused("ERR_ARGUMENT", "actions: expected policies that act on observations alone, got commanded ones.");
  const int64_t observation_size = spec_.observation_size;
  if (states.empty() || int64_t(states.size()) % observation_size != 0)
    throw Refused("ERR_SHAPE", "actions: expected a multiple of " + std::to_string(observation_size) +
                                   " elements, the size of one observation, got " + std::to_string(states.size()) +
                                   ".");
  return run_async(
      info.Env(), device_->thread, "actions",
      [batch, spec = spec_, states = std::move(states)]() mutable {
        const at::NoGradGuard no_grad;
        const at::Tensor input =
            at::from_blob(states.data(),
                          {int64_t(states.size()) / spec.observation_size, int64_t(spec.observation_size)}, at::kFloat)
                .to(batch.device());
        return policy_actions(unflatten(batch, PolicyLayout(spec)), input, spec).cpu().contiguous();
      },
      [](Napi::Env env, const at::Tensor& out) {
        return gogepo::to_array(env, out.const_data_ptr<float>(), size_t(out.numel()));
      });
}

Napi::Value PoliciesObject::dispose(const Napi::CallbackInfo& info) {
  release();
  return info.Env().Undefined();
}

}  // namespace gogepo
