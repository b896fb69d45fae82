#include "rollout_object.h"

#include "arguments.h"
#include "host_memory.h"
#include "learner_objects.h"
#include "replay.h"

namespace gogepo {
namespace {

TaskOptionValue read_option(const std::string& name, const Napi::Value& value) {
  if (value.IsBoolean()) return bool(value.ToBoolean());
  if (value.IsNumber()) return value.ToNumber().DoubleValue();
  if (value.IsArray() && value.As<Napi::Array>().Length() == 2) {
    const Napi::Value low = value.As<Napi::Array>().Get(0u), high = value.As<Napi::Array>().Get(1u);
    if (low.IsNumber() && high.IsNumber()) return Range{low.ToNumber().DoubleValue(), high.ToNumber().DoubleValue()};
  }
  throw Refused("ERR_TASK_OPTION", "Expected the task option " + name +
                                       " to be a number, true, false or a list of two numbers, got " + kind_of(value) +
                                       ".");
}

// { env, options }: the task with these options, { name: number | boolean | [number, number] }
EnvEntry read_env(const Options& o) {
  const std::string id = o.text("env");
  const EnvEntry* entry = find_env(id);
  if (entry == nullptr) throw Refused("ERR_UNKNOWN_ENV", "Unknown task \"" + id + "\".");
  const Napi::Value given = o.get("options");
  if (!given.IsObject())
    throw Refused("ERR_ARGUMENT", "Expected the options of a task to be an object, got " + kind_of(given) + ".");
  TaskOptionValues values;
  const Napi::Object object = given.As<Napi::Object>();
  const Napi::Array names = object.GetPropertyNames();
  for (uint32_t i = 0; i < names.Length(); ++i) {
    const std::string name = Napi::Value(names.Get(i)).ToString();
    values[name] = read_option(name, object.Get(name));
  }
  try {
    return entry->with(values);
  } catch (const TaskOptionError& error) {
    throw Refused("ERR_TASK_OPTION", id + ": " + error.what());
  }
}

Napi::Value to_javascript(Napi::Env env, const std::vector<Episode>& episodes, int observation_size, bool learning) {
  const size_t n = episodes.size(), o = size_t(observation_size);
  const auto numbers = [env](size_t size) { return new_array(env, "Float64Array", size).As<Napi::Float64Array>(); };
  const auto flags = [env](size_t size) { return new_array(env, "Uint8Array", size).As<Napi::Uint8Array>(); };
  auto returns = numbers(n), full_returns = numbers(n), counts = numbers(n);
  auto lengths = new_array(env, "Int32Array", n).As<Napi::Int32Array>();
  auto terminated = flags(n), diverged = flags(n);
  int64_t warnings = 0;
  auto means = numbers(learning ? n * o : 0), m2s = numbers(learning ? n * o : 0);
  for (size_t i = 0; i < n; ++i) {
    const Episode& e = episodes[i];
    returns[i] = e.stored_return;
    full_returns[i] = e.full_return;
    lengths[i] = e.length;
    terminated[i] = e.terminated;
    diverged[i] = e.diverged;
    counts[i] = double(e.moments.count);
    warnings += e.warnings;
    for (size_t k = 0; learning && k < o; ++k) {
      means[i * o + k] = e.moments.mean[k];
      m2s[i * o + k] = e.moments.m2[k];
    }
  }
  Napi::Object moments = Napi::Object::New(env);
  moments.Set("counts", counts);
  moments.Set("means", means);
  moments.Set("m2s", m2s);
  Napi::Object out = Napi::Object::New(env);
  out.Set("returns", returns);
  out.Set("fullReturns", full_returns);
  out.Set("lengths", lengths);
  out.Set("terminated", terminated);
  out.Set("diverged", diverged);
  out.Set("moments", moments);
  out.Set("warnings", double(warnings));
  return out;
}

Napi::Array number_list(Napi::Env env, const std::vector<double>& values) {
  Napi::Array out = Napi::Array::New(env, values.size());
  for (uint32_t i = 0; i < values.size(); ++i) out.Set(i, values[i]);
  return out;
}

}  // namespace

std::optional<Moments> read_statistics(const Napi::Value& value, int observation_size) {
  if (value.IsNull()) return std::nullopt;
  const Options o(value, "statistics");
  Moments moments;
  moments.count = o.integer("count", 0);
  moments.mean = double_array(o.get("mean"), "mean");
  moments.m2 = double_array(o.get("m2"), "m2");
  if (int(moments.mean.size()) != observation_size || int(moments.m2.size()) != observation_size)
    throw Refused("ERR_SHAPE",
                  "statistics: expected mean and m2 to have " + std::to_string(observation_size) + " numbers each.");
  return moments;
}

Purpose read_purpose(const Options& o) {
  const std::string purpose = o.text("purpose");
  if (purpose != "training" && purpose != "evaluation")
    throw Refused("ERR_ARGUMENT", "Expected purpose to be training or evaluation, got " + purpose + ".");
  return purpose == "training" ? Purpose::training_reset : Purpose::evaluation_reset;
}

Napi::Function RolloutObject::define(Napi::Env env) {
  return define_class(env, {method<RolloutObject, &RolloutObject::run>("run"),
                            method<RolloutObject, &RolloutObject::dispose>("dispose")});
}

RolloutObject::RolloutObject(const Napi::CallbackInfo& info) : Wrapped<RolloutObject>(info) {
  guarded(Env(), [&] {
    const std::shared_ptr<EngineState> state =
        unwrap<EngineObject>(info[0]).state();  // held: a getter of the options may dispose of it
    const Engine& engine = *state->engine;
    const Options o(info[1], "Rollout");
    const EnvEntry entry = read_env(o);
    const Architecture& a = engine.architecture;
    if (entry.spec.observation_size != a.observation_size || entry.spec.action_size != a.action_size)
      throw Refused("ERR_SHAPE", "Rollout: " + entry.spec.id + " has " + std::to_string(entry.spec.observation_size) +
                                     " observations and " + std::to_string(entry.spec.action_size) +
                                     " actions, the policies have " + std::to_string(a.observation_size) + " and " +
                                     std::to_string(a.action_size) + ".");
    rollout_ = std::make_shared<Rollout>(entry, a.policy_sizes(), a.action, int(o.integer("threads", 1, 4096)));
    thread_ = make_thread(Env(), [] {});
    policy_size_ = engine.policy_layout.size;
    observation_size_ = a.observation_size;
    napi_type_tag_object(Env(), info.This(), &tag);
  });
}

// run(policies, { episodes, seed, purpose: 'training' | 'evaluation', firstIndex, statistics, learning,
// removeSurvivalBonus })
Napi::Value RolloutObject::run(const Napi::CallbackInfo& info) {
  const Options o(info[1], "run");
  RolloutJob job;
  job.episodes = o.integer("episodes", 1, 1 << 20);
  job.seed = uint64_t(o.integer("seed", 0));
  job.purpose = read_purpose(o);
  job.first_index = uint64_t(o.integer("firstIndex", 0));
  job.learning = o.boolean("learning");
  job.remove_survival_bonus = o.boolean("removeSurvivalBonus");
  std::optional<Moments> statistics = read_statistics(o.get("statistics"), observation_size_);
  if (!rollout_) throw Refused("ERR_DISPOSED", "This rollout has been disposed. Make a new one.");
  const at::Tensor thetas = unwrap<PoliciesObject>(info[0]).thetas();
  if (thetas.size(1) != policy_size_) throw Refused("ERR_SHAPE", "run: these policies were made for another task.");
  job.policies = thetas.size(0);
  return run_async(
      info.Env(), thread_, "run",
      [thetas, rollout = rollout_, thread = thread_, job, statistics = std::move(statistics)]() mutable {
        const at::Tensor host = to_host(thetas);  // (policies, |theta|)
        job.thetas = host.const_data_ptr<float>();
        job.statistics = statistics ? &*statistics : nullptr;
        return rollout->run(job, thread->stopping());
      },
      [observation_size = observation_size_, learning = job.learning](Napi::Env env,
                                                                      const std::vector<Episode>& episodes) {
        return to_javascript(env, episodes, observation_size, learning);
      });
}

Napi::Value RolloutObject::dispose(const Napi::CallbackInfo& info) {
  if (thread_) thread_->end();
  thread_.reset();
  rollout_.reset();
  return info.Env().Undefined();
}

namespace {

Napi::Value to_javascript(Napi::Env env, const TaskOptionValue& value) {
  if (const bool* flag = std::get_if<bool>(&value)) return Napi::Boolean::New(env, *flag);
  if (const double* number = std::get_if<double>(&value)) return Napi::Number::New(env, *number);
  return number_list(env, {std::get<Range>(value).low, std::get<Range>(value).high});
}

Napi::Object to_javascript(Napi::Env env, const TaskOption& option) {
  static constexpr const char* kinds[] = {"boolean", "number", "range"};
  Napi::Object out = Napi::Object::New(env);
  out.Set("name", option.name);
  out.Set("kind", option.whole ? "whole number" : kinds[option.standard.index()]);
  out.Set("default", to_javascript(env, option.standard));
  if (option.least > -infinity) out.Set("least", option.least);
  if (option.most < infinity) out.Set("most", option.most);
  out.Set("help", option.help);
  return out;
}

Napi::Object to_javascript(Napi::Env env, const EnvEntry& entry) {
  const EnvSpec& spec = entry.spec;
  Napi::Object out = Napi::Object::New(env);
  out.Set("id", spec.id);
  out.Set("observationSize", spec.observation_size);
  out.Set("actionSize", spec.action_size);
  out.Set("discrete", spec.discrete);
  out.Set("actionLow", number_list(env, spec.action_low));
  out.Set("actionHigh", number_list(env, spec.action_high));
  out.Set("returnMin", spec.return_min);
  out.Set("returnMax", spec.return_max);
  out.Set("maxEpisodeSteps", spec.max_episode_steps);
  out.Set("survivalBonus", spec.survival_bonus);
  out.Set("trainingSteps", double(spec.training_steps));
  out.Set("evaluateEvery", double(spec.evaluate_every));
  out.Set("source", spec.source);
  Napi::Array options = Napi::Array::New(env, entry.options.size());
  for (uint32_t i = 0; i < entry.options.size(); ++i) options.Set(i, to_javascript(env, entry.options[i]));
  out.Set("options", options);
  return out;
}

}  // namespace

Napi::Value list_envs(const Napi::CallbackInfo& info) {
  const std::vector<EnvEntry>& all = env_registry();
  Napi::Array out = Napi::Array::New(info.Env(), all.size());
  for (uint32_t i = 0; i < all.size(); ++i) out.Set(i, to_javascript(info.Env(), all[i]));
  return out;
}

// env({ env, options }): as in the list, with these options
Napi::Value env_with_options(const Napi::CallbackInfo& info) {
  return to_javascript(info.Env(), read_env(Options(info[0], "env")));
}

// replay({ env, options, actions: Float64Array (T, A), resets: number[], states: Float64Array (E, n) })
//   -> { observations: Float64Array (T, O), rewards: Float64Array (T), terminated, truncated: Uint8Array (T) }
Napi::Value replay_recording(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  const Options o(info[0], "replay");
  const EnvEntry entry = read_env(o);
  const std::vector<double> actions = double_array(o.get("actions"), "actions"),
                            states = double_array(o.get("states"), "states");
  std::vector<int64_t> resets;
  for (double step : double_array(o.get("resets"), "resets")) resets.push_back(int64_t(step));
  const size_t action_size = entry.spec.discrete ? 1 : size_t(entry.spec.action_size),
               state_size = size_t(entry.make()->state_size());
  if (actions.empty() || actions.size() % action_size != 0)
    throw Refused("ERR_SHAPE", "replay: expected actions of " + std::to_string(action_size) + " numbers a step, got " +
                                   std::to_string(actions.size()) + " numbers.");
  if (states.size() != resets.size() * state_size)
    throw Refused("ERR_SHAPE", "replay: expected " + std::to_string(resets.size()) + " states of " +
                                   std::to_string(state_size) + " numbers, got " + std::to_string(states.size()) +
                                   " numbers.");
  const Recording recording{int64_t(actions.size() / action_size), actions.data(), int64_t(resets.size()),
                            resets.data(), states.data()};
  const Replay replay = gogepo::replay(entry, recording);
  Napi::Object out = Napi::Object::New(env);
  out.Set("observations", to_array(env, replay.observations.data(), replay.observations.size()));
  out.Set("rewards", to_array(env, replay.rewards.data(), replay.rewards.size()));
  const auto flags = [&](const std::vector<uint8_t>& values) {
    auto array = new_array(env, "Uint8Array", values.size()).As<Napi::Uint8Array>();
    std::copy(values.begin(), values.end(), array.Data());
    return array;
  };
  out.Set("terminated", flags(replay.terminated));
  out.Set("truncated", flags(replay.truncated));
  return out;
}

}  // namespace gogepo
