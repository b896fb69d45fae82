// Policy specs and architectures as JavaScript passes them in, and tensor names as it gets them back.
#pragma once
#include <napi.h>

#include <string>
#include <vector>

#include "layout.h"

namespace gogepo {

PolicySpec read_policy_spec(const Napi::Value& value, const std::string& where);
Architecture read_architecture(const Napi::Value& value);

// Refuses a policy that is too large to build.
void require_buildable(const PolicySpec& spec, const char* where);

// -> [{ name, shape, offset, size }]
Napi::Array to_javascript(Napi::Env env, const std::vector<NamedTensor>& tensors);

}  // namespace gogepo
