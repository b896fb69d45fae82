#include "critic_object.h"

#include <ATen/core/grad_mode.h>
#include <ATen/ops/empty_like.h>

#include "arguments.h"
#include "networks.h"
#include "policies_object.h"
#include "regression.h"

namespace gogepo {

Napi::Function CriticObject::define(Napi::Env env) {
  return define_class(
      env,
      {method<CriticObject, &CriticObject::value>("value"),
       method<CriticObject, &CriticObject::fingerprint>("fingerprint"), method<CriticObject, &CriticObject::fit>("fit"),
       method<CriticObject, &CriticObject::update>("update"), getter<CriticObject, &CriticObject::tensors>("tensors"),
       method<CriticObject, &CriticObject::state>("state"), method<CriticObject, &CriticObject::restore>("restore"),
       method<CriticObject, &CriticObject::dispose>("dispose")});
}

CriticObject::CriticObject(const Napi::CallbackInfo& info) : Wrapped<CriticObject>(info) {
  guarded(Env(), [&] {
    const uint64_t seed = Options(info[1], "Critic").counter("seed");
    const auto networks = unwrap<NetworksObject>(info[0]).state();
    const InOrder in_order(*networks->device);
    const CriticLayout& layout = networks->backend->critic_layout;
    network_ = {networks, std::make_shared<Parameters>(initial_critic(layout, seed, networks->device->device)),
                &layout.tensors};
    napi_type_tag_object(Env(), info.This(), &tag);
  });
}

at::Tensor CriticObject::thetas(const Napi::Value& policies, const char* where) const {
  return unwrap<PoliciesObject>(policies).thetas_for(network_.networks->backend->architecture.policy, where);
}

// value(policies) -> Promise<Float32Array (n)>
Napi::Value CriticObject::value(const Napi::CallbackInfo& info) {
  const auto thread = network_.thread("value");
  const at::Tensor thetas = this->thetas(info[0], "value");
  return run_async(
      info.Env(), thread, "value",
      [networks = network_.networks, w = network_.parameters, thetas] {
        Backend& backend = *networks->backend;
        return backend.value(w->values, thetas.to(backend.device()).unbind(0)).cpu();
      },
      [](Napi::Env env, const at::Tensor& values) { return to_array(env, values); });
}

// fingerprint(policies) -> Promise<Float32Array (n, N*A)>
Napi::Value CriticObject::fingerprint(const Napi::CallbackInfo& info) {
  const auto thread = network_.thread("fingerprint");
  if (network_.networks->backend->architecture.critic_kind != CriticKind::fingerprint)
    throw Refused("ERR_ARGUMENT", "fingerprint: this critic reads the policy's parameters and has no probing states.");
  const at::Tensor thetas = this->thetas(info[0], "fingerprint");
  return run_async(
      info.Env(), thread, "fingerprint",
      [networks = network_.networks, w = network_.parameters, thetas] {
        const at::NoGradGuard no_grad;
        const Backend& backend = *networks->backend;
        const CriticLayout& layout = backend.critic_layout;
        return gogepo::fingerprint(unflatten(thetas.to(backend.device()), backend.policy_layout),
                                   NamedViews(w->values, layout.tensors, false), layout, backend.architecture)
            .cpu();
      },
      [](Napi::Env env, const at::Tensor& out) { return to_array(env, out); });
}

// update(policies, returns: Float32Array, { learningRate }) -> Promise<{ loss, gradient }>
Napi::Value CriticObject::update(const Napi::CallbackInfo& info) {
  std::vector<float> returns = float_array(info[1], "returns");
  const double learning_rate = Options(info[2], "update").number("learningRate");
  const auto thread = network_.thread("update");
  const at::Tensor thetas = this->thetas(info[0], "update");
  if (int64_t(returns.size()) != thetas.size(0))
    throw Refused("ERR_SHAPE", "update: expected one return for each of " + std::to_string(thetas.size(0)) +
                                   " policies, got " + std::to_string(returns.size()) + ".");
  return run_async(
      info.Env(), thread, "update",
      [networks = network_.networks, critic = network_.parameters, thetas, returns = std::move(returns),
       learning_rate] {
        Backend& backend = *networks->backend;
        at::Tensor gradient = at::empty_like(critic->values);
        const at::Tensor loss = backend.critic_gradient(critic->values, thetas.to(backend.device()).unbind(0),
                                                        device_vector(returns, gradient.device()), gradient);
        backend.adam(*critic, gradient, learning_rate);
        return Update{loss.item().toDouble(), gradient};
      },
      [](Napi::Env env, const Update& update) { return to_javascript(env, update); });
}

// fit(buffer, { updates, batchSize, learningRate, seed }) -> Promise<{ losses, seconds: { draw, update } }>
Napi::Value CriticObject::fit(const Napi::CallbackInfo& info) {
  return run_regression(info, network_, fit_critic, "critic");
}

Napi::Value CriticObject::tensors(const Napi::CallbackInfo& info) { return network_.names(info.Env()); }
Napi::Value CriticObject::state(const Napi::CallbackInfo& info) { return network_.state(info.Env()); }
Napi::Value CriticObject::restore(const Napi::CallbackInfo& info) {
  network_.restore(info);
  return info.Env().Undefined();
}
Napi::Value CriticObject::dispose(const Napi::CallbackInfo& info) {
  network_ = {};
  return info.Env().Undefined();
}

}  // namespace gogepo
