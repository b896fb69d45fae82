#include "task_functions.h"

#include "replay.h"
#include "shown.h"

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
                                       " to be a number, true, false or a list of two numbers, got " +
                                       describe_value(value) + ".");
}

Napi::Array number_list(Napi::Env env, const std::vector<double>& values) {
  Napi::Array out = Napi::Array::New(env, values.size());
  for (uint32_t i = 0; i < values.size(); ++i) out.Set(i, values[i]);
  return out;
}

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

EnvEntry read_env(const Options& o) {
  const std::string id = o.text("env");
  const EnvEntry* entry = find_env(id);
  if (entry == nullptr) throw Refused("ERR_UNKNOWN_ENV", "Unknown task \"" + id + "\".");
  const Napi::Value given = o.get("options");
  if (!given.IsObject())
    throw Refused("ERR_ARGUMENT", "Expected the options of a task to be an object, got " + describe_value(given) + ".");
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

Napi::Value list_envs(const Napi::CallbackInfo& info) {
  const std::vector<EnvEntry>& all = env_registry();
  Napi::Array out = Napi::Array::New(info.Env(), all.size());
  for (uint32_t i = 0; i < all.size(); ++i) out.Set(i, to_javascript(info.Env(), all[i]));
  return out;
}

// env({ env, options }) -> an entry of the list, with these options
Napi::Value env_with_options(const Napi::CallbackInfo& info) {
  return to_javascript(info.Env(), read_env(Options(info[0], "env")));
}

// replay({ env, options, actions: Float64Array (T, A), resets: Float64Array (E), states: Float64Array (E, n) })
//   -> { observations: Float64Array (T, O), rewards: Float64Array (T), terminated, truncated: Uint8Array (T) }
Napi::Value replay_recording(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  const Options o(info[0], "replay");
  const EnvEntry entry = read_env(o);
  const std::vector<double> actions = double_array(o.get("actions"), "actions"),
                            states = double_array(o.get("states"), "states");
  std::vector<int64_t> resets;
  for (double step : double_array(o.get("resets"), "resets")) {
    if (!(step >= 0 && step <= double(int64_t(1) << 53)))
      throw Refused("ERR_ARGUMENT", "replay: expected resets to be step numbers, got " + shown(step) + ".");
    resets.push_back(int64_t(step));
  }
  const size_t action_size = entry.spec.discrete ? 1 : size_t(entry.spec.action_size),
               state_size = size_t(entry.make()->state_size());
  if (actions.empty() || actions.size() % action_size != 0)
    throw Refused("ERR_SHAPE", "replay: expected actions of " + std::to_string(action_size) +
                                   " elements per step, got " + std::to_string(actions.size()) + " elements.");
  if (states.size() != resets.size() * state_size)
    throw Refused("ERR_SHAPE", "replay: expected " + std::to_string(resets.size()) + " states of " +
                                   std::to_string(state_size) + " elements each, got " + std::to_string(states.size()) +
                                   " elements.");
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
