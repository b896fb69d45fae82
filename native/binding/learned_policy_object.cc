#include "learned_policy_object.h"

#include <ATen/core/grad_mode.h>
#include <ATen/ops/isfinite.h>

#include <cmath>

#include "arguments.h"
#include "critic_object.h"
#include "fit.h"
#include "host_memory.h"
#include "networks.h"
#include "policies_object.h"

namespace gogepo {

Napi::Function LearnedPolicyObject::define(Napi::Env env) {
  return define_class(env, {method<LearnedPolicyObject, &LearnedPolicyObject::perturb>("perturb"),
                            method<LearnedPolicyObject, &LearnedPolicyObject::ascend>("ascend"),
                            method<LearnedPolicyObject, &LearnedPolicyObject::state>("state"),
                            method<LearnedPolicyObject, &LearnedPolicyObject::restore>("restore"),
                            method<LearnedPolicyObject, &LearnedPolicyObject::dispose>("dispose")});
}

LearnedPolicyObject::LearnedPolicyObject(const Napi::CallbackInfo& info) : Wrapped<LearnedPolicyObject>(info) {
  guarded(Env(), [&] {
    const uint64_t seed = Options(info[1], "LearnedPolicy").counter("seed");
    const auto networks = unwrap<NetworksObject>(info[0]).state();
    const InOrder in_order(*networks->device);
    const PolicyLayout& layout = networks->backend->policy_layout;
    network_ = {networks, std::make_shared<Parameters>(initial_policy(layout, seed, networks->device->device)),
                nullptr};
    napi_type_tag_object(Env(), info.This(), &tag);
  });
}

// perturb({ noise, seed, episode }) -> Promise<Policies>: theta + noise * epsilon
Napi::Value LearnedPolicyObject::perturb(const Napi::CallbackInfo& info) {
  const Options o(info[0], "perturb");
  const double noise = o.number("noise");
  const uint64_t seed = o.counter("seed"), episode = o.counter("episode");
  const auto thread = network_.thread("perturb");
  return run_async(
      info.Env(), thread, "perturb",
      [parameters = network_.parameters, noise, seed, episode] {
        const at::Tensor thetas = add_noise(parameters->values.unsqueeze(0).clone(), noise, seed, episode);
        if (!thetas.isfinite().all().item<bool>())
          throw Refused("ERR_NOT_FINITE", "The perturbed theta" + not_finite(parameters->updates));
        return thetas;
      },
      [networks = network_.networks](Napi::Env env, const at::Tensor& thetas) {
        return PoliciesObject::make(env, networks->device, networks->backend->architecture.policy, thetas);
      });
}

// ascend(critic, { updates, learningRate }) -> Promise<Float32Array of V(theta) before each update>
Napi::Value LearnedPolicyObject::ascend(const Napi::CallbackInfo& info) {
  const Options o(info[1], "ascend");
  const int64_t updates = o.integer("updates", 0, 1 << 24);
  const double learning_rate = o.number("learningRate");
  const auto thread = network_.thread("ascend");
  const NetworkHandle& critic = unwrap<CriticObject>(info[0]).network();
  network_.require_same(critic.networks, "ascend", "the critic");
  return run_async(
      info.Env(), thread, "ascend",
      [networks = network_.networks, policy = network_.parameters, critic = critic.parameters, updates, learning_rate] {
        const at::NoGradGuard no_grad;
        const at::Tensor values = to_host(networks->backend->value_updates(
            *policy, critic->values, updates, learning_rate, networks->device->thread->stopping()));
        if (!values.isfinite().all().item<bool>() || !policy->values.isfinite().all().item<bool>())
          throw Refused("ERR_NOT_FINITE", "The policy or its predicted return" + not_finite(policy->updates));
        return values;
      },
      [](Napi::Env env, const at::Tensor& values) { return to_array(env, values); });
}

Napi::Value LearnedPolicyObject::state(const Napi::CallbackInfo& info) { return network_.state(info.Env()); }
Napi::Value LearnedPolicyObject::restore(const Napi::CallbackInfo& info) {
  network_.restore(info);
  return info.Env().Undefined();
}
Napi::Value LearnedPolicyObject::dispose(const Napi::CallbackInfo& info) {
  network_ = {};
  return info.Env().Undefined();
}

}  // namespace gogepo
