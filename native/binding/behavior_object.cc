#include "behavior_object.h"

#include <ATen/ops/empty.h>

#include <cmath>

#include "actor.h"
#include "arguments.h"
#include "episode_buffer_object.h"
#include "learned_state.h"
#include "policies_object.h"
#include "shown.h"
#include "spec_arguments.h"

namespace gogepo {

void require_actions(const std::vector<float>& actions, const PolicySpec& policy, const char* where) {
  for (const float action : actions)
    if (policy.discrete ? !(action >= 0 && action < float(policy.action_size) && action == std::floor(action))
                        : !std::isfinite(action))
      throw Refused("ERR_ARGUMENT",
                    std::string(where) + ": expected actions to be " +
                        (policy.discrete ? "whole numbers below " + std::to_string(policy.action_size) : "finite") +
                        ", got " + shown(action) + ".");
}

namespace {

void require_finite(const Behavior& behavior, const std::vector<float>& losses, const char* where) {
  if (!all_finite(losses) || !all_finite(behavior.parameters.values)) refuse_not_finite(where);
}

// Commands (n, 2): a return and a horizon of at least 1 each.
std::vector<float> read_commands(const Napi::Value& value, const char* where) {
  const std::vector<float> commands = float_array(value, "commands");
  if (commands.empty() || commands.size() % kCommandSize != 0)
    throw Refused("ERR_SHAPE", std::string(where) + ": expected commands to have a return and a horizon each, got " +
                                   std::to_string(commands.size()) + " elements.");
  for (size_t i = 0; i < commands.size(); i += kCommandSize)
    if (!std::isfinite(commands[i]) || !std::isfinite(commands[i + 1]) || commands[i + 1] < 1)
      throw Refused("ERR_ARGUMENT", std::string(where) +
                                        ": expected commands of a finite return and a horizon of at least 1, got " +
                                        shown(commands[i]) + " and " + shown(commands[i + 1]) + ".");
  return commands;
}

}  // namespace

Napi::Function BehaviorObject::define(Napi::Env env) {
  return define_class(env, {getter<BehaviorObject, &BehaviorObject::tensors>("tensors"),
                            method<BehaviorObject, &BehaviorObject::policies>("policies"),
                            method<BehaviorObject, &BehaviorObject::fit>("fit"),
                            method<BehaviorObject, &BehaviorObject::update>("update"),
                            method<BehaviorObject, &BehaviorObject::state>("state"),
                            method<BehaviorObject, &BehaviorObject::restore>("restore"),
                            method<BehaviorObject, &BehaviorObject::dispose>("dispose")});
}

BehaviorObject::BehaviorObject(const Napi::CallbackInfo& info) : Wrapped<BehaviorObject>(info) {
  guarded(Env(), [&] {
    const Options o(info[1], "Behavior");
    const PolicySpec policy = read_policy_spec(o.get("policy"), "policy");
    require_buildable(policy, "Behavior");
    const bool reference = o.choice("backend", {"fast", "reference"}) == 1;
    const uint64_t seed = o.counter("seed");
    device_ = unwrap<DeviceObject>(info[0]).state();  // after the options: a getter may dispose of it
    state_ = std::make_shared<BehaviorState>(BehaviorState{Behavior(policy, seed), nullptr});
    state_->backend = reference ? make_reference_behavior() : make_fast_behavior(state_->behavior, device_->threads);
    napi_type_tag_object(Env(), info.This(), &tag);
  });
}

const std::shared_ptr<BehaviorState>& BehaviorObject::held(const char* where) const {
  if (!state_)
    throw Refused("ERR_DISPOSED", std::string(where) + ": this Behavior has been disposed. Create a new one.");
  return state_;
}

Behavior& BehaviorObject::idle(const char* where) const {
  Behavior& behavior = held(where)->behavior;
  device_->refuse_busy(where, "this Behavior");
  return behavior;
}

// Where each tensor is in the flat vector.
Napi::Value BehaviorObject::tensors(const Napi::CallbackInfo& info) {
  return to_javascript(info.Env(), held("tensors")->behavior.layout.tensors);
}

// policies(commands: Float32Array (n, 2)) -> Policies: one for each command
Napi::Value BehaviorObject::policies(const Napi::CallbackInfo& info) {
  const std::vector<float> commands = read_commands(info[0], "policies");
  const Behavior& behavior = idle("policies");
  const InOrder in_order(*device_);
  const std::vector<float> thetas = commanded_policies(behavior, commands);
  const int64_t count = int64_t(commands.size()) / kCommandSize;
  const at::Tensor host = at::empty({count, int64_t(thetas.size()) / count}, at::kFloat);
  std::copy(thetas.begin(), thetas.end(), host.mutable_data_ptr<float>());
  return PoliciesObject::make(info.Env(), device_, behavior.policy, host.to(device_->device));
}

// fit(buffer, { updates, batchSize, learningRate, seed }) -> Promise<Float32Array of the loss before each update>
Napi::Value BehaviorObject::fit(const Napi::CallbackInfo& info) {
  const Options o(info[1], "fit");
  UdrlFit fit;
  fit.updates = o.integer("updates", 0, 1 << 20);
  fit.batch_size = o.integer("batchSize", 1, 1 << 20);
  fit.learning_rate = o.number_from("learningRate", 0);
  fit.seed = o.counter("seed");
  const EpisodeBufferObject& object = unwrap<EpisodeBufferObject>(info[0]);
  const std::shared_ptr<EpisodeBuffer>& buffer = object.buffer();
  const PolicySpec& policy = held("fit")->behavior.policy;
  if (object.device() != device_) throw Refused("ERR_ARGUMENT", "fit: expected a buffer of the same device.");
  if (buffer->observation_size() != policy.observation_size || buffer->action_width() != action_width(policy) ||
      object.policy().discrete != policy.discrete)
    throw Refused("ERR_SHAPE", "fit: expected a buffer of episodes with the policy's observations and actions.");
  if (buffer->episodes().empty())
    throw Refused("ERR_ARGUMENT", "fit: expected episodes to learn from, but the buffer is empty.");
  return run_async(
      info.Env(), device_->thread, "fit",
      [state = state_, device = device_, buffer, fit] {
        auto losses = udrl_fit(state->behavior, *state->backend, *buffer, fit, device->thread->stopping());
        require_finite(state->behavior, losses, "fit");
        return losses;
      },
      [](Napi::Env env, const std::vector<float>& losses) { return to_array(env, losses); });
}

// update({ observations (B, O), commands (B, 2), actions (B, A), or (B) if discrete }, { learningRate })
//   -> Promise<{ loss, gradient }>
Napi::Value BehaviorObject::update(const Napi::CallbackInfo& info) {
  const double learning_rate = Options(info[1], "update").number_from("learningRate", 0);
  const Options o(info[0], "update");
  SegmentBatch batch;
  batch.observations = float_array(o.get("observations"), "observations");
  batch.commands = read_commands(o.get("commands"), "update");
  batch.actions = float_array(o.get("actions"), "actions");
  batch.size = int64_t(batch.commands.size()) / kCommandSize;
  const std::shared_ptr<BehaviorState> state = held("update");
  const PolicySpec& policy = state->behavior.policy;
  if (int64_t(batch.observations.size()) != batch.size * policy.observation_size ||
      int64_t(batch.actions.size()) != batch.size * action_width(policy))
    throw Refused("ERR_SHAPE", "update: expected an observation and an action for each of " +
                                   std::to_string(batch.size) + " commands, got " +
                                   std::to_string(batch.observations.size()) + " and " +
                                   std::to_string(batch.actions.size()) + " elements.");
  require_actions(batch.actions, policy, "update");
  return run_async(
      info.Env(), device_->thread, "update",
      [state, batch = std::move(batch), learning_rate] {
        const double loss = udrl_update(state->behavior, *state->backend, batch, learning_rate);
        require_finite(state->behavior, {float(loss)}, "update");
        return std::pair(state, loss);
      },
      [](Napi::Env env, const std::pair<std::shared_ptr<BehaviorState>, double>& made) {
        Napi::Object out = Napi::Object::New(env);
        out.Set("loss", made.second);
        out.Set("gradient", to_array(env, made.first->behavior.parameters.gradient));
        return out;
      });
}

// state() -> { values, firstMoment, secondMoment, updates }
Napi::Value BehaviorObject::state(const Napi::CallbackInfo& info) {
  return to_javascript(info.Env(), idle("state").parameters);
}

// restore({ values, firstMoment, secondMoment, updates }): all of it or, if something is wrong, nothing
Napi::Value BehaviorObject::restore(const Napi::CallbackInfo& info) {
  const std::shared_ptr<BehaviorState> own = held("restore");
  Learned learned = read_learned(own->behavior.parameters, info[0], "restore");
  idle("restore").parameters = std::move(learned);  // after the options: a getter may dispose of this or train it
  return info.Env().Undefined();
}

Napi::Value BehaviorObject::dispose(const Napi::CallbackInfo& info) {
  state_.reset();
  device_.reset();
  return info.Env().Undefined();
}

}  // namespace gogepo
