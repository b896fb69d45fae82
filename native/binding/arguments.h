// Reads and checks what JavaScript passes in; one wording for every refusal. JavaScript is not trusted.
#pragma once
#include <napi.h>

#include <string>
#include <vector>

#include "errors.h"

namespace gogepo {

// A plain object of options. Every key that is read must be present, with the right type and in range, unless a method
// takes a default.
class Options {
 public:
  Options(const Napi::Value& value, std::string where);
  double number(const char* key) const;                   // finite
  double number_from(const char* key, double low) const;  // finite and at least `low`
  int64_t integer(const char* key, int64_t low, int64_t high = int64_t(1) << 53) const;
  int size(const char* key) const { return int(integer(key, 1, 1 << 20)); }
  uint64_t counter(const char* key) const { return uint64_t(integer(key, 0)); }  // seeds and stream numbers
  bool boolean(const char* key) const;
  bool boolean(const char* key, bool otherwise) const;  // otherwise: if it is left out
  bool has(const char* key) const;                      // not left out
  std::string text(const char* key) const;
  // The position of a string among these.
  size_t choice(const char* key, const std::vector<std::string>& choices) const;
  std::vector<int> sizes(const char* key) const;       // list of positive integers
  std::vector<double> numbers(const char* key) const;  // list of finite numbers
  Napi::Value get(const char* key) const;

 private:
  [[noreturn]] void refuse(const char* key, const std::string& expected) const;
  Napi::Object object_;
  std::string where_;
};

std::string describe_value(const Napi::Value& value);  // for error messages: "undefined", "Float64Array of 3"

// Copies of typed arrays.
std::vector<float> float_array(const Napi::Value& value, const char* what);    // Float32Array
std::vector<double> double_array(const Napi::Value& value, const char* what);  // Float64Array
std::vector<uint8_t> byte_array(const Napi::Value& value, const char* what);   // Uint8Array

// An array of zeros of that constructor, "Float64Array" and the like. It is created by JavaScript, because Node's own
// way of creating one ends the process if memory runs out.
Napi::Value new_array(Napi::Env env, const char* constructor, size_t size);
Napi::Float32Array to_array(Napi::Env env, const float* data, size_t size);
Napi::Float64Array to_array(Napi::Env env, const double* data, size_t size);
Napi::Float32Array to_array(Napi::Env env, const std::vector<float>& values);
Napi::Float64Array to_array(Napi::Env env, const std::vector<double>& values);

}  // namespace gogepo
