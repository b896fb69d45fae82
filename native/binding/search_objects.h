// ARS, OpenAI-ES and PGPE on a device's thread: three classes for JavaScript that differ in their steps and in what
// their states hold.
#pragma once
#include <napi.h>

#include <memory>

#include "addon.h"
#include "ars.h"
#include "device_object.h"
#include "es.h"
#include "pgpe.h"

namespace gogepo {

template <class S>
struct SearchNames;
template <>
struct SearchNames<Ars> {
  static constexpr napi_type_tag tag{0x6f67e90e0a, 0xa};
  static constexpr const char* name = "Ars";
};
template <>
struct SearchNames<Es> {
  static constexpr napi_type_tag tag{0x6f67e90e12, 0x12};
  static constexpr const char* name = "Es";
};
template <>
struct SearchNames<Pgpe> {
  static constexpr napi_type_tag tag{0x6f67e90e13, 0x13};
  static constexpr const char* name = "Pgpe";
};

// new Ars(device, { policy, seed }), new Es(device, { policy, seed }), new Pgpe(device, { policy, seed, stdev })
template <class S>
class SearchObject : public Wrapped<SearchObject<S>> {
 public:
  static constexpr napi_type_tag tag = SearchNames<S>::tag;
  static constexpr const char* name = SearchNames<S>::name;
  static Napi::Function define(Napi::Env env);
  explicit SearchObject(const Napi::CallbackInfo& info);

 private:
  Napi::Value size(const Napi::CallbackInfo& info);
  Napi::Value policy(const Napi::CallbackInfo& info);
  Napi::Value perturb(const Napi::CallbackInfo& info);
  Napi::Value step(const Napi::CallbackInfo& info);
  Napi::Value state(const Napi::CallbackInfo& info);
  Napi::Value restore(const Napi::CallbackInfo& info);
  Napi::Value dispose(const Napi::CallbackInfo& info);
  S& idle(const char* where) const;  // throws if disposed or while a job is running

  std::shared_ptr<DeviceState> device_;
  PolicySpec policy_;
  std::shared_ptr<S> search_;
};

using ArsObject = SearchObject<Ars>;
using EsObject = SearchObject<Es>;
using PgpeObject = SearchObject<Pgpe>;

}  // namespace gogepo
