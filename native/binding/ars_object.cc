#include "ars_object.h"

#include <ATen/ops/empty.h>
#include <ATen/ops/isfinite.h>

#include <algorithm>
#include <cmath>

#include "arguments.h"
#include "policies_object.h"
#include "spec_arguments.h"

namespace gogepo {

constexpr int64_t most_elements = int64_t(1) << 28;  // of the deltas of one perturb: 2 GiB

Napi::Function ArsObject::define(Napi::Env env) {
  return define_class(env,
                      {getter<ArsObject, &ArsObject::size>("size"), method<ArsObject, &ArsObject::policy>("policy"),
                       method<ArsObject, &ArsObject::perturb>("perturb"), method<ArsObject, &ArsObject::step>("step"),
                       method<ArsObject, &ArsObject::state>("state"), method<ArsObject, &ArsObject::restore>("restore"),
                       method<ArsObject, &ArsObject::dispose>("dispose")});
}

ArsObject::ArsObject(const Napi::CallbackInfo& info) : Wrapped<ArsObject>(info) {
  guarded(Env(), [&] {
    const Options o(info[1], "Ars");
    policy_ = read_policy_spec(o.get("policy"), "policy");
    require_buildable(policy_, "Ars");
    const uint64_t seed = o.counter("seed");
    device_ = unwrap<DeviceObject>(info[0]).state();  // after the options: a getter may dispose of it
    ars_ = std::make_shared<Ars>(policy_, seed);
    napi_type_tag_object(Env(), info.This(), &tag);
  });
}

Ars& ArsObject::idle(const char* where) const {
  if (!ars_) throw Refused("ERR_DISPOSED", std::string(where) + ": this Ars has been disposed. Create a new one.");
  device_->refuse_busy(where, "this Ars");
  return *ars_;
}

Napi::Value ArsObject::size(const Napi::CallbackInfo& info) {
  return Napi::Number::New(info.Env(), double(PolicyLayout(policy_).size));
}

// policy() -> Policies: theta alone
Napi::Value ArsObject::policy(const Napi::CallbackInfo& info) {
  const Ars& ars = idle("policy");
  const InOrder in_order(*device_);
  const at::Tensor host = at::empty({1, ars.size()}, at::kFloat);
  std::copy(ars.theta().begin(), ars.theta().end(), host.mutable_data_ptr<float>());
  return PoliciesObject::make(info.Env(), device_, policy_, host.to(device_->device));
}

// perturb({ directions, noise, seed, firstDirection }) -> Promise<Policies> (2 * directions)
Napi::Value ArsObject::perturb(const Napi::CallbackInfo& info) {
  const Options o(info[0], "perturb");
  const int64_t directions = o.integer("directions", 1, 1 << 20);
  const double noise = o.number_from("noise", 0);
  const uint64_t seed = o.counter("seed"), first_direction = o.counter("firstDirection");
  const int64_t size = idle("perturb").size();  // after the options: a getter may dispose of this
  if (directions > most_elements / size)
    throw Refused("ERR_ARGUMENT", "perturb: expected at most " + std::to_string(most_elements / size) +
                                      " directions for policies of " + std::to_string(size) + " parameters, got " +
                                      std::to_string(directions) + ".");
  return run_async(
      info.Env(), device_->thread, "perturb",
      [device = device_, ars = ars_, directions, noise, seed, first_direction] {
        const at::Tensor host = at::empty({2 * directions, ars->size()}, at::kFloat);
        ars->perturb(directions, noise, seed, first_direction, host.mutable_data_ptr<float>(),
                     device->thread->stopping());
        if (!device->thread->stopping() && !host.isfinite().all().item<bool>())
          throw Refused("ERR_NOT_FINITE", "perturb: theta + noise * delta is not finite. Reduce noise.");
        return host.to(device->device);
      },
      [device = device_, policy = policy_](Napi::Env env, const at::Tensor& thetas) {
        return PoliciesObject::make(env, device, policy, thetas);
      });
}

// step(returns: Float64Array, leave: Uint8Array, { stepSize, topDirections }) -> Promise<{ returnStd, stepNorm }>
Napi::Value ArsObject::step(const Napi::CallbackInfo& info) {
  const Options o(info[2], "step");
  const double step_size = o.number("stepSize");
  const int64_t top_directions = o.integer("topDirections", 1);
  std::vector<double> returns = double_array(info[0], "returns");
  std::vector<uint8_t> leave = byte_array(info[1], "leave");
  const int64_t directions = idle("step").directions();  // after the options: a getter may dispose of this
  if (directions == 0)
    throw Refused("ERR_ARGUMENT",
                  "step: expected directions that were tried out, but there are none. Call perturb first.");
  if (top_directions > directions)
    throw Refused("ERR_ARGUMENT", "step: expected topDirections to be a whole number from 1 to " +
                                      std::to_string(directions) + ", the number of directions, got " +
                                      std::to_string(top_directions) + ".");
  if (int64_t(returns.size()) != 2 * directions || int64_t(leave.size()) != 2 * directions)
    throw Refused("ERR_SHAPE", "step: expected returns and leave to have " + std::to_string(2 * directions) +
                                   " elements each, got " + std::to_string(returns.size()) + " and " +
                                   std::to_string(leave.size()) + ".");
  for (size_t i = 0; i < returns.size(); ++i)
    if (!leave[i] && !std::isfinite(returns[i]))
      throw Refused("ERR_ARGUMENT", "step: expected finite returns, got " + std::to_string(returns[i]) +
                                        " as element " + std::to_string(i) + ". Mark diverged episodes in leave.");
  return run_async(
      info.Env(), device_->thread, "step",
      [ars = ars_, returns = std::move(returns), leave = std::move(leave), step_size, top_directions] {
        const ArsStep step = ars->step(returns.data(), leave.data(), step_size, top_directions);
        if (!step.finite)
          throw Refused("ERR_NOT_FINITE",
                        "step: theta would no longer be finite, so it was left unchanged. Reduce stepSize.");
        return step;
      },
      [](Napi::Env env, const ArsStep& step) {
        Napi::Object out = Napi::Object::New(env);
        out.Set("returnStd", step.return_std);
        out.Set("stepNorm", step.step_norm);
        return out;
      });
}

// state() -> { theta: Float64Array }
Napi::Value ArsObject::state(const Napi::CallbackInfo& info) {
  const std::vector<double>& theta = idle("state").theta();
  Napi::Object out = Napi::Object::New(info.Env());
  out.Set("theta", to_array(info.Env(), theta.data(), theta.size()));
  return out;
}

// restore({ theta: Float64Array })
Napi::Value ArsObject::restore(const Napi::CallbackInfo& info) {
  const Options o(info[0], "restore");
  std::vector<double> theta = double_array(o.get("theta"), "theta");
  Ars& ars = idle("restore");  // after the options: a getter may dispose of this
  if (int64_t(theta.size()) != ars.size())
    throw Refused("ERR_SHAPE", "restore: expected theta to have " + std::to_string(ars.size()) + " elements, got " +
                                   std::to_string(theta.size()) + ".");
  for (const double value : theta)
    if (!std::isfinite(value)) throw Refused("ERR_ARGUMENT", "restore: expected theta to be finite.");
  ars.restore(std::move(theta));
  return info.Env().Undefined();
}

Napi::Value ArsObject::dispose(const Napi::CallbackInfo& info) {
  ars_.reset();
  device_.reset();
  return info.Env().Undefined();
}

}  // namespace gogepo
