#include <ATen/core/grad_mode.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/from_blob.h>

#include "arguments.h"
#include "host_memory.h"
#include "learner_objects.h"
#include "policy.h"

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
    if (info.Length() == 0) return;  // made by generate(), which fills it
    state_ = unwrap<EngineObject>(info[0]).state();
    std::vector<float> thetas = float_array(info[1], "thetas");
    const int64_t size = state_->engine->policy_layout.size;
    if (thetas.empty() || int64_t(thetas.size()) % size != 0)
      throw Refused("ERR_SHAPE", "Policies: expected a multiple of " + std::to_string(size) +
                                     " numbers, the size of one policy, got " + std::to_string(thetas.size()) + ".");
    const InOrder in_order(*state_);
    hold(at::from_blob(thetas.data(), {int64_t(thetas.size()) / size, size}, at::kFloat)
             .to(state_->engine->device(), at::kFloat, false, true));
  });
}

PoliciesObject::~PoliciesObject() { release(); }

Napi::Value PoliciesObject::make(Napi::Env env, const std::shared_ptr<EngineState>& state, const at::Tensor& thetas) {
  const Napi::Object object = addon_data(env).policies.New({});
  PoliciesObject& policies = unwrap<PoliciesObject>(object);
  policies.state_ = state;
  policies.hold(thetas);
  return object;
}

void PoliciesObject::hold(const at::Tensor& thetas) {
  thetas_ = thetas;
  told_ = thetas.is_cpu() ? int64_t(thetas.nbytes()) : 0;
  Napi::MemoryManagement::AdjustExternalMemory(Env(), told_);
}

void PoliciesObject::release() {
  if (told_ != 0) Napi::MemoryManagement::AdjustExternalMemory(Env(), -told_);
  told_ = 0;
  thetas_.reset();
  state_.reset();
}

const at::Tensor& PoliciesObject::thetas() const {
  if (!state_) throw Refused("ERR_DISPOSED", "These policies have been disposed. Generate them again.");
  return thetas_;
}

Napi::Value PoliciesObject::count(const Napi::CallbackInfo& info) {
  return Napi::Number::New(info.Env(), double(thetas().size(0)));
}

Napi::Value PoliciesObject::to_array(const Napi::CallbackInfo& info) {
  const at::Tensor& own = thetas();
  const InOrder in_order(*state_);
  const at::Tensor host = to_host(own);
  return gogepo::to_array(info.Env(), host.const_data_ptr<float>(), size_t(host.numel()));
}

// actions(states): Float32Array of (N, O) -> Promise of (n, N, A)
Napi::Value PoliciesObject::actions(const Napi::CallbackInfo& info) {
  std::vector<float> states = float_array(info[0], "states");
  const at::Tensor batch = thetas();
  const auto engine = state_;
  const int64_t observation_size = engine->engine->architecture.observation_size;
  if (states.empty() || int64_t(states.size()) % observation_size != 0)
    throw Refused("ERR_SHAPE", "actions: expected a multiple of " + std::to_string(observation_size) +
                                   " numbers, the size of one observation, got " + std::to_string(states.size()) + ".");
  return run_async(
      info.Env(), engine->thread, "actions",
      [engine, batch, observation_size, states = std::move(states)]() mutable {
        const at::NoGradGuard no_grad;
        const Engine& e = *engine->engine;
        const at::Tensor input =
            at::from_blob(states.data(), {int64_t(states.size()) / observation_size, observation_size}, at::kFloat)
                .to(e.device());
        return policy_actions(unflatten(batch, e.policy_layout), input, e.architecture.action).cpu().contiguous();
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
