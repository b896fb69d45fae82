#include "addon.h"

#include <torch/headeronly/version.h>
#include <unistd.h>

#include "actor_critic_object.h"
#include "actors_object.h"
#include "backend.h"
#include "behavior_object.h"
#include "critic_object.h"
#include "device_object.h"
#include "env.h"
#include "episode_buffer_object.h"
#include "functions.h"
#include "generator_object.h"
#include "learned_policy_object.h"
#include "networks_object.h"
#include "policies_object.h"
#include "policy_object.h"
#include "replay_buffer_object.h"
#include "rollout_object.h"
#include "search_objects.h"
#include "task_functions.h"
#include "transition_buffer_object.h"

namespace gogepo {

AddonData& addon_data(Napi::Env env) { return *env.GetInstanceData<AddonData>(); }

void refuse_forked() {
  static const pid_t home = getpid();  // set when the addon is opened
  if (getpid() != home)
    throw Refused("ERR_ENGINE",
                  "This process was forked from one that uses gogepo and has none of its threads. Start a new process "
                  "instead (child_process, or fork and exec).");
}

std::shared_ptr<JobThread> make_thread(Napi::Env env, std::function<void()> prepare) {
  auto& threads = addon_data(env).threads;
  std::erase_if(threads, [](const auto& thread) { return thread.expired(); });
  auto thread = std::make_shared<JobThread>(std::move(prepare));
  threads.push_back(thread);
  return thread;
}

namespace {

template <Napi::Value (*function)(const Napi::CallbackInfo&)>
void set_function(Napi::Object exports, const char* name) {
  const napi_callback callback = [](napi_env env, napi_callback_info raw) {
    return to_napi(env, [&]() -> napi_value { return function(Napi::CallbackInfo(env, raw)); });
  };
  napi_value created;
  if (napi_create_function(exports.Env(), name, NAPI_AUTO_LENGTH, callback, nullptr, &created) == napi_ok)
    exports.Set(name, Napi::Value(exports.Env(), created));
}

Napi::Value set_error_class(const Napi::CallbackInfo& info) {
  if (!info[0].IsFunction()) throw Refused("ERR_ARGUMENT", "setErrorClass: expected a class.");
  addon_data(info.Env()).error_class = Napi::Persistent(info[0].As<Napi::Function>());
  return info.Env().Undefined();
}

// memory() -> { objects, workspace }: live wrapped objects, and bytes of workspace of all fast backends, in this
// process
Napi::Value memory(const Napi::CallbackInfo& info) {
  Napi::Object out = Napi::Object::New(info.Env());
  out.Set("objects", double(Counted::live));
  out.Set("workspace", double(fast_workspace_bytes()));
  return out;
}

Napi::Object initialize(Napi::Env env, Napi::Object exports) {
  refuse_forked();
  auto* const data = new AddonData;
  env.SetInstanceData(data);
  env.AddCleanupHook([data] {  // no thread of ours may outlive the environment
    for (const auto& thread : data->threads)
      if (const auto alive = thread.lock()) alive->end();
  });
  for (const char* name : {"Float32Array", "Float64Array", "Int32Array", "Uint8Array"})
    data->arrays[name] = Napi::Persistent(env.Global().Get(name).As<Napi::Function>());
  const Napi::Function policies = PoliciesObject::define(env);
  data->policies = Napi::Persistent(policies);
  exports.Set("Device", DeviceObject::define(env));
  exports.Set("Policies", policies);
  exports.Set("Rollout", RolloutObject::define(env));
  exports.Set("Actors", ActorsObject::define(env));
  exports.Set("Policy", PolicyObject::define(env));
  exports.Set("Networks", NetworksObject::define(env));
  exports.Set("Generator", GeneratorObject::define(env));
  exports.Set("Critic", CriticObject::define(env));
  exports.Set("LearnedPolicy", LearnedPolicyObject::define(env));
  exports.Set("ReplayBuffer", ReplayBufferObject::define(env));
  exports.Set("Ars", ArsObject::define(env));
  exports.Set("Es", EsObject::define(env));
  exports.Set("Pgpe", PgpeObject::define(env));
  exports.Set("TransitionBuffer", TransitionBufferObject::define(env));
  exports.Set("ActorCritic", ActorCriticObject::define(env));
  exports.Set("EpisodeBuffer", EpisodeBufferObject::define(env));
  exports.Set("Behavior", BehaviorObject::define(env));
  set_function<policy_size>(exports, "policySize");
  set_function<architecture_sizes>(exports, "sizes");
  set_function<observation_std>(exports, "observationStd");
  set_function<episode_seed>(exports, "episodeSeed");
  set_function<uniforms>(exports, "uniforms");
  set_function<normals>(exports, "normals");
  set_function<list_envs>(exports, "envs");
  set_function<env_with_options>(exports, "env");
  set_function<replay_recording>(exports, "replay");
  set_function<cuda_devices>(exports, "cudaDevices");
  set_function<open_cuda_part>(exports, "openCudaPart");
  set_function<set_error_class>(exports, "setErrorClass");
  set_function<memory>(exports, "memory");
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
