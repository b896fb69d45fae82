#include "learned_state.h"

#include <algorithm>
#include <cmath>
#include <string>

#include "arguments.h"

namespace gogepo {

Napi::Object to_javascript(Napi::Env env, const Learned& learned) {
  Napi::Object out = Napi::Object::New(env);
  out.Set("values", to_array(env, learned.values));
  out.Set("firstMoment", to_array(env, learned.first_moment));
  out.Set("secondMoment", to_array(env, learned.second_moment));
  out.Set("updates", double(learned.updates));
  return out;
}

Learned read_learned(const Learned& like, const Napi::Value& value, const char* what) {
  const Options o(value, what);
  Learned learned(read_like(like.values, o.get("values"), "values"));
  learned.first_moment = read_like(like.values, o.get("firstMoment"), "firstMoment");
  learned.second_moment = read_like(like.values, o.get("secondMoment"), "secondMoment");
  learned.updates = o.integer("updates", 0);
  return learned;
}

std::vector<float> read_like(const std::vector<float>& like, const Napi::Value& value, const char* what) {
  std::vector<float> values = float_array(value, what);
  if (values.size() != like.size())
    throw Refused("ERR_SHAPE", std::string("restore: expected ") + what + " to have " + std::to_string(like.size()) +
                                   " elements, got " + std::to_string(values.size()) + ".");
  return values;
}

bool all_finite(const std::vector<float>& values) {
  return std::all_of(values.begin(), values.end(), [](float x) { return std::isfinite(x); });
}

void refuse_not_finite(const char* where) {
  throw Refused("ERR_NOT_FINITE", std::string(where) + ": the losses or the parameters are no longer finite.");
}

}  // namespace gogepo
