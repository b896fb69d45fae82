#include "search_objects.h"

#include <ATen/ops/empty.h>
#include <ATen/ops/isfinite.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "arguments.h"
#include "policies_object.h"
#include "shown.h"
#include "spec_arguments.h"

namespace gogepo {
namespace {

constexpr int64_t most_elements = int64_t(1) << 28;  // of the deltas of one perturb: 2 GiB

// A vector of a state that is restored; its size is checked once the search is known to be alive.
std::vector<double> read_vector(const Options& o, const char* key, double low) {
  std::vector<double> values = double_array(o.get(key), key);
  for (const double value : values)
    if (!std::isfinite(value) || value < low)
      throw Refused("ERR_ARGUMENT", std::string("restore: expected ") + key + " to be finite" +
                                        (std::isfinite(low) ? " and not negative." : "."));
  return values;
}
void require_size(const std::vector<double>& values, const Search& search, const char* key) {
  if (int64_t(values.size()) != search.size())
    throw Refused("ERR_SHAPE", std::string("restore: expected ") + key + " to have " + std::to_string(search.size()) +
                                   " elements, got " + std::to_string(values.size()) + ".");
}
constexpr double any = -std::numeric_limits<double>::infinity();

// What differs: how an algorithm is created, what its deltas are multiplied by, its step, and its state. Options are
// read first and used later, because reading them may call a getter that disposes of the object.
template <class S>
struct Binding;

template <>
struct Binding<Ars> {
  static auto create(const Options&, const PolicySpec& policy, uint64_t seed) {
    return std::make_shared<Ars>(policy, seed);
  }
  static auto read_stdev(const Options& o) {
    return [stdev = std::vector<double>{o.number_from("noise", 0)}](const Ars&) { return stdev; };
  }
  static auto read_step(const Options& o) {
    const double step_size = o.number("stepSize");
    const int64_t top_directions = o.integer("topDirections", 1);
    return [=](Ars& ars, const double* returns, const uint8_t* leave) {
      if (top_directions > ars.directions())
        throw Refused("ERR_ARGUMENT", "step: expected topDirections to be a whole number from 1 to " +
                                          std::to_string(ars.directions()) + ", the number of directions, got " +
                                          std::to_string(top_directions) + ".");
      return ars.step(returns, leave, step_size, top_directions);
    };
  }
  static void write(Napi::Object& out, const ArsStep& step) {
    out.Set("returnStd", step.return_std);
    out.Set("stepNorm", step.step_norm);
  }
  static void write(Napi::Object& out, const Ars& ars) { out.Set("theta", to_array(out.Env(), ars.theta())); }
  static auto read_state(const Options& o) {
    return [theta = read_vector(o, "theta", any)](Ars& ars) {
      require_size(theta, ars, "theta");
      ars.restore(theta);
    };
  }
};

template <>
struct Binding<Es> {
  static auto create(const Options&, const PolicySpec& policy, uint64_t seed) {
    return std::make_shared<Es>(policy, seed);
  }
  static auto read_stdev(const Options& o) {
    return [stdev = std::vector<double>{o.number_from("noise", 0)}](const Es&) { return stdev; };
  }
  static auto read_step(const Options& o) {
    const double learning_rate = o.number("learningRate"), weight_decay = o.number_from("weightDecay", 0);
    return [=](Es& es, const double* returns, const uint8_t* leave) {
      return es.step(returns, leave, learning_rate, weight_decay);
    };
  }
  static void write(Napi::Object& out, const EsStep& step) {
    out.Set("gradientNorm", step.gradient_norm);
    out.Set("stepNorm", step.step_norm);
  }
  static void write(Napi::Object& out, const Es& es) {
    out.Set("theta", to_array(out.Env(), es.theta()));
    out.Set("firstMoment", to_array(out.Env(), es.first_moment()));
    out.Set("secondMoment", to_array(out.Env(), es.second_moment()));
    out.Set("updates", double(es.updates()));
  }
  static auto read_state(const Options& o) {
    return [updates = o.integer("updates", 0), theta = read_vector(o, "theta", any),
            first = read_vector(o, "firstMoment", any), second = read_vector(o, "secondMoment", 0)](Es& es) {
      require_size(theta, es, "theta");
      require_size(first, es, "firstMoment");
      require_size(second, es, "secondMoment");
      es.restore(theta, first, second, updates);
    };
  }
};

template <>
struct Binding<Pgpe> {
  static auto create(const Options& o, const PolicySpec& policy, uint64_t seed) {
    return std::make_shared<Pgpe>(policy, seed, o.number_from("stdev", 0));
  }
  static auto read_stdev(const Options&) {
    return [](const Pgpe& pgpe) { return pgpe.stdev(); };
  }
  static auto read_step(const Options& o) {
    const double center_rate = o.number("centerLearningRate"), stdev_rate = o.number("stdevLearningRate"),
                 max_change = o.number_from("stdevMaxChange", 0);
    if (!(max_change < 1))
      throw Refused("ERR_ARGUMENT", "step: expected stdevMaxChange to be less than 1, got " + shown(max_change) + ".");
    return [=](Pgpe& pgpe, const double* returns, const uint8_t* leave) {
      return pgpe.step(returns, leave, center_rate, stdev_rate, max_change);
    };
  }
  static void write(Napi::Object& out, const PgpeStep& step) {
    out.Set("stepNorm", step.step_norm);
    out.Set("stdevMean", step.stdev_mean);
  }
  static void write(Napi::Object& out, const Pgpe& pgpe) {
    out.Set("theta", to_array(out.Env(), pgpe.theta()));
    out.Set("stdev", to_array(out.Env(), pgpe.stdev()));
  }
  static auto read_state(const Options& o) {
    return [theta = read_vector(o, "theta", any), stdev = read_vector(o, "stdev", 0)](Pgpe& pgpe) {
      require_size(theta, pgpe, "theta");
      require_size(stdev, pgpe, "stdev");
      pgpe.restore(theta, stdev);
    };
  }
};

}  // namespace

template <class S>
Napi::Function SearchObject<S>::define(Napi::Env env) {
  using Self = SearchObject<S>;
  return Self::define_class(env, {getter<Self, &Self::size>("size"), method<Self, &Self::policy>("policy"),
                                  method<Self, &Self::perturb>("perturb"), method<Self, &Self::step>("step"),
                                  method<Self, &Self::state>("state"), method<Self, &Self::restore>("restore"),
                                  method<Self, &Self::dispose>("dispose")});
}

template <class S>
SearchObject<S>::SearchObject(const Napi::CallbackInfo& info) : Wrapped<SearchObject<S>>(info) {
  guarded(this->Env(), [&] {
    const Options o(info[1], name);
    policy_ = read_policy_spec(o.get("policy"), "policy");
    require_buildable(policy_, name);
    const uint64_t seed = o.counter("seed");
    search_ = Binding<S>::create(o, policy_, seed);
    device_ = unwrap<DeviceObject>(info[0]).state();  // after the options: a getter may dispose of it
    napi_type_tag_object(this->Env(), info.This(), &tag);
  });
}

template <class S>
S& SearchObject<S>::idle(const char* where) const {
  if (!search_)
    throw Refused("ERR_DISPOSED", std::string(where) + ": this " + name + " has been disposed. Create a new one.");
  device_->refuse_busy(where, (std::string("this ") + name).c_str());
  return *search_;
}

template <class S>
Napi::Value SearchObject<S>::size(const Napi::CallbackInfo& info) {
  return Napi::Number::New(info.Env(), double(PolicyLayout(policy_).size));
}

// policy() -> Policies: theta alone
template <class S>
Napi::Value SearchObject<S>::policy(const Napi::CallbackInfo& info) {
  const S& search = idle("policy");
  const InOrder in_order(*device_);
  const at::Tensor host = at::empty({1, search.size()}, at::kFloat);
  std::copy(search.theta().begin(), search.theta().end(), host.template mutable_data_ptr<float>());
  return PoliciesObject::make(info.Env(), device_, policy_, host.to(device_->device));
}

// perturb({ directions, seed, firstDirection, noise (not of Pgpe) }) -> Promise<Policies> (2 * directions)
template <class S>
Napi::Value SearchObject<S>::perturb(const Napi::CallbackInfo& info) {
  const Options o(info[0], "perturb");
  const int64_t directions = o.integer("directions", 1, 1 << 20);
  const auto stdev = Binding<S>::read_stdev(o);
  const uint64_t seed = o.counter("seed"), first_direction = o.counter("firstDirection");
  const int64_t size = idle("perturb").size();  // after the options: a getter may dispose of this
  if (directions > most_elements / size)
    throw Refused("ERR_ARGUMENT", "perturb: expected at most " + std::to_string(most_elements / size) +
                                      " directions for policies of " + std::to_string(size) + " parameters, got " +
                                      std::to_string(directions) + ".");
  return run_async(
      info.Env(), device_->thread, "perturb",
      [device = device_, search = search_, directions, stdev, seed, first_direction] {
        const at::Tensor host = at::empty({2 * directions, search->size()}, at::kFloat);
        search->perturb(directions, stdev(*search), seed, first_direction, host.template mutable_data_ptr<float>(),
                        device->thread->stopping());
        if (!device->thread->stopping() && !host.isfinite().all().template item<bool>())
          throw Refused("ERR_NOT_FINITE", "perturb: theta + noise * delta is not finite. Reduce noise.");
        return host.to(device->device);
      },
      [device = device_, policy = policy_](Napi::Env env, const at::Tensor& thetas) {
        return PoliciesObject::make(env, device, policy, thetas);
      });
}

// step(returns: Float64Array, leave: Uint8Array, options) -> Promise<what it did>
template <class S>
Napi::Value SearchObject<S>::step(const Napi::CallbackInfo& info) {
  const Options o(info[2], "step");
  const auto step = Binding<S>::read_step(o);
  std::vector<double> returns = double_array(info[0], "returns");
  std::vector<uint8_t> leave = byte_array(info[1], "leave");
  const S& search = idle("step");  // after the options: a getter may dispose of this
  const int64_t directions = search.directions();
  if (directions == 0)
    throw Refused("ERR_ARGUMENT",
                  "step: expected directions that were tried out, but there are none. Call perturb first.");
  if (int64_t(returns.size()) != 2 * directions || int64_t(leave.size()) != 2 * directions)
    throw Refused("ERR_SHAPE", "step: expected returns and leave to have " + std::to_string(2 * directions) +
                                   " elements each, got " + std::to_string(returns.size()) + " and " +
                                   std::to_string(leave.size()) + ".");
  for (size_t i = 0; i < returns.size(); ++i)
    if (!leave[i] && !std::isfinite(returns[i]))
      throw Refused("ERR_ARGUMENT", "step: expected finite returns, got " + shown(returns[i]) + " as element " +
                                        std::to_string(i) + ". Mark diverged episodes in leave.");
  return run_async(
      info.Env(), device_->thread, "step",
      [search = search_, step, returns = std::move(returns), leave = std::move(leave)] {
        const auto done = step(*search, returns.data(), leave.data());
        if (!done.finite)
          throw Refused("ERR_NOT_FINITE",
                        "step: theta would no longer be finite, so it was left unchanged. Take smaller steps.");
        return done;
      },
      [](Napi::Env env, const auto& done) {
        Napi::Object out = Napi::Object::New(env);
        Binding<S>::write(out, done);
        return out;
      });
}

// state() -> { theta: Float64Array, ... }
template <class S>
Napi::Value SearchObject<S>::state(const Napi::CallbackInfo& info) {
  const S& search = idle("state");
  Napi::Object out = Napi::Object::New(info.Env());
  Binding<S>::write(out, search);
  return out;
}

// restore({ theta: Float64Array, ... })
template <class S>
Napi::Value SearchObject<S>::restore(const Napi::CallbackInfo& info) {
  const auto restore = Binding<S>::read_state(Options(info[0], "restore"));
  restore(idle("restore"));  // after the options: a getter may dispose of this
  return info.Env().Undefined();
}

template <class S>
Napi::Value SearchObject<S>::dispose(const Napi::CallbackInfo& info) {
  search_.reset();
  device_.reset();
  return info.Env().Undefined();
}

template class SearchObject<Ars>;
template class SearchObject<Es>;
template class SearchObject<Pgpe>;

}  // namespace gogepo
