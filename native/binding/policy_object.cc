#include "policy_object.h"

#include <cmath>

#include "arguments.h"
#include "observation_normalizer.h"

namespace gogepo {
namespace {

constexpr int64_t kLargest = int64_t(1) << 28;  // numbers in a policy: 1 GiB

// The memory of an array, not a copy.
template <class T, napi_typedarray_type type>
Napi::TypedArrayOf<T> typed(const Napi::Value& value, const char* what, const char* expected) {
  if (!value.IsTypedArray() || value.As<Napi::TypedArray>().TypedArrayType() != type)
    throw Refused("ERR_ARGUMENT",
                  std::string("act: expected ") + what + " to be a " + expected + ", got " + kind_of(value) + ".");
  return value.As<Napi::TypedArrayOf<T>>();
}

Napi::Object tensor(Napi::Env env, const std::string& name, std::initializer_list<int> shape, int64_t offset) {
  Napi::Array sizes = Napi::Array::New(env, shape.size());
  int64_t size = 1;
  uint32_t i = 0;
  for (int length : shape) {
    sizes.Set(i++, length);
    size *= length;
  }
  Napi::Object out = Napi::Object::New(env);
  out.Set("name", name);
  out.Set("shape", sizes);
  out.Set("offset", double(offset));
  out.Set("size", double(size));
  return out;
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
    const std::vector<int> sizes = o.sizes("sizes");  // O, hidden..., A
    if (sizes.size() < 2)
      throw Refused("ERR_SHAPE", "Policy: expected sizes of an observation, hidden layers and an action, got " +
                                     std::to_string(sizes.size()) + ".");
    layout_ = PolicyLayout(sizes);
    if (layout_.size > kLargest)
      throw Refused("ERR_SHAPE", "Policy: expected at most " + std::to_string(kLargest) + " numbers, got " +
                                     std::to_string(layout_.size) + ".");
    ActionScaling scaling;
    scaling.discrete = o.boolean("discrete");
    scaling.center = o.floats("actionCenter");
    scaling.scale = o.floats("actionScale");
    if (scaling.center.size() != size_t(sizes.back()) || scaling.scale.size() != size_t(sizes.back()))
      throw Refused("ERR_SHAPE", "Policy: expected actionCenter and actionScale to have " +
                                     std::to_string(sizes.back()) + " numbers each.");
    mean_ = double_array(o.get("observationMean"), "observationMean");
    divisor_ = double_array(o.get("observationStd"), "observationStd");
    if (mean_.size() != size_t(sizes.front()) || divisor_.size() != size_t(sizes.front()))
      throw Refused("ERR_SHAPE", "Policy: expected observationMean and observationStd to have " +
                                     std::to_string(sizes.front()) + " numbers each.");
    normalized_.resize(mean_.size());
    action_size_ = scaling.discrete ? 1 : size_t(sizes.back());
    runner_ = std::make_unique<PolicyRunner>(layout_, scaling);
    told_ = layout_.size * int64_t(sizeof(float));
    Napi::MemoryManagement::AdjustExternalMemory(Env(), told_);
    napi_type_tag_object(Env(), info.This(), &tag);
  });
}

PolicyObject::~PolicyObject() { release(); }

void PolicyObject::release() {
  if (told_ != 0) Napi::MemoryManagement::AdjustExternalMemory(Env(), -told_);
  told_ = 0;
  runner_.reset();
}

PolicyRunner& PolicyObject::runner() const {
  if (!runner_)
    throw Refused("ERR_DISPOSED", "This policy has been disposed. Ask the run for it again, or load it again.");
  return *runner_;
}

// Where each layer's weight (out, in) and bias (out) sit in theta.
Napi::Value PolicyObject::tensors(const Napi::CallbackInfo& info) {
  Napi::Array out = Napi::Array::New(info.Env());
  for (size_t i = 0; i < layout_.layers.size(); ++i) {
    const PolicyLayer& layer = layout_.layers[i];
    const std::string prefix = "layers." + std::to_string(i);
    out.Set(out.Length(), tensor(info.Env(), prefix + ".weight", {layer.out, layer.in}, layer.weight));
    out.Set(out.Length(), tensor(info.Env(), prefix + ".bias", {layer.out}, layer.bias));
  }
  return out;
}

Napi::Value PolicyObject::load(const Napi::CallbackInfo& info) {
  PolicyRunner& own = runner();
  const std::vector<float> theta = float_array(info[0], "theta");
  if (int64_t(theta.size()) != layout_.size)
    throw Refused("ERR_SHAPE", "load: expected " + std::to_string(layout_.size) + " numbers, got " +
                                   std::to_string(theta.size()) + ".");
  own.load(theta.data());
  return info.Env().Undefined();
}

// act(observations: Float64Array (n, O), actions: Float32Array (n, A)): fills actions
Napi::Value PolicyObject::act(const Napi::CallbackInfo& info) {
  PolicyRunner& own = runner();
  const auto observations = typed<double, napi_float64_array>(info[0], "observations", "Float64Array");
  auto actions = typed<float, napi_float32_array>(info[1], "the array for actions", "Float32Array");
  const size_t size = mean_.size(), count = observations.ElementLength() / size;
  if (observations.ElementLength() != count * size)
    throw Refused("ERR_SHAPE", "act: expected observations of " + std::to_string(size) + " numbers, got " +
                                   std::to_string(observations.ElementLength()) + ".");
  if (actions.ElementLength() != count * action_size_)
    throw Refused("ERR_SHAPE", "act: expected an array for " + std::to_string(count * action_size_) +
                                   " numbers of actions, got " + std::to_string(actions.ElementLength()) + ".");
  const double* observation = observations.Data();
  float* action = actions.Data();
  for (size_t n = 0; n < count; ++n, observation += size, action += action_size_) {
    for (size_t i = 0; i < size; ++i) {
      normalized_[i] = float((observation[i] - mean_[i]) / divisor_[i]);
      if (!std::isfinite(normalized_[i]))
        throw Refused("ERR_ARGUMENT", "act: expected observations of finite numbers, got " +
                                          std::to_string(observation[i]) + " as number " + std::to_string(i) +
                                          " of observation " + std::to_string(n) + ".");
    }
    own.act(normalized_.data(), action);
  }
  return info.Env().Undefined();
}

Napi::Value PolicyObject::dispose(const Napi::CallbackInfo& info) {
  release();
  return info.Env().Undefined();
}

Napi::Value observation_std(const Napi::CallbackInfo& info) {
  const Options o(info[0], "observationStd");
  Moments moments;
  moments.count = o.integer("count", 0);
  moments.m2 = double_array(o.get("m2"), "m2");
  std::vector<double> divisor(moments.m2.size());
  fit_divisor(moments, divisor);
  return to_array(info.Env(), divisor.data(), divisor.size());
}

}  // namespace gogepo
