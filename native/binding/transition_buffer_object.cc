#include "transition_buffer_object.h"

#include <cmath>

#include "arguments.h"
#include "shown.h"

namespace gogepo {

TransitionColumns::TransitionColumns(const Napi::Value& value, int observation_size, int action_size,
                                     const std::string& where) {
  const Options o(value, where);
  observations = float_array(o.get("observations"), "observations");
  actions = float_array(o.get("actions"), "actions");
  rewards = double_array(o.get("rewards"), "rewards");
  next_observations = float_array(o.get("nextObservations"), "nextObservations");
  terminated = byte_array(o.get("terminated"), "terminated");
  const size_t n = rewards.size(), observed = n * size_t(observation_size), acted = n * size_t(action_size);
  if (observations.size() != observed || next_observations.size() != observed || actions.size() != acted ||
      terminated.size() != n)
    throw Refused("ERR_SHAPE",
                  where + ": expected for each of " + std::to_string(n) + " rewards " +
                      std::to_string(observation_size) + " elements of observations and nextObservations, " +
                      std::to_string(action_size) + " of actions and 1 of terminated, got " +
                      std::to_string(observations.size()) + ", " + std::to_string(next_observations.size()) + ", " +
                      std::to_string(actions.size()) + " and " + std::to_string(terminated.size()) + " in all.");
  const auto require_finite = [&](const auto& values, const char* what) {
    for (const auto x : values)
      if (!std::isfinite(float(x)))
        throw Refused("ERR_ARGUMENT",
                      where + ": expected " + what + " that single precision holds, got " + shown(x) + ".");
  };
  require_finite(observations, "observations");
  require_finite(actions, "actions");
  require_finite(rewards, "rewards");
  require_finite(next_observations, "nextObservations");
}

Napi::Function TransitionBufferObject::define(Napi::Env env) {
  return define_class(env, {method<TransitionBufferObject, &TransitionBufferObject::push>("push"),
                            method<TransitionBufferObject, &TransitionBufferObject::rows>("rows"),
                            method<TransitionBufferObject, &TransitionBufferObject::clear>("clear"),
                            getter<TransitionBufferObject, &TransitionBufferObject::count>("count"),
                            getter<TransitionBufferObject, &TransitionBufferObject::pushed>("pushed"),
                            getter<TransitionBufferObject, &TransitionBufferObject::bytes>("bytes"),
                            method<TransitionBufferObject, &TransitionBufferObject::dispose>("dispose")});
}

TransitionBufferObject::TransitionBufferObject(const Napi::CallbackInfo& info) : Wrapped<TransitionBufferObject>(info) {
  guarded(Env(), [&] {
    const Options o(info[1], "TransitionBuffer");
    const int observation_size = o.size("observationSize"), action_size = o.size("actionSize");
    const int64_t capacity = o.integer("capacity", 1, 1'000'000'000);
    device_ = unwrap<DeviceObject>(info[0]).state();  // after the options: a getter may dispose of it
    buffer_ = std::make_shared<TransitionBuffer>(observation_size, action_size, capacity);
    napi_type_tag_object(Env(), info.This(), &tag);
  });
}

const std::shared_ptr<TransitionBuffer>& TransitionBufferObject::buffer() const {
  if (!buffer_) throw Refused("ERR_DISPOSED", "This transition buffer has been disposed. Create a new one.");
  return buffer_;
}

TransitionBuffer& TransitionBufferObject::idle(const char* where) const {
  TransitionBuffer& own = *buffer();
  device_->refuse_busy(where, "this buffer");
  return own;
}

// push(transitions): all or, if one of them is not what it should be, none
Napi::Value TransitionBufferObject::push(const Napi::CallbackInfo& info) {
  const std::shared_ptr<TransitionBuffer> own = buffer();
  const size_t o = size_t(own->observation_size()), a = size_t(own->action_size());
  const TransitionColumns columns(info[0], own->observation_size(), own->action_size(), "push");
  TransitionBuffer& to = idle("push");  // after the columns: a getter may dispose of this
  for (size_t i = 0; i < columns.count(); ++i)
    to.push(columns.observations.data() + i * o, columns.actions.data() + i * a, float(columns.rewards[i]),
            columns.next_observations.data() + i * o, columns.terminated[i] != 0);
  return info.Env().Undefined();
}

// rows({ first, count }) -> { observations, actions, rewards, nextObservations, terminated }
Napi::Value TransitionBufferObject::rows(const Napi::CallbackInfo& info) {
  const Options options(info[0], "rows");
  const int64_t first = options.integer("first", 0), count = options.integer("count", 0);
  const TransitionBuffer& from = idle("rows");  // after the options: a getter may clear or dispose of this
  const int64_t oldest = from.pushed() - from.count();
  if (first < oldest || first > from.pushed() || count > from.pushed() - first)
    throw Refused("ERR_ARGUMENT", "rows: expected first and count to select transitions between " +
                                      std::to_string(oldest) + " and " + std::to_string(from.pushed()) + ", got " +
                                      std::to_string(first) + " and " + std::to_string(count) + ".");
  const size_t n = size_t(count), o = size_t(from.observation_size()), a = size_t(from.action_size());
  const auto floats = [&](size_t size) { return new_array(info.Env(), "Float32Array", size).As<Napi::Float32Array>(); };
  auto observations = floats(n * o), actions = floats(n * a), next_observations = floats(n * o);
  auto rewards = new_array(info.Env(), "Float64Array", n).As<Napi::Float64Array>();
  auto terminated = new_array(info.Env(), "Uint8Array", n).As<Napi::Uint8Array>();
  float* const observed = observations.Data();
  float* const acted = actions.Data();
  float* const next = next_observations.Data();
  for (size_t i = 0; i < n; ++i) {
    float reward = 0;
    from.read(first + int64_t(i), observed + i * o, acted + i * a, &reward, next + i * o, terminated.Data() + i);
    rewards[i] = reward;
  }
  Napi::Object out = Napi::Object::New(info.Env());
  out.Set("observations", observations);
  out.Set("actions", actions);
  out.Set("rewards", rewards);
  out.Set("nextObservations", next_observations);
  out.Set("terminated", terminated);
  return out;
}

// clear({ pushed })
Napi::Value TransitionBufferObject::clear(const Napi::CallbackInfo& info) {
  const int64_t pushed = Options(info[0], "clear").integer("pushed", 0);
  idle("clear").clear(pushed);
  return info.Env().Undefined();
}

Napi::Value TransitionBufferObject::count(const Napi::CallbackInfo& info) {
  return Napi::Number::New(info.Env(), double(buffer()->count()));
}
Napi::Value TransitionBufferObject::pushed(const Napi::CallbackInfo& info) {
  return Napi::Number::New(info.Env(), double(buffer()->pushed()));
}
Napi::Value TransitionBufferObject::bytes(const Napi::CallbackInfo& info) {
  return Napi::Number::New(info.Env(), double(buffer()->bytes()));
}

Napi::Value TransitionBufferObject::dispose(const Napi::CallbackInfo& info) {
  buffer_.reset();
  device_.reset();
  return info.Env().Undefined();
}

}  // namespace gogepo
