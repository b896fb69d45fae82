#include "addon.h"

#include <torch/headeronly/version.h>

#include "env.h"
#include "learner_objects.h"
#include "rollout_object.h"

namespace gogepo {

AddonData& addon_data(Napi::Env env) { return *env.GetInstanceData<AddonData>(); }

std::shared_ptr<JobThread> make_thread(Napi::Env env, std::function<void()> prepare) {
  auto& threads = addon_data(env).threads;
  std::erase_if(threads, [](const auto& thread) { return thread.expired(); });
  auto thread = std::make_shared<JobThread>(std::move(prepare));
  threads.push_back(thread);
  return thread;
}

namespace {

template <napi_value (*function)(const Napi::CallbackInfo&)>
napi_value guarded_function(napi_env env, napi_callback_info raw) {
  return to_napi(env, [&] { return function(Napi::CallbackInfo(env, raw)); });
}

Napi::Object initialize(Napi::Env env, Napi::Object exports) {
  auto* const data = new AddonData;
  env.SetInstanceData(data);
  env.AddCleanupHook([data] {   // before the environment goes: no thread of ours may still be at work for it
    for (const auto& thread : data->threads)
      if (const auto alive = thread.lock()) alive->end();
  });
  const Napi::Function policies = PoliciesObject::define(env);
  data->policies = Napi::Persistent(policies);
  exports.Set("Policies", policies);
  exports.Set("Engine", EngineObject::define(env));
  exports.Set("Generator", GeneratorObject::define(env));
  exports.Set("Critic", CriticObject::define(env));
  exports.Set("ReplayBuffer", ReplayBufferObject::define(env));
  exports.Set("Rollout", RolloutObject::define(env));
  const auto set_function = [&](const char* name, napi_callback callback) {
    napi_value function;
    if (napi_create_function(env, name, NAPI_AUTO_LENGTH, callback, nullptr, &function) == napi_ok) exports.Set(name, Napi::Value(env, function));
  };
  set_function("envs", guarded_function<[](const Napi::CallbackInfo& info) -> napi_value { return list_envs(info); }>);
  set_function("replay", guarded_function<[](const Napi::CallbackInfo& info) -> napi_value { return replay_recording(info); }>);
  set_function("setErrorClass", guarded_function<[](const Napi::CallbackInfo& info) -> napi_value {
    addon_data(info.Env()).error_class = Napi::Persistent(info[0].As<Napi::Function>());
    return info.Env().Undefined();
  }>);
  Napi::Object versions = Napi::Object::New(env);
  versions.Set("libtorch", TORCH_VERSION);
  versions.Set("mujoco", mujoco_version());
  exports.Set("versions", versions);
  return exports;
}

}  // namespace
}  // namespace gogepo

static Napi::Object initialize_engine(Napi::Env env, Napi::Object exports) { return gogepo::initialize(env, exports); }
NODE_API_MODULE(gogepo_engine, initialize_engine)
