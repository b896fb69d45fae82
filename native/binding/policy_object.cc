#include "policy_object.h"

#include <cmath>

#include "arguments.h"
#include "observation_normalizer.h"
#include "shown.h"
#include "spec_arguments.h"

namespace gogepo {
namespace {

// The memory of a typed array, without a copy.
template <class T, napi_typedarray_type type>
Napi::TypedArrayOf<T> typed(const Napi::Value& value, const char* what, const char* expected) {
  if (!value.IsTypedArray() || value.As<Napi::TypedArray>().TypedArrayType() != type)
    throw Refused("ERR_ARGUMENT", std::string("act: expected ") + what + " to be a " + expected + ", got " +
                                      describe_value(value) + ".");
  return value.As<Napi::TypedArrayOf<T>>();
}

}  // namespace

Napi::Function PolicyObject::define(Napi::Env env) {
  return define_class(
      env, {getter<PolicyObject, &PolicyObject::tensors>("tensors"), method<PolicyObject, &PolicyObject::load>("load"),
            method<PolicyObject, &PolicyObject::act>("act"), method<PolicyObject, &PolicyObject::dispose>("dispose")});
}

PolicyObject::PolicyObject(const Napi::CallbackInfo& info) : Wrapped<PolicyObject>(info) {
  guarded(Env(), [&] {
    const Options o(info[0], "Policy");
    const PolicySpec spec = read_policy_spec(o.get("spec"), "Policy");
    require_buildable(spec, "Policy");
    if (spec.command)
      throw Refused("ERR_ARGUMENT", "Policy: expected a policy that acts on observations alone, got a commanded one.");
    layout_ = PolicyLayout(spec);
    const size_t size = size_t(spec.observation_size);
    mean_ = double_array(o.get("observationMean"), "observationMean");
    divisor_ = double_array(o.get("observationStd"), "observationStd");
    if (mean_.size() != size || divisor_.size() != size)
      throw Refused("ERR_SHAPE", "Policy: expected observationMean and observationStd to have " + std::to_string(size) +
                                     " elements each, got " + std::to_string(mean_.size()) + " and " +
                                     std::to_string(divisor_.size()) + ".");
    normalized_.resize(size);
    action_width_ = size_t(action_width(spec));
    actor_ = std::make_unique<MlpActor>(spec);
    reported_ = layout_.size * int64_t(sizeof(float));
    Napi::MemoryManagement::AdjustExternalMemory(Env(), reported_);
    napi_type_tag_object(Env(), info.This(), &tag);
  });
}

PolicyObject::~PolicyObject() { release(); }

void PolicyObject::release() {
  if (reported_ != 0) Napi::MemoryManagement::AdjustExternalMemory(Env(), -reported_);
  reported_ = 0;
  actor_.reset();
}

MlpActor& PolicyObject::actor() const {
  if (!actor_) throw Refused("ERR_DISPOSED", "This policy has been disposed. Get it from the run, or load it, again.");
  return *actor_;
}

// Where each layer's weight (out, in) and bias (out) are in theta.
Napi::Value PolicyObject::tensors(const Napi::CallbackInfo& info) {
  std::vector<NamedTensor> tensors;
  for (size_t i = 0; i < layout_.layers.size(); ++i) {
    const PolicyLayer& layer = layout_.layers[i];
    const std::string prefix = "layers." + std::to_string(i);
    const int64_t out = layer.out, in = layer.in;
    tensors.push_back({prefix + ".weight", {out, in}, layer.weight, out * in});
    if (layout_.has_bias) tensors.push_back({prefix + ".bias", {out}, layer.bias, out});
  }
  return to_javascript(info.Env(), tensors);
}

Napi::Value PolicyObject::load(const Napi::CallbackInfo& info) {
  MlpActor& own = actor();
  const std::vector<float> theta = float_array(info[0], "theta");
  if (int64_t(theta.size()) != layout_.size)
    throw Refused("ERR_SHAPE", "load: expected " + std::to_string(layout_.size) + " parameters, got " +
                                   std::to_string(theta.size()) + ".");
  own.load(theta.data());
  return info.Env().Undefined();
}

// act(observations: Float64Array (n, O), actions: Float32Array (n, A)): fills actions
Napi::Value PolicyObject::act(const Napi::CallbackInfo& info) {
  MlpActor& own = actor();
  const auto observations = typed<double, napi_float64_array>(info[0], "observations", "Float64Array");
  auto actions = typed<float, napi_float32_array>(info[1], "actions", "Float32Array");
  const size_t size = mean_.size(), count = observations.ElementLength() / size;
  if (observations.ElementLength() != count * size)
    throw Refused("ERR_SHAPE", "act: expected observations of " + std::to_string(size) + " elements each, got " +
                                   std::to_string(observations.ElementLength()) + " elements.");
  if (actions.ElementLength() != count * action_width_)
    throw Refused("ERR_SHAPE", "act: expected actions to have " + std::to_string(count * action_width_) +
                                   " elements, got " + std::to_string(actions.ElementLength()) + ".");
  const double* observation = observations.Data();
  float* action = actions.Data();
  for (size_t n = 0; n < count; ++n, observation += size, action += action_width_) {
    for (size_t i = 0; i < size; ++i) {
      if (!std::isfinite(float(observation[i]))) {
        throw Refused("ERR_ARGUMENT", std::string("act: expected finite observations of single precision, got ") +
                                          shown(observation[i]) + " as element " + std::to_string(i) +
                                          " of observation " + std::to_string(n) +
                                          (std::isfinite(observation[i]) ? ", which exceeds 3.4e38." : "."));
      }
      normalized_[i] = network_input((observation[i] - mean_[i]) / divisor_[i]);
    }
    own.act(normalized_.data(), action);
  }
  return info.Env().Undefined();
}

Napi::Value PolicyObject::dispose(const Napi::CallbackInfo& info) {
  release();
  return info.Env().Undefined();
}

}  // namespace gogepo
