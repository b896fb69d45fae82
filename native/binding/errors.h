// Every native failure becomes a GogepoError { code, message } here, and only here.
#pragma once
#include <napi.h>

#include <exception>
#include <stdexcept>
#include <string>

namespace gogepo {

// A failure with an error code.
class Refused : public std::runtime_error {
 public:
  Refused(std::string code, const std::string& message) : std::runtime_error(message), code(std::move(code)) {}
  const std::string code;
};

struct Failure {
  std::string code, message;  // no code: nothing failed
};
Failure describe(std::exception_ptr error);

Napi::Error to_javascript(Napi::Env env, const Failure& failure);

// Runs `body`; every exception that leaves it is a Napi::Error.
template <class Body>
auto guarded(Napi::Env env, Body body) -> decltype(body()) {
  try {
    return body();
  } catch (const Napi::Error&) {
    throw;
  } catch (...) {
    throw to_javascript(env, describe(std::current_exception()));
  }
}

}  // namespace gogepo
