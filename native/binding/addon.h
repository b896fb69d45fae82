// What this addon keeps per JavaScript environment (the main thread or a worker), and how its classes are defined.
#pragma once
#include <napi.h>

#include <atomic>
#include <map>
#include <memory>
#include <vector>

#include "async.h"
#include "errors.h"

namespace gogepo {

struct AddonData {
  Napi::FunctionReference error_class;  // GogepoError
  Napi::FunctionReference policies;     // the constructor of Policies, for objects that C++ creates
  // JavaScript's own typed array constructors, taken before a host can replace the globals.
  std::map<std::string, Napi::FunctionReference> arrays;
  std::vector<std::weak_ptr<JobThread>> threads;  // ended before the environment is gone
};
AddonData& addon_data(Napi::Env env);

// A thread that ends with the environment at the latest.
std::shared_ptr<JobThread> make_thread(Napi::Env env, std::function<void()> prepare);

// Counts the live wrapped objects of this process; every wrapped object holds one.
struct Counted {
  Counted() { ++live; }
  ~Counted() { --live; }
  Counted(const Counted&) = delete;
  Counted& operator=(const Counted&) = delete;
  static inline std::atomic<int64_t> live{0};
};

// Throws in a process that was forked without exec: it has none of our threads.
void refuse_forked();

// The base of every class that JavaScript sees.
template <class T>
class Wrapped : public Napi::ObjectWrap<T> {
 public:
  using Napi::ObjectWrap<T>::ObjectWrap;
  static Napi::Value OnCalledAsFunction(const Napi::CallbackInfo& info) {  // node-addon-api's own error has no code
    throw to_javascript(info.Env(),
                        {"ERR_ARGUMENT", std::string(T::name) + " is a class: expected new " + T::name + "(...)."});
  }

 protected:
  // Defines methods without V8's check of `this`, whose error has no code; each method checks the tag instead.
  static Napi::Function define_class(Napi::Env env, std::initializer_list<napi_property_descriptor> members) {
    const Napi::Function made = Napi::ObjectWrap<T>::DefineClass(env, T::name, {});
    const napi_status status = napi_define_properties(env, made.Get("prototype"), members.size(), members.begin());
    if (status != napi_ok) throw Napi::Error::New(env);
    return made;
  }

 private:
  Counted counted_;
};

// Wrapped objects are identified by a tag: a method called on a foreign `this`, or the wrong object as an argument, is
// refused.
template <class T>
T& unwrap(const Napi::Value& value) {
  refuse_forked();
  bool ours = false;
  if (value.IsObject()) napi_check_object_type_tag(value.Env(), value, &T::tag, &ours);
  if (!ours) throw Refused("ERR_ARGUMENT", std::string("Expected a native ") + T::name + " object, got another value.");
  return *Napi::ObjectWrap<T>::Unwrap(value.As<Napi::Object>());
}

template <class Body>
napi_value to_napi(napi_env env, Body body) {
  try {
    return guarded(env, body);
  } catch (const Napi::Error& error) {
    error.ThrowAsJavaScriptException();
    return nullptr;
  }
}

// A prototype method of class T.
template <class T, Napi::Value (T::*function)(const Napi::CallbackInfo&)>
napi_property_descriptor method(const char* name) {
  napi_property_descriptor descriptor{};
  descriptor.utf8name = name;
  descriptor.attributes = napi_default_method;
  descriptor.method = [](napi_env env, napi_callback_info raw) {
    return to_napi(env, [&]() -> napi_value {
      const Napi::CallbackInfo info(env, raw);
      return (unwrap<T>(info.This()).*function)(info);
    });
  };
  return descriptor;
}

// A read-only property of class T.
template <class T, Napi::Value (T::*function)(const Napi::CallbackInfo&)>
napi_property_descriptor getter(const char* name) {
  napi_property_descriptor descriptor = method<T, function>(name);
  descriptor.getter = descriptor.method;
  descriptor.method = nullptr;
  descriptor.attributes = napi_enumerable;
  return descriptor;
}

}  // namespace gogepo
