// Functions about native tasks: the list, one task with options, and the replay of a recording.
#pragma once
#include <napi.h>

#include "arguments.h"
#include "env.h"

namespace gogepo {

// { env, options }: the task with these options. Throws ERR_UNKNOWN_ENV, ERR_TASK_OPTION.
EnvEntry read_env(const Options& options);

Napi::Value list_envs(const Napi::CallbackInfo& info);
Napi::Value env_with_options(const Napi::CallbackInfo& info);
Napi::Value replay_recording(const Napi::CallbackInfo& info);

}  // namespace gogepo
