// Learned parameters as JavaScript keeps them in a checkpoint: { values, firstMoment, secondMoment, updates }.
#pragma once
#include <napi.h>

#include <vector>

#include "learned.h"

namespace gogepo {

Napi::Object to_javascript(Napi::Env env, const Learned& learned);

// Throws Refused, unless the arrays have the sizes of those in `like`.
Learned read_learned(const Learned& like, const Napi::Value& value, const char* what);
std::vector<float> read_like(const std::vector<float>& like, const Napi::Value& value, const char* what);

// What is not finite stays so, hence one check after many updates is enough.
bool all_finite(const std::vector<float>& values);
[[noreturn]] void refuse_not_finite(const char* where);

}  // namespace gogepo
