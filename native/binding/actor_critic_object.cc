#include "actor_critic_object.h"

#include <ATen/ops/empty.h>

#include <algorithm>
#include <cmath>

#include "arguments.h"
#include "learned_state.h"
#include "policies_object.h"
#include "sac.h"
#include "shown.h"
#include "spec_arguments.h"
#include "td3.h"

namespace gogepo {
namespace {

void read_rates(const Options& o, auto& options) {
  options.discount = o.number_from("discount", 0);
  options.polyak = o.number_from("polyak", 0);
  if (options.discount > 1 || options.polyak > 1)
    throw Refused("ERR_ARGUMENT", "fit: expected discount and polyak to be at most 1, got " + shown(options.discount) +
                                      " and " + shown(options.polyak) + ".");
  options.actor_learning_rate = o.number_from("actorLearningRate", 0);
  options.critic_learning_rate = o.number_from("criticLearningRate", 0);
}

template <class T>
T td3_options(const Options& o) {
  T options;
  read_rates(o, options);
  options.policy_delay = o.integer("policyDelay", 1, 1 << 20);
  return options;
}

template <class T>
T sac_options(const Options& o) {
  T options;
  read_rates(o, options);
  options.automatic_temperature = o.boolean("automaticTemperature");
  options.temperature_learning_rate = o.number_from("temperatureLearningRate", 0);
  options.target_entropy = o.number("targetEntropy");
  return options;
}

void read_sampling(const Options& o, auto& fit) {
  fit.updates = o.integer("updates", 1, 1 << 20);
  fit.batch_size = o.integer("batchSize", 1, 1 << 20);
  fit.seed = o.counter("seed");
}

TransitionBatch batch_of(const TransitionColumns& columns, size_t o, size_t a) {
  TransitionBatch batch;
  batch.size = int64_t(columns.count());
  for (size_t i = 0; i < columns.count(); ++i) {
    const auto append = [&batch](const std::vector<float>& from, size_t row, size_t width) {
      batch.inputs.insert(batch.inputs.end(), from.begin() + row * width, from.begin() + (row + 1) * width);
    };
    append(columns.observations, i, o);
    append(columns.actions, i, a);
  }
  batch.next_observations = columns.next_observations;
  batch.rewards.assign(columns.rewards.begin(), columns.rewards.end());
  batch.terminated.assign(columns.terminated.begin(), columns.terminated.end());
  return batch;
}

// Also the moments: a parameter whose second moment is infinite never moves again, while the loss, a double, is finite.
bool finite(const Learned& network) { return all_finite(network.values) && all_finite(network.second_moment); }

template <class Losses>
void require_finite(const ActorCritic& networks, const std::vector<Losses>& losses, const char* where) {
  const bool sound = std::all_of(losses.begin(), losses.end(), [](const Losses& l) {
    return std::isfinite(float(l.critic)) && std::isfinite(float(l.actor));
  });
  if (!sound || !finite(networks.actor) || !finite(networks.critics)) refuse_not_finite(where);
}

// One array of numbers from the losses of all updates.
template <class Losses, class Get>
Napi::Value column(Napi::Env env, const std::vector<Losses>& all, Get get) {
  std::vector<float> values;
  for (const Losses& losses : all) values.push_back(float(get(losses)));
  return to_array(env, values);
}

}  // namespace

Napi::Function ActorCriticObject::define(Napi::Env env) {
  return define_class(env, {getter<ActorCriticObject, &ActorCriticObject::tensors>("tensors"),
                            method<ActorCriticObject, &ActorCriticObject::policy>("policy"),
                            method<ActorCriticObject, &ActorCriticObject::fit_td3>("fitTd3"),
                            method<ActorCriticObject, &ActorCriticObject::fit_sac>("fitSac"),
                            method<ActorCriticObject, &ActorCriticObject::update_td3>("updateTd3"),
                            method<ActorCriticObject, &ActorCriticObject::update_sac>("updateSac"),
                            method<ActorCriticObject, &ActorCriticObject::state>("state"),
                            method<ActorCriticObject, &ActorCriticObject::restore>("restore"),
                            method<ActorCriticObject, &ActorCriticObject::dispose>("dispose")});
}

ActorCriticObject::ActorCriticObject(const Napi::CallbackInfo& info) : Wrapped<ActorCriticObject>(info) {
  guarded(Env(), [&] {
    const Options o(info[1], "ActorCritic");
    ActorCriticSpec spec;
    spec.policy = read_policy_spec(o.get("policy"), "policy");
    require_buildable(spec.policy, "ActorCritic");
    spec.critic_hidden = o.sizes("criticHidden");
    spec.critics = int(o.integer("critics", 1, 64));
    PolicySpec critic = spec.policy;  // of the same shape as one critic, for the check of its size
    critic.observation_size += critic.action_size;
    critic.hidden = spec.critic_hidden;
    require_buildable(critic, "ActorCritic");
    const bool reference = o.choice("backend", {"fast", "reference"}) == 1;
    const uint64_t seed = o.counter("seed");
    device_ = unwrap<DeviceObject>(info[0]).state();  // after the options: a getter may dispose of it
    state_ = std::make_shared<ActorCriticState>(ActorCriticState{ActorCritic(spec, seed), nullptr});
    state_->backend = reference ? make_reference_actor_critic()
                                : make_fast_actor_critic(state_->networks.layout, spec.policy, device_->threads);
    napi_type_tag_object(Env(), info.This(), &tag);
  });
}

const std::shared_ptr<ActorCriticState>& ActorCriticObject::held(const char* where) const {
  if (!state_)
    throw Refused("ERR_DISPOSED", std::string(where) + ": this ActorCritic has been disposed. Create a new one.");
  return state_;
}

ActorCritic& ActorCriticObject::idle(const char* where) const {
  ActorCritic& networks = held(where)->networks;
  device_->refuse_busy(where, "this ActorCritic");
  return networks;
}

void ActorCriticObject::require_output(PolicyOutput output, const char* where) const {
  if (held(where)->networks.spec.policy.output != output)
    throw Refused("ERR_ARGUMENT", std::string(where) + ": expected a policy with output " +
                                      (output == PolicyOutput::tanh ? "tanh" : "gaussian") + ", got the other one.");
}

std::shared_ptr<TransitionBuffer> ActorCriticObject::filled(const Napi::Value& value, const char* where) const {
  const TransitionBufferObject& object = unwrap<TransitionBufferObject>(value);
  const std::shared_ptr<TransitionBuffer>& buffer = object.buffer();
  const PolicySpec& policy = held(where)->networks.spec.policy;
  if (object.device() != device_)
    throw Refused("ERR_ARGUMENT", std::string(where) + ": expected a buffer of the same device.");
  if (buffer->observation_size() != policy.observation_size || buffer->action_size() != policy.action_size)
    throw Refused("ERR_SHAPE", std::string(where) + ": expected a buffer of transitions with the policy's " +
                                   std::to_string(policy.observation_size) + " observations and " +
                                   std::to_string(policy.action_size) + " actions.");
  if (buffer->count() == 0)
    throw Refused("ERR_ARGUMENT",
                  std::string(where) + ": expected transitions to learn from, but the buffer is empty.");
  return buffer;
}

// tensors -> { actor, critics }: where each tensor is in the flat vectors
Napi::Value ActorCriticObject::tensors(const Napi::CallbackInfo& info) {
  const ActorCriticLayout& layout = held("tensors")->networks.layout;
  Napi::Object out = Napi::Object::New(info.Env());
  out.Set("actor", to_javascript(info.Env(), layout.actor_tensors));
  out.Set("critics", to_javascript(info.Env(), layout.critics_tensors));
  return out;
}

// policy() -> Policies: the actor, as one policy
Napi::Value ActorCriticObject::policy(const Napi::CallbackInfo& info) {
  const ActorCritic& networks = idle("policy");
  const InOrder in_order(*device_);
  const std::vector<float>& values = networks.actor.values;
  const at::Tensor host = at::empty({1, int64_t(values.size())}, at::kFloat);
  std::copy(values.begin(), values.end(), host.mutable_data_ptr<float>());
  return PoliciesObject::make(info.Env(), device_, networks.spec.policy, host.to(device_->device));
}

// fitTd3(buffer, options) -> Promise<{ critic, actor }>: losses before each update
Napi::Value ActorCriticObject::fit_td3(const Napi::CallbackInfo& info) {
  const Options o(info[1], "fitTd3");
  Td3Fit fit = td3_options<Td3Fit>(o);
  read_sampling(o, fit);
  fit.target_noise = o.number_from("targetNoise", 0);
  fit.target_noise_clip = o.number_from("targetNoiseClip", 0);
  require_output(PolicyOutput::tanh, "fitTd3");
  const auto buffer = filled(info[0], "fitTd3");
  return run_async(
      info.Env(), device_->thread, "fitTd3",
      [state = state_, device = device_, buffer, fit] {
        auto losses = td3_fit(state->networks, *state->backend, *buffer, fit, device->thread->stopping());
        require_finite(state->networks, losses, "fitTd3");
        return losses;
      },
      [](Napi::Env env, const std::vector<Td3Losses>& all) {
        std::vector<Td3Losses> of_actor;
        for (const Td3Losses& losses : all)
          if (!losses.delayed) of_actor.push_back(losses);
        Napi::Object out = Napi::Object::New(env);
        out.Set("critic", column(env, all, [](const Td3Losses& l) { return l.critic; }));
        out.Set("actor", column(env, of_actor, [](const Td3Losses& l) { return l.actor; }));
        return out;
      });
}

// fitSac(buffer, options) -> Promise<{ critic, actor, temperature, entropy }>: before each update
Napi::Value ActorCriticObject::fit_sac(const Napi::CallbackInfo& info) {
  const Options o(info[1], "fitSac");
  SacFit fit = sac_options<SacFit>(o);
  read_sampling(o, fit);
  require_output(PolicyOutput::gaussian, "fitSac");
  const auto buffer = filled(info[0], "fitSac");
  return run_async(
      info.Env(), device_->thread, "fitSac",
      [state = state_, device = device_, buffer, fit] {
        auto losses = sac_fit(state->networks, *state->backend, *buffer, fit, device->thread->stopping());
        require_finite(state->networks, losses, "fitSac");
        return losses;
      },
      [](Napi::Env env, const std::vector<SacLosses>& all) {
        Napi::Object out = Napi::Object::New(env);
        out.Set("critic", column(env, all, [](const SacLosses& l) { return l.critic; }));
        out.Set("actor", column(env, all, [](const SacLosses& l) { return l.actor; }));
        out.Set("temperature", column(env, all, [](const SacLosses& l) { return l.temperature; }));
        out.Set("entropy", column(env, all, [](const SacLosses& l) { return l.entropy; }));
        return out;
      });
}

namespace {

// An array of (B, A) for each transition of a batch.
std::vector<float> for_actions(const Napi::Value& value, size_t size, const char* what) {
  std::vector<float> values = float_array(value, what);
  if (values.size() != size)
    throw Refused("ERR_SHAPE", std::string("update: expected ") + what + " to have " + std::to_string(size) +
                                   " elements, one for each action of the batch, got " + std::to_string(values.size()) +
                                   ".");
  return values;
}

TransitionBatch read_batch(const Napi::Value& value, const PolicySpec& policy, const char* where) {
  const TransitionColumns columns(value, policy.observation_size, policy.action_size, where);
  if (columns.count() == 0)
    throw Refused("ERR_SHAPE", std::string(where) + ": expected at least one transition, got none.");
  return batch_of(columns, size_t(policy.observation_size), size_t(policy.action_size));
}

}  // namespace

// updateTd3(transitions, noise: Float32Array (B, A), options)
//   -> Promise<{ criticLoss, actorLoss, criticGradient, actorGradient }>; the actor's are null in a delayed update
Napi::Value ActorCriticObject::update_td3(const Napi::CallbackInfo& info) {
  const Td3Options options = td3_options<Td3Options>(Options(info[2], "updateTd3"));
  require_output(PolicyOutput::tanh, "updateTd3");
  TransitionBatch batch = read_batch(info[0], held("updateTd3")->networks.spec.policy, "updateTd3");
  const int64_t actions = held("updateTd3")->networks.spec.policy.action_size;
  std::vector<float> noise = for_actions(info[1], size_t(batch.size * actions), "noise");
  return run_async(
      info.Env(), device_->thread, "updateTd3",
      [state = held("updateTd3"), batch = std::move(batch), noise = std::move(noise), options] {
        const Td3Losses losses = td3_update(state->networks, *state->backend, batch, noise.data(), options);
        require_finite(state->networks, std::vector{losses}, "updateTd3");
        return std::pair(state, losses);
      },
      [](Napi::Env env, const std::pair<std::shared_ptr<ActorCriticState>, Td3Losses>& made) {
        const auto& [state, losses] = made;
        Napi::Object out = Napi::Object::New(env);
        out.Set("criticLoss", losses.critic);
        out.Set("criticGradient", to_array(env, state->networks.critics.gradient));
        out.Set("actorLoss", losses.delayed ? env.Null() : Napi::Value(Napi::Number::New(env, losses.actor)));
        out.Set("actorGradient", losses.delayed ? env.Null() : to_array(env, state->networks.actor.gradient));
        return out;
      });
}

// updateSac(transitions, nextNormals: Float32Array (B, A), normals: Float32Array (B, A), options)
//   -> Promise<{ criticLoss, actorLoss, criticGradient, actorGradient, temperature, entropy }>
Napi::Value ActorCriticObject::update_sac(const Napi::CallbackInfo& info) {
  const SacOptions options = sac_options<SacOptions>(Options(info[3], "updateSac"));
  require_output(PolicyOutput::gaussian, "updateSac");
  TransitionBatch batch = read_batch(info[0], held("updateSac")->networks.spec.policy, "updateSac");
  const size_t size = size_t(batch.size * held("updateSac")->networks.spec.policy.action_size);
  std::vector<float> next_normals = for_actions(info[1], size, "nextNormals"),
                     normals = for_actions(info[2], size, "normals");
  return run_async(
      info.Env(), device_->thread, "updateSac",
      [state = held("updateSac"), batch = std::move(batch), next_normals = std::move(next_normals),
       normals = std::move(normals), options] {
        const SacLosses losses =
            sac_update(state->networks, *state->backend, batch, next_normals.data(), normals.data(), options);
        require_finite(state->networks, std::vector{losses}, "updateSac");
        return std::pair(state, losses);
      },
      [](Napi::Env env, const std::pair<std::shared_ptr<ActorCriticState>, SacLosses>& made) {
        const auto& [state, losses] = made;
        Napi::Object out = Napi::Object::New(env);
        out.Set("criticLoss", losses.critic);
        out.Set("actorLoss", losses.actor);
        out.Set("criticGradient", to_array(env, state->networks.critics.gradient));
        out.Set("actorGradient", to_array(env, state->networks.actor.gradient));
        out.Set("temperature", losses.temperature);
        out.Set("entropy", losses.entropy);
        return out;
      });
}

// state() -> { actor, critics, temperature, actorTarget, criticsTarget }
Napi::Value ActorCriticObject::state(const Napi::CallbackInfo& info) {
  const ActorCritic& networks = idle("state");
  const Napi::Env env = info.Env();
  Napi::Object out = Napi::Object::New(env);
  out.Set("actor", to_javascript(env, networks.actor));
  out.Set("critics", to_javascript(env, networks.critics));
  out.Set("temperature", to_javascript(env, networks.temperature));
  out.Set("actorTarget", to_array(env, networks.actor_target));
  out.Set("criticsTarget", to_array(env, networks.critics_target));
  return out;
}

// restore({ actor, critics, temperature, actorTarget, criticsTarget }): all of it or, if something is wrong, nothing
Napi::Value ActorCriticObject::restore(const Napi::CallbackInfo& info) {
  const std::shared_ptr<ActorCriticState> own = held("restore");
  const ActorCritic& like = own->networks;
  const Options o(info[0], "restore");
  Learned actor = read_learned(like.actor, o.get("actor"), "actor"),
          critics = read_learned(like.critics, o.get("critics"), "critics"),
          temperature = read_learned(like.temperature, o.get("temperature"), "temperature");
  std::vector<float> actor_target = read_like(like.actor_target, o.get("actorTarget"), "actorTarget"),
                     critics_target = read_like(like.critics_target, o.get("criticsTarget"), "criticsTarget");
  ActorCritic& networks = idle("restore");  // after the options: a getter may dispose of this or train it
  networks.actor = std::move(actor);
  networks.critics = std::move(critics);
  networks.temperature = std::move(temperature);
  networks.actor_target = std::move(actor_target);
  networks.critics_target = std::move(critics_target);
  return info.Env().Undefined();
}

Napi::Value ActorCriticObject::dispose(const Napi::CallbackInfo& info) {
  state_.reset();
  device_.reset();
  return info.Env().Undefined();
}

}  // namespace gogepo
