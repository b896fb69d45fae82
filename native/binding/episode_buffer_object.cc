#include "episode_buffer_object.h"

#include <cmath>

#include "actor.h"
#include "arguments.h"
#include "behavior_object.h"
#include "shown.h"
#include "spec_arguments.h"

namespace gogepo {
namespace {

template <class Values>
Values part(const Values& from, size_t first, size_t count) {
  return {from.begin() + int64_t(first), from.begin() + int64_t(first + count)};
}

void require_finite(const auto& values, const char* where, const char* what) {
  for (const auto x : values)
    if (!std::isfinite(float(x)))
      throw Refused("ERR_ARGUMENT",
                    std::string(where) + ": expected " + what + " that single precision holds, got " + shown(x) + ".");
}

// Observations (T, O) and actions (T, A), or (T) if discrete, of T steps in all.
void require_steps(const std::vector<float>& observations, const std::vector<float>& actions, size_t steps,
                   const PolicySpec& policy, const char* where) {
  const size_t o = size_t(policy.observation_size), a = size_t(action_width(policy));
  if (observations.size() != steps * o || actions.size() != steps * a)
    throw Refused("ERR_SHAPE", std::string(where) + ": expected for each of " + std::to_string(steps) + " steps " +
                                   std::to_string(o) + " elements of observations and " + std::to_string(a) +
                                   " of actions, got " + std::to_string(observations.size()) + " and " +
                                   std::to_string(actions.size()) + " in all.");
  require_finite(observations, where, "observations");
  require_actions(actions, policy, where);
}

}  // namespace

Napi::Function EpisodeBufferObject::define(Napi::Env env) {
  return define_class(env, {method<EpisodeBufferObject, &EpisodeBufferObject::push>("push"),
                            method<EpisodeBufferObject, &EpisodeBufferObject::totals>("totals"),
                            method<EpisodeBufferObject, &EpisodeBufferObject::state>("state"),
                            method<EpisodeBufferObject, &EpisodeBufferObject::restore>("restore"),
                            getter<EpisodeBufferObject, &EpisodeBufferObject::bytes>("bytes"),
                            method<EpisodeBufferObject, &EpisodeBufferObject::dispose>("dispose")});
}

EpisodeBufferObject::EpisodeBufferObject(const Napi::CallbackInfo& info) : Wrapped<EpisodeBufferObject>(info) {
  guarded(Env(), [&] {
    const Options o(info[1], "EpisodeBuffer");
    policy_ = read_policy_spec(o.get("policy"), "policy");
    const int64_t capacity = o.integer("capacity", 1, 1'000'000);
    device_ = unwrap<DeviceObject>(info[0]).state();  // after the options: a getter may dispose of it
    buffer_ = std::make_shared<EpisodeBuffer>(policy_.observation_size, action_width(policy_), capacity);
    napi_type_tag_object(Env(), info.This(), &tag);
  });
}

const std::shared_ptr<EpisodeBuffer>& EpisodeBufferObject::buffer() const {
  if (!buffer_) throw Refused("ERR_DISPOSED", "This episode buffer has been disposed. Create a new one.");
  return buffer_;
}

EpisodeBuffer& EpisodeBufferObject::idle(const char* where) const {
  EpisodeBuffer& own = *buffer();
  device_->refuse_busy(where, "this buffer");
  return own;
}

// push({ episodes, observations, actions, rewards }, leave: Uint8Array (episodes)): whole episodes, step by step; those
// marked in `leave` are not kept
Napi::Value EpisodeBufferObject::push(const Napi::CallbackInfo& info) {
  const Options o(info[0], "push");
  const Napi::Value numbers = o.get("episodes");
  if (!numbers.IsTypedArray() || numbers.As<Napi::TypedArray>().TypedArrayType() != napi_int32_array)
    throw Refused("ERR_ARGUMENT", "push: expected episodes to be an Int32Array, got " + describe_value(numbers) + ".");
  const auto array = numbers.As<Napi::Int32Array>();
  const std::vector<int32_t> of(array.Data(), array.Data() + array.ElementLength());
  const std::vector<float> observations = float_array(o.get("observations"), "observations"),
                           actions = float_array(o.get("actions"), "actions");
  const std::vector<double> rewards = double_array(o.get("rewards"), "rewards");
  const std::vector<uint8_t> leave = byte_array(info[1], "leave");
  const size_t steps = rewards.size();
  if (of.size() != steps)
    throw Refused("ERR_SHAPE", "push: expected as many episode numbers as rewards, " + std::to_string(steps) +
                                   ", got " + std::to_string(of.size()) + ".");
  for (size_t i = 0; i < steps; ++i)
    if (of[i] < 0 || size_t(of[i]) >= leave.size() || (i > 0 && of[i] < of[i - 1]))
      throw Refused("ERR_ARGUMENT", "push: expected episode numbers from 0 to below " + std::to_string(leave.size()) +
                                        " in order, got " + std::to_string(of[i]) + " in step " + std::to_string(i) +
                                        ".");
  require_steps(observations, actions, steps, policy_, "push");
  require_finite(rewards, "push", "rewards");
  EpisodeBuffer& to = idle("push");  // after the columns: a getter may dispose of this
  const size_t width = size_t(to.observation_size()), a = size_t(to.action_width());
  std::vector<StoredEpisode> episodes;
  for (size_t first = 0, end; first < steps; first = end) {
    for (end = first + 1; end < steps && of[end] == of[first];) ++end;
    if (leave[size_t(of[first])]) continue;
    StoredEpisode episode;
    const size_t count = end - first;
    episode.observations = part(observations, first * width, count * width);
    episode.actions = part(actions, first * a, count * a);
    episode.returns_to_go.resize(count);
    double left = 0;
    for (size_t i = count; i-- > 0;) episode.returns_to_go[i] = float(left += rewards[first + i]);
    for (size_t i = first; i < end; ++i) episode.episode_return += rewards[i];  // in the order of the rollout's own sum
    episodes.push_back(std::move(episode));
  }
  to.push(std::move(episodes));
  return info.Env().Undefined();
}

// totals() -> { returns: Float64Array (n), lengths: Int32Array (n) }, the best first
Napi::Value EpisodeBufferObject::totals(const Napi::CallbackInfo& info) {
  const auto& episodes = idle("totals").episodes();
  auto returns = new_array(info.Env(), "Float64Array", episodes.size()).As<Napi::Float64Array>();
  auto lengths = new_array(info.Env(), "Int32Array", episodes.size()).As<Napi::Int32Array>();
  for (size_t i = 0; i < episodes.size(); ++i) {
    returns[i] = episodes[i]->episode_return;
    lengths[i] = int32_t(episodes[i]->length());
  }
  Napi::Object out = Napi::Object::New(info.Env());
  out.Set("returns", returns);
  out.Set("lengths", lengths);
  return out;
}

// state() -> { returns (n), lengths (n), observations (T, O), actions (T, A), returnsToGo (T) }, the best first
Napi::Value EpisodeBufferObject::state(const Napi::CallbackInfo& info) {
  Napi::Object out = totals(info).As<Napi::Object>();
  const EpisodeBuffer& from = idle("state");
  const auto floats = [&](size_t size) { return new_array(info.Env(), "Float32Array", size).As<Napi::Float32Array>(); };
  const size_t steps = size_t(from.steps());
  auto observations = floats(steps * size_t(from.observation_size())),
       actions = floats(steps * size_t(from.action_width())), returns_to_go = floats(steps);
  float *observed = observations.Data(), *acted = actions.Data(), *left = returns_to_go.Data();
  for (const auto& episode : from.episodes()) {
    observed = std::copy(episode->observations.begin(), episode->observations.end(), observed);
    acted = std::copy(episode->actions.begin(), episode->actions.end(), acted);
    left = std::copy(episode->returns_to_go.begin(), episode->returns_to_go.end(), left);
  }
  out.Set("observations", observations);
  out.Set("actions", actions);
  out.Set("returnsToGo", returns_to_go);
  return out;
}

// restore(what state() returned): replaces all episodes or, if something is wrong, none
Napi::Value EpisodeBufferObject::restore(const Napi::CallbackInfo& info) {
  const Options o(info[0], "restore");
  const std::vector<double> returns = double_array(o.get("returns"), "returns");
  const Napi::Value given = o.get("lengths");
  if (!given.IsTypedArray() || given.As<Napi::TypedArray>().TypedArrayType() != napi_int32_array)
    throw Refused("ERR_ARGUMENT", "restore: expected lengths to be an Int32Array, got " + describe_value(given) + ".");
  const auto array = given.As<Napi::Int32Array>();
  const std::vector<int32_t> lengths(array.Data(), array.Data() + array.ElementLength());
  const std::vector<float> observations = float_array(o.get("observations"), "observations"),
                           actions = float_array(o.get("actions"), "actions"),
                           returns_to_go = float_array(o.get("returnsToGo"), "returnsToGo");
  size_t steps = 0;
  for (const int32_t length : lengths) {
    if (length < 1)
      throw Refused("ERR_ARGUMENT", "restore: expected lengths of at least 1, got " + std::to_string(length) + ".");
    steps += size_t(length);
  }
  if (lengths.size() != returns.size() || steps != returns_to_go.size())
    throw Refused("ERR_SHAPE", "restore: expected a length for each of " + std::to_string(returns.size()) +
                                   " returns, and a return to go for each step, got " + std::to_string(lengths.size()) +
                                   " lengths of " + std::to_string(steps) + " steps in all and " +
                                   std::to_string(returns_to_go.size()) + " returns to go.");
  require_steps(observations, actions, steps, policy_, "restore");
  require_finite(returns, "restore", "returns");
  require_finite(returns_to_go, "restore", "returns to go");
  EpisodeBuffer& to = idle("restore");  // after the columns: a getter may dispose of this
  const size_t width = size_t(to.observation_size()), a = size_t(to.action_width());
  std::vector<StoredEpisode> episodes;  // the worst first: of equal returns, the one that comes later is the better
  for (size_t i = lengths.size(), end = steps; i-- > 0;) {
    const size_t count = size_t(lengths[i]), first = end - count;
    episodes.push_back({returns[i], part(observations, first * width, count * width),
                        part(actions, first * a, count * a), part(returns_to_go, first, count)});
    end = first;
  }
  to.clear();
  to.push(std::move(episodes));
  return info.Env().Undefined();
}

Napi::Value EpisodeBufferObject::bytes(const Napi::CallbackInfo& info) {
  return Napi::Number::New(info.Env(), double(buffer()->bytes()));
}

Napi::Value EpisodeBufferObject::dispose(const Napi::CallbackInfo& info) {
  buffer_.reset();
  device_.reset();
  return info.Env().Undefined();
}

}  // namespace gogepo
