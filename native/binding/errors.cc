#include "errors.h"

#include <c10/util/Exception.h>

#include <new>
#include <string_view>

#include "addon.h"

namespace gogepo {

Failure describe(std::exception_ptr error) {
  try {
    std::rethrow_exception(error);
  } catch (const Refused& e) {
    return {e.code, e.what()};
  } catch (const c10::OutOfMemoryError& e) {
    return {"ERR_MEMORY", std::string("LibTorch ran out of memory: ") + e.what_without_backtrace()};
  } catch (const c10::Error& e) {
    // Only the CUDA allocator has an exception class for this; elsewhere only the message shows it.
    const std::string_view what = e.what_without_backtrace();
    const auto contains = [what](const char* words) { return what.find(words) != std::string_view::npos; };
    if (contains("can't allocate memory") || contains("CUDA error: out of memory") || contains("STATUS_ALLOC_FAILED"))
      return {"ERR_MEMORY", std::string("LibTorch: ") + e.what_without_backtrace()};
    return {"ERR_ENGINE", std::string("LibTorch: ") + e.what_without_backtrace()};
  } catch (const std::bad_alloc&) {
    return {"ERR_MEMORY", "Out of memory."};
  } catch (const std::invalid_argument& e) {
    return {"ERR_ARGUMENT", e.what()};
  } catch (const std::exception& e) {
    return {"ERR_ENGINE", e.what()};
  } catch (...) {
    return {"ERR_ENGINE", "An unknown C++ exception was thrown."};
  }
}

Napi::Error to_javascript(Napi::Env env, const Failure& failure) {
  const Napi::FunctionReference& error_class = addon_data(env).error_class;
  if (!error_class.IsEmpty())
    return Napi::Error(
        env, error_class.New({Napi::String::New(env, failure.code), Napi::String::New(env, failure.message)}));
  Napi::Error plain = Napi::Error::New(env, failure.message);  // before lib/native/open.ts has set the class
  plain.Set("code", failure.code);
  return plain;
}

}  // namespace gogepo
