// Functions that need no object.
#pragma once
#include <napi.h>

namespace gogepo {

Napi::Value policy_size(const Napi::CallbackInfo& info);
Napi::Value architecture_sizes(const Napi::CallbackInfo& info);
Napi::Value observation_std(const Napi::CallbackInfo& info);
Napi::Value episode_seed(const Napi::CallbackInfo& info);
Napi::Value uniforms(const Napi::CallbackInfo& info);
Napi::Value normals(const Napi::CallbackInfo& info);

}  // namespace gogepo
