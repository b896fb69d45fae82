#include "functions.h"

#include <algorithm>

#include "arguments.h"
#include "rollout_arguments.h"
#include "spec_arguments.h"

namespace gogepo {

// policySize(spec) -> |theta|
Napi::Value policy_size(const Napi::CallbackInfo& info) {
  return Napi::Number::New(info.Env(), double(PolicyLayout(read_policy_spec(info[0], "policySize")).size));
}

// sizes(architecture) -> { policy, generator, critic }; nothing is allocated
Napi::Value architecture_sizes(const Napi::CallbackInfo& info) {
  const Architecture a = read_architecture(info[0]);
  Napi::Object out = Napi::Object::New(info.Env());
  out.Set("policy", double(PolicyLayout(a.policy).size));
  out.Set("generator", double(GeneratorLayout(a).size));
  out.Set("critic", double(CriticLayout(a).size));
  return out;
}

// observationStd({ count, m2 }) -> Float64Array (O), what a deviation from the mean is divided by
Napi::Value observation_std(const Napi::CallbackInfo& info) {
  const Options o(info[0], "observationStd");
  Moments moments;
  moments.count = o.integer("count", 0);
  moments.m2 = double_array(o.get("m2"), "m2");
  std::vector<double> divisor(moments.m2.size());
  fit_divisor(moments, divisor);
  return to_array(info.Env(), divisor);
}

// episodeSeed({ seed, purpose, index }) -> a whole number of 32 bits
Napi::Value episode_seed(const Napi::CallbackInfo& info) {
  const Options o(info[0], "episodeSeed");
  Stream stream(o.counter("seed"), read_purpose(o), o.counter("index"));
  return Napi::Number::New(info.Env(), stream.bits());
}

namespace {

// `count` samples of a stream in a new array. More than 2^23 would keep the JavaScript thread busy for over a second.
template <typename Array, typename Next>
Napi::Value samples(Napi::Env env, const Options& o, const char* constructor, const Next& next) {
  const size_t count = size_t(o.integer("count", 0, int64_t(1) << 23));
  auto out = new_array(env, constructor, count).As<Array>();
  std::generate_n(out.Data(), count, next);
  return out;
}

}  // namespace

// uniforms({ seed, episode, count }) -> Float64Array (count)
Napi::Value uniforms(const Napi::CallbackInfo& info) {
  const Options o(info[0], "uniforms");
  Stream stream(o.counter("seed"), Purpose::strategy, o.counter("episode"));
  return samples<Napi::Float64Array>(info.Env(), o, "Float64Array", [&] { return stream.uniform(); });
}

// normals({ seed, index, count }) -> Float32Array (count)
Napi::Value normals(const Napi::CallbackInfo& info) {
  const Options o(info[0], "normals");
  Stream stream(o.counter("seed"), Purpose::user_defined, o.counter("index"));
  return samples<Napi::Float32Array>(info.Env(), o, "Float32Array", [&] { return float(stream.normal()); });
}

}  // namespace gogepo
