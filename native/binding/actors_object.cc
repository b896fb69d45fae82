#include "actors_object.h"

#include <algorithm>
#include <cmath>
#include <set>

#include "arguments.h"
#include "policies_object.h"
#include "rollout_arguments.h"
#include "spec_arguments.h"

namespace gogepo {
namespace {

constexpr size_t most_elements = 1 << 26;  // of the observations of all rows: a row keeps several statistics of each

// A whole number from 0 to below `count`; -1 if it is something else.
int64_t index_below(const Napi::Value& value, int64_t count) {
  const double number = value.IsNumber() ? value.ToNumber().DoubleValue() : -1;
  return number >= 0 && number < double(count) && number == double(int64_t(number)) ? int64_t(number) : -1;
}

}  // namespace

Napi::Function ActorsObject::define(Napi::Env env) {
  return define_class(
      env,
      {method<ActorsObject, &ActorsObject::start>("start"), method<ActorsObject, &ActorsObject::reload>("reload"),
       method<ActorsObject, &ActorsObject::begin>("begin"), method<ActorsObject, &ActorsObject::act>("act"),
       method<ActorsObject, &ActorsObject::reward>("reward"), method<ActorsObject, &ActorsObject::moments>("moments"),
       method<ActorsObject, &ActorsObject::dispose>("dispose")});
}

ActorsObject::ActorsObject(const Napi::CallbackInfo& info) : Wrapped<ActorsObject>(info) {
  guarded(Env(), [&] {
    refuse_forked();
    const Options o(info[0], "Actors");
    policy_ = read_policy_spec(o.get("policy"), "policy");
    require_buildable(policy_, "Actors");
    policy_size_ = PolicyLayout(policy_).size;
    observation_size_ = size_t(policy_.observation_size);
    action_width_ = size_t(action_width(policy_));
    input_.resize(size_t(policy_.input_size()));
    const size_t rows = size_t(o.integer("rows", 1, 4096));
    if (rows * observation_size_ > most_elements)
      throw Refused("ERR_ARGUMENT", "Actors: expected observations of at most " + std::to_string(most_elements) +
                                        " elements in all rows together, got " + std::to_string(rows) + " rows of " +
                                        std::to_string(observation_size_) + ".");
    for (size_t i = 0; i < rows; ++i)
      rows_.push_back({-1, nullptr, nullptr, ObservationNormalizer(int(observation_size_)), {}});
    napi_type_tag_object(Env(), info.This(), &tag);
  });
}

void ActorsObject::check() const {
  if (rows_.empty()) throw Refused("ERR_DISPOSED", "These actors have been disposed. Create new ones.");
}

ActorsObject::Row& ActorsObject::row(const Napi::Value& index) {
  check();
  const int64_t number = index_below(index, int64_t(rows_.size()));
  if (number < 0)
    throw Refused("ERR_ARGUMENT", "Actors: expected a row from 0 to " + std::to_string(rows_.size() - 1) + ", got " +
                                      describe_value(index) + ".");
  return rows_[size_t(number)];
}

const float* ActorsObject::theta(int64_t policy) const {
  return thetas_.const_data_ptr<float>() + policy * policy_size_;
}

// start(policies, { seed, statistics, observe, exploration? }): forgets all episodes
Napi::Value ActorsObject::start(const Napi::CallbackInfo& info) {
  const Options o(info[1], "start");
  const uint64_t seed = o.counter("seed");
  const Observe observe = read_observe(o);
  const Exploration exploration = read_exploration(o, policy_);
  std::optional<Moments> statistics = read_statistics(o.get("statistics"), policy_.observation_size);
  check();  // after the options: a getter may dispose of this
  thetas_ = unwrap<PoliciesObject>(info[0]).host_thetas_for(policy_, "start");
  statistics_ = std::move(statistics);
  observe_ = observe;
  seed_ = seed;
  exploration_ = exploration;
  for (Row& row : rows_) {
    row.policy = -1;
    row.exploring.reset();
  }
  return info.Env().Undefined();
}

// reload(policies): other theta under the episodes that are under way
Napi::Value ActorsObject::reload(const Napi::CallbackInfo& info) {
  check();
  if (!thetas_.defined()) throw Refused("ERR_ARGUMENT", "reload: expected actors that were started. Call start first.");
  const at::Tensor thetas = unwrap<PoliciesObject>(info[0]).host_thetas_for(policy_, "reload");
  if (thetas.size(0) != thetas_.size(0))
    throw Refused("ERR_SHAPE", "reload: expected " + std::to_string(thetas_.size(0)) +
                                   " policies, as many as were started, got " + std::to_string(thetas.size(0)) + ".");
  thetas_ = thetas;
  std::set<int64_t> loaded;
  for (Row& row : rows_)
    if (row.policy >= 0 && loaded.insert(row.policy).second) row.mlp->load(theta(row.policy));
  return info.Env().Undefined();
}

// begin(row, policy, index): an episode of this policy begins, from the statistics given to start()
Napi::Value ActorsObject::begin(const Napi::CallbackInfo& info) {
  Row& own = row(info[0]);
  if (!thetas_.defined()) throw Refused("ERR_ARGUMENT", "begin: expected actors that were started. Call start first.");
  const int64_t policies = thetas_.size(0);
  const int64_t policy = index_below(info[1], policies), index = index_below(info[2], int64_t(1) << 53);
  if (policy < 0)
    throw Refused("ERR_ARGUMENT", "begin: expected a policy from 0 to " + std::to_string(policies - 1) + ", got " +
                                      describe_value(info[1]) + ".");
  if (index < 0)
    throw Refused("ERR_ARGUMENT", "begin: expected the index of an episode, a whole number from 0, got " +
                                      describe_value(info[2]) + ".");
  // Load the policy, unless a row already has.
  if (own.policy != policy) {
    const auto same =
        std::find_if(rows_.begin(), rows_.end(), [&](const Row& other) { return other.policy == policy; });
    own.exploring.reset();
    if (same != rows_.end()) {
      own.mlp = same->mlp;
    } else {
      if (!own.mlp || own.mlp.use_count() > 1) own.mlp = std::make_shared<MlpActor>(policy_);
      own.mlp->load(theta(policy));
    }
    own.policy = policy;
  }
  own.command = own.mlp->command();
  // Its exploration and its statistics.
  if (!exploration_.none()) {
    if (!own.exploring) own.exploring = std::make_unique<ExploringActor>(own.mlp, policy_, exploration_);
    own.exploring->begin(Stream(seed_, Purpose::action_noise, uint64_t(index)));
  }
  own.normalizer.start(statistics_ ? &*statistics_ : nullptr, observe_);
  return info.Env().Undefined();
}

template <class Array>
Array ActorsObject::array(const Napi::Value& value, napi_typedarray_type type, size_t size, const char* what) const {
  if (!value.IsTypedArray() || value.As<Napi::TypedArray>().TypedArrayType() != type ||
      value.As<Napi::TypedArray>().ElementLength() != size)
    throw Refused("ERR_SHAPE", "act: expected " + std::string(what) + " of " + std::to_string(size) + " elements for " +
                                   std::to_string(rows_.size()) + " rows, got " + describe_value(value) + ".");
  return value.As<Array>();
}

// act(observations: Float64Array (rows, O), actions: Float32Array (rows, A), or (rows) if discrete, active: Uint8Array
// (rows)): writes the actions of the active rows
Napi::Value ActorsObject::act(const Napi::CallbackInfo& info) {
  check();
  const auto observations = array<Napi::Float64Array>(info[0], napi_float64_array, rows_.size() * observation_size_,
                                                      "observations, a Float64Array");
  auto actions =
      array<Napi::Float32Array>(info[1], napi_float32_array, rows_.size() * action_width_, "actions, a Float32Array");
  const auto active = array<Napi::Uint8Array>(info[2], napi_uint8_array, rows_.size(), "active rows, a Uint8Array");
  const double* const observed = observations.Data();
  float* const acted = actions.Data();
  const uint8_t* const wanted = active.Data();
  for (size_t i = 0; i < rows_.size(); ++i) {
    if (!wanted[i]) continue;  // read once: another thread may share this array
    Row& row = rows_[i];
    if (row.policy < 0)
      throw Refused("ERR_ARGUMENT", "act: row " + std::to_string(i) + " is active, but no episode was begun on it.");
    row.normalizer.normalize(observed + i * observation_size_, input_.data());
    if (policy_.command) row.command.write(input_.data() + observation_size_);
    Actor& actor = row.exploring ? static_cast<Actor&>(*row.exploring) : *row.mlp;
    actor.act(input_.data(), acted + i * action_width_);
  }
  return info.Env().Undefined();
}

// reward(row, reward): what its last action earned, which a commanded policy is no longer asked for
Napi::Value ActorsObject::reward(const Napi::CallbackInfo& info) {
  Row& own = row(info[0]);
  const double reward = info[1].IsNumber() ? info[1].As<Napi::Number>().DoubleValue() : NAN;
  if (!std::isfinite(reward))
    throw Refused("ERR_ARGUMENT", "reward: expected a finite number, got " + describe_value(info[1]) + ".");
  own.command.follow(reward);
  return info.Env().Undefined();
}

// moments(row) -> { count, mean: Float64Array (O), m2: Float64Array (O) }; count is 0 unless observed
Napi::Value ActorsObject::moments(const Napi::CallbackInfo& info) {
  const Moments& moments = row(info[0]).normalizer.moments();
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

}  // namespace gogepo
