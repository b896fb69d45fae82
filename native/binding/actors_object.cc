#include "actors_object.h"

#include <algorithm>

#include "arguments.h"
#include "host_memory.h"
#include "learner_objects.h"
#include "rollout_object.h"

namespace gogepo {

constexpr size_t most_numbers = 1 << 26;  // a row keeps some numbers for each of an observation

Napi::Function ActorsObject::define(Napi::Env env) {
  return define_class(
      env, {method<ActorsObject, &ActorsObject::start>("start"), method<ActorsObject, &ActorsObject::begin>("begin"),
            method<ActorsObject, &ActorsObject::act>("act"), method<ActorsObject, &ActorsObject::moments>("moments"),
            method<ActorsObject, &ActorsObject::dispose>("dispose")});
}

ActorsObject::ActorsObject(const Napi::CallbackInfo& info) : Wrapped<ActorsObject>(info) {
  guarded(Env(), [&] {
    const Engine& engine = *unwrap<EngineObject>(info[0]).state()->engine;
    const Options o(info[1], "Actors");
    layout_ = engine.policy_layout;
    scaling_ = engine.architecture.action;
    observation_size_ = size_t(engine.architecture.observation_size);
    action_size_ = scaling_.discrete ? 1 : size_t(engine.architecture.action_size);
    observation_.resize(observation_size_);
    input_.resize(observation_size_);
    const size_t rows = size_t(o.integer("rows", 1, 4096));
    if (rows * observation_size_ > most_numbers)
      throw Refused("ERR_ARGUMENT", "Actors: expected rows to hold at most " + std::to_string(most_numbers) +
                                        " numbers of observations, got " + std::to_string(rows) + " of " +
                                        std::to_string(observation_size_) + ".");
    rows_.resize(rows, Row{-1, nullptr, ObservationNormalizer(int(observation_size_))});
    napi_type_tag_object(Env(), info.This(), &tag);
  });
}

void ActorsObject::check() const {
  if (rows_.empty()) throw Refused("ERR_DISPOSED", "These actors have been disposed. Make new ones.");
}

ActorsObject::Row& ActorsObject::row(const Napi::Value& index) {
  check();
  const double number = index.IsNumber() ? index.ToNumber().DoubleValue() : -1;
  if (!(number >= 0 && number < double(rows_.size())) || number != double(size_t(number)))
    throw Refused("ERR_ARGUMENT", "Actors: expected a row from 0 to " + std::to_string(rows_.size() - 1) + ", got " +
                                      kind_of(index) + ".");
  return rows_[size_t(number)];
}

// start(policies, { statistics, learning }): no episode is under way any more
Napi::Value ActorsObject::start(const Napi::CallbackInfo& info) {
  check();
  const at::Tensor thetas = unwrap<PoliciesObject>(info[0]).thetas();
  if (thetas.size(1) != layout_.size) throw Refused("ERR_SHAPE", "start: these policies were made for another task.");
  const Options o(info[1], "start");
  const bool learning = o.boolean("learning");
  statistics_ = read_statistics(o.get("statistics"), int(observation_size_));
  learning_ = learning;
  thetas_ = to_host(thetas);
  for (Row& row : rows_) row.policy = -1;
  return info.Env().Undefined();
}

// begin(row, policy): an episode of this policy, from the statistics of the start
Napi::Value ActorsObject::begin(const Napi::CallbackInfo& info) {
  Row& own = row(info[0]);
  const int64_t policies = thetas_.defined() ? thetas_.size(0) : 0;
  const double number = info[1].IsNumber() ? info[1].ToNumber().DoubleValue() : -1;
  if (!(number >= 0 && number < double(policies)) || number != double(int64_t(number)))
    throw Refused("ERR_ARGUMENT",
                  "begin: expected one of " + std::to_string(policies) + " policies, got " + kind_of(info[1]) + ".");
  const int64_t policy = int64_t(number);
  if (own.policy != policy) {
    const auto same =
        std::find_if(rows_.begin(), rows_.end(), [&](const Row& other) { return other.policy == policy; });
    if (same != rows_.end()) {
      own.runner = same->runner;
    } else {
      if (!own.runner || own.runner.use_count() > 1) own.runner = std::make_shared<PolicyRunner>(layout_, scaling_);
      own.runner->load(thetas_.const_data_ptr<float>() + policy * layout_.size);
    }
    own.policy = policy;
  }
  own.normalizer.start(statistics_ ? &*statistics_ : nullptr, learning_);
  return info.Env().Undefined();
}

template <class Array>
Array ActorsObject::array(const Napi::Value& value, napi_typedarray_type type, size_t size, const char* what) const {
  if (!value.IsTypedArray() || value.As<Napi::TypedArray>().TypedArrayType() != type ||
      value.As<Napi::TypedArray>().ElementLength() != size)
    throw Refused("ERR_SHAPE", "act: expected " + std::string(what) + " of " + std::to_string(size) + " for " +
                                   std::to_string(rows_.size()) + " rows, got " + kind_of(value) + ".");
  return value.As<Array>();
}

// act(observations: Float32Array (rows, O), actions: Float32Array (rows, A), or (rows) when discrete, active:
// Uint8Array (rows)) writes the actions of the rows that are active. A row adds the observation to what it has seen
// before it looks at it.
Napi::Value ActorsObject::act(const Napi::CallbackInfo& info) {
  check();
  const auto observations = array<Napi::Float32Array>(info[0], napi_float32_array, rows_.size() * observation_size_,
                                                      "observations, a Float32Array");
  auto actions =
      array<Napi::Float32Array>(info[1], napi_float32_array, rows_.size() * action_size_, "actions, a Float32Array");
  const auto active = array<Napi::Uint8Array>(info[2], napi_uint8_array, rows_.size(), "active rows, a Uint8Array");
  const float* const seen = observations.Data();
  float* const done = actions.Data();
  const uint8_t* const wanted = active.Data();
  for (size_t i = 0; i < rows_.size(); ++i) {  // one look at each: another thread may share these arrays
    if (!wanted[i]) continue;
    if (rows_[i].policy < 0)
      throw Refused("ERR_ARGUMENT", "act: row " + std::to_string(i) + " is active, and no episode was begun on it.");
    std::copy_n(seen + i * observation_size_, observation_size_, observation_.data());
    rows_[i].normalizer.normalize(observation_.data(), input_.data());
    rows_[i].runner->act(input_.data(), done + i * action_size_);
  }
  return info.Env().Undefined();
}

// moments(row) -> { count, mean: Float64Array (O), m2: Float64Array (O) } of its episode; count is 0 unless learning
Napi::Value ActorsObject::moments(const Napi::CallbackInfo& info) {
  const Moments& moments = row(info[0]).normalizer.additions();
  Napi::Object out = Napi::Object::New(info.Env());
  out.Set("count", double(moments.count));
  out.Set("mean", to_array(info.Env(), moments.mean.data(), moments.mean.size()));
  out.Set("m2", to_array(info.Env(), moments.m2.data(), moments.m2.size()));
  return out;
}

Napi::Value ActorsObject::dispose(const Napi::CallbackInfo& info) {
  rows_.clear();
  rows_.shrink_to_fit();
  thetas_.reset();
  return info.Env().Undefined();
}

Napi::Value episode_seed(const Napi::CallbackInfo& info) {
  const Options o(info[0], "episodeSeed");
  Stream stream(uint64_t(o.integer("seed", 0)), read_purpose(o), uint64_t(o.integer("index", 0)));
  return Napi::Number::New(info.Env(), stream.bits());
}

}  // namespace gogepo
