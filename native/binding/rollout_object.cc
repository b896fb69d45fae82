#include "rollout_object.h"

#include <algorithm>

#include "arguments.h"
#include "host_memory.h"
#include "policies_object.h"
#include "rollout_arguments.h"
#include "spec_arguments.h"
#include "task_functions.h"

namespace gogepo {
namespace {

template <class Array>
Array zeros(Napi::Env env, const char* constructor, size_t size) {
  return new_array(env, constructor, size).As<Array>();
}

// -> { counts (n), means (n, O), m2s (n, O) }; n is 0 unless observed
Napi::Object moments_of(Napi::Env env, const std::vector<Episode>& episodes, size_t observation_size, bool observed) {
  const size_t n = observed ? episodes.size() : 0, o = observation_size;
  auto counts = zeros<Napi::Float64Array>(env, "Float64Array", n);
  auto means = zeros<Napi::Float64Array>(env, "Float64Array", n * o),
       m2s = zeros<Napi::Float64Array>(env, "Float64Array", n * o);
  for (size_t i = 0; i < n; ++i) {
    const Moments& moments = episodes[i].moments;
    counts[i] = double(moments.count);
    std::copy(moments.mean.begin(), moments.mean.end(), means.Data() + i * o);
    std::copy(moments.m2.begin(), moments.m2.end(), m2s.Data() + i * o);
  }
  Napi::Object out = Napi::Object::New(env);
  out.Set("counts", counts);
  out.Set("means", means);
  out.Set("m2s", m2s);
  return out;
}

// -> { episodes, observations, actions, rewards, nextObservations, terminated }, episode by episode
Napi::Object transitions_of(Napi::Env env, const std::vector<Episode>& episodes, const PolicySpec& policy) {
  size_t total = 0;
  for (const Episode& episode : episodes)
    if (episode.transitions) total += episode.transitions->rewards.size();
  const size_t o = size_t(policy.observation_size), a = size_t(action_width(policy));
  auto numbers = zeros<Napi::Int32Array>(env, "Int32Array", total);
  auto observations = zeros<Napi::Float32Array>(env, "Float32Array", total * o),
       actions = zeros<Napi::Float32Array>(env, "Float32Array", total * a),
       next_observations = zeros<Napi::Float32Array>(env, "Float32Array", total * o);
  auto rewards = zeros<Napi::Float64Array>(env, "Float64Array", total);
  auto terminated = zeros<Napi::Uint8Array>(env, "Uint8Array", total);
  size_t at = 0;
  for (size_t i = 0; i < episodes.size(); ++i) {
    if (!episodes[i].transitions) continue;  // it ended in an earlier call
    const Transitions& t = *episodes[i].transitions;
    std::fill_n(numbers.Data() + at, t.rewards.size(), int32_t(i));
    std::copy(t.observations.begin(), t.observations.end(), observations.Data() + at * o);
    std::copy(t.actions.begin(), t.actions.end(), actions.Data() + at * a);
    std::copy(t.rewards.begin(), t.rewards.end(), rewards.Data() + at);
    std::copy(t.next_observations.begin(), t.next_observations.end(), next_observations.Data() + at * o);
    std::copy(t.terminated.begin(), t.terminated.end(), terminated.Data() + at);
    at += t.rewards.size();
  }
  Napi::Object out = Napi::Object::New(env);
  out.Set("episodes", numbers);
  out.Set("observations", observations);
  out.Set("actions", actions);
  out.Set("rewards", rewards);
  out.Set("nextObservations", next_observations);
  out.Set("terminated", terminated);
  return out;
}

Napi::Value to_javascript(Napi::Env env, const std::vector<Episode>& episodes, const PolicySpec& policy, bool observed,
                          bool recorded) {
  const size_t n = episodes.size();
  auto returns = zeros<Napi::Float64Array>(env, "Float64Array", n),
       full_returns = zeros<Napi::Float64Array>(env, "Float64Array", n);
  auto lengths = zeros<Napi::Int32Array>(env, "Int32Array", n);
  auto terminated = zeros<Napi::Uint8Array>(env, "Uint8Array", n),
       diverged = zeros<Napi::Uint8Array>(env, "Uint8Array", n), done = zeros<Napi::Uint8Array>(env, "Uint8Array", n);
  int64_t warnings = 0;
  for (size_t i = 0; i < n; ++i) {
    const Episode& e = episodes[i];
    returns[i] = e.stored_return;
    full_returns[i] = e.full_return;
    lengths[i] = e.length;
    terminated[i] = e.terminated;
    diverged[i] = e.diverged;
    done[i] = e.done;
    warnings += e.warnings;
  }
  Napi::Object out = Napi::Object::New(env);
  out.Set("returns", returns);
  out.Set("fullReturns", full_returns);
  out.Set("lengths", lengths);
  out.Set("terminated", terminated);
  out.Set("diverged", diverged);
  out.Set("done", done);
  out.Set("warnings", double(warnings));
  out.Set("moments", moments_of(env, episodes, size_t(policy.observation_size), observed));
  if (recorded) out.Set("transitions", transitions_of(env, episodes, policy));
  return out;
}

}  // namespace

Napi::Function RolloutObject::define(Napi::Env env) {
  return define_class(env, {method<RolloutObject, &RolloutObject::run>("run"),
                            method<RolloutObject, &RolloutObject::dispose>("dispose")});
}

RolloutObject::RolloutObject(const Napi::CallbackInfo& info) : Wrapped<RolloutObject>(info) {
  guarded(Env(), [&] {
    refuse_forked();
    const Options o(info[0], "Rollout");
    policy_ = read_policy_spec(o.get("policy"), "policy");
    require_buildable(policy_, "Rollout");
    const EnvEntry entry = read_env(o);
    const int threads = int(o.integer("threads", 1, 4096));
    if (entry.spec.observation_size != policy_.observation_size || entry.spec.action_size != policy_.action_size)
      throw Refused("ERR_SHAPE", "Rollout: " + entry.spec.id + " has " + std::to_string(entry.spec.observation_size) +
                                     " observations and " + std::to_string(entry.spec.action_size) +
                                     " actions, the policies have " + std::to_string(policy_.observation_size) +
                                     " and " + std::to_string(policy_.action_size) + ".");
    rollout_ = std::make_shared<Rollout>(entry, policy_, threads);
    thread_ = make_thread(Env(), [] {});
    napi_type_tag_object(Env(), info.This(), &tag);
  });
}

// run(policies, { episodes, seed, purpose, firstIndex, statistics, observe, removeSurvivalBonus, exploration?,
// maxSteps?, resume?, record? }) -> Promise<Episodes>
Napi::Value RolloutObject::run(const Napi::CallbackInfo& info) {
  const Options o(info[1], "run");
  RolloutJob job;
  job.episodes = o.integer("episodes", 1, 1 << 20);
  job.first_index = o.counter("firstIndex");
  job.options.seed = o.counter("seed");
  job.options.purpose = read_purpose(o);
  job.options.observe = read_observe(o);
  job.options.remove_survival_bonus = o.boolean("removeSurvivalBonus");
  job.options.statistics = read_statistics(o.get("statistics"), policy_.observation_size);
  job.options.exploration = read_exploration(o, policy_);
  if (o.has("maxSteps")) job.max_steps = o.integer("maxSteps", 1);
  job.resume = o.boolean("resume", false);
  job.record = o.boolean("record", false);
  // After the options: a getter may dispose of this or of the policies.
  if (!rollout_) throw Refused("ERR_DISPOSED", "This rollout has been disposed. Create a new one.");
  const PoliciesObject& policies = unwrap<PoliciesObject>(info[0]);
  const at::Tensor thetas = policies.thetas_for(policy_, "run");  // (policies, |theta|)
  job.policies = thetas.size(0);
  const bool observed = job.options.observe != Observe::none, recorded = job.record;
  return run_async(
      info.Env(), thread_, "run",
      [thetas, device = policies.device(), rollout = rollout_, thread = thread_, job = std::move(job)]() mutable {
        const InOrder in_order(*device);
        const at::Tensor host = to_host(thetas);
        job.thetas = host.const_data_ptr<float>();
        return rollout->run(job, thread->stopping());
      },
      [policy = policy_, observed, recorded](Napi::Env env, const std::vector<Episode>& episodes) {
        return to_javascript(env, episodes, policy, observed, recorded);
      });
}

Napi::Value RolloutObject::dispose(const Napi::CallbackInfo& info) {
  if (thread_) thread_->end();
  thread_.reset();
  rollout_.reset();
  return info.Env().Undefined();
}

}  // namespace gogepo
