// Reads and checks what JavaScript hands over; one wording for every refusal. JavaScript is not trusted.
#pragma once
#include <napi.h>

#include <string>
#include <vector>

#include "errors.h"

namespace gogepo {

// A plain object of options: every key that is read must be there, with the right type and in its range.
class Options {
 public:
  Options(const Napi::Value& value, std::string where);
  double number(const char* key) const;  // finite
  int64_t integer(const char* key, int64_t low, int64_t high = int64_t(1) << 53) const;
  int size(const char* key) const { return int(integer(key, 1, 1 << 20)); }
  bool boolean(const char* key) const;
  bool boolean(const char* key, bool otherwise) const;  // otherwise: where it is left out
  std::string text(const char* key) const;
  std::vector<int> sizes(const char* key) const;     // list of positive integers
  std::vector<float> floats(const char* key) const;  // list of numbers
  Napi::Value get(const char* key) const;

 private:
  [[noreturn]] void refuse(const char* key, const char* expected) const;
  Napi::Object object_;
  std::string where_;
};

std::string kind_of(const Napi::Value& value);  // for error texts: "undefined", "Float64Array of 3"
std::vector<float> float_array(const Napi::Value& value, const char* what);    // a copy of a Float32Array
std::vector<double> double_array(const Napi::Value& value, const char* what);  // a copy of a Float64Array

// An array of zeros of that constructor, "Float64Array" and the like. Made by JavaScript: asked for more than there is,
// Node's own way of making one ends the process.
Napi::Value new_array(Napi::Env env, const char* constructor, size_t size);
Napi::Float32Array to_array(Napi::Env env, const float* data, size_t size);
Napi::Float64Array to_array(Napi::Env env, const double* data, size_t size);

}  // namespace gogepo
