#include "arguments.h"

#include <cmath>
#include <cstring>

#include "addon.h"
#include "shown.h"

namespace gogepo {

std::string describe_value(const Napi::Value& value) {
  if (value.IsUndefined()) return "undefined";
  if (value.IsNull()) return "null";
  if (value.IsNumber() || value.IsBoolean()) return value.ToString();
  if (value.IsString()) return "\"" + value.ToString().Utf8Value().substr(0, 60) + "\"";
  if (value.IsTypedArray()) {
    static const char* const names[] = {"Int8Array",    "Uint8Array",    "Uint8ClampedArray", "Int16Array",
                                        "Uint16Array",  "Int32Array",    "Uint32Array",       "Float32Array",
                                        "Float64Array", "BigInt64Array", "BigUint64Array"};
    const auto array = value.As<Napi::TypedArray>();
    const size_t type = array.TypedArrayType();
    return std::string(type < std::size(names) ? names[type] : "typed array") + " of " +
           std::to_string(array.ElementLength());
  }
  if (value.IsArray()) return "an array of " + std::to_string(value.As<Napi::Array>().Length());
  return value.IsFunction() ? "a function" : value.IsObject() ? "an object" : "another kind of value";
}

constexpr uint32_t most_layers = 64;  // with widths of at most 2^20, no parameter count overflows 64 bits

Options::Options(const Napi::Value& value, std::string where) : where_(std::move(where)) {
  if (!value.IsObject())
    throw Refused("ERR_ARGUMENT", where_ + ": expected an object of options, got " + describe_value(value) + ".");
  object_ = value.As<Napi::Object>();
}

Napi::Value Options::get(const char* key) const { return object_.Get(key); }

void Options::refuse(const char* key, const std::string& expected) const {
  throw Refused("ERR_ARGUMENT",
                where_ + ": expected " + key + " to be " + expected + ", got " + describe_value(get(key)) + ".");
}

double Options::number(const char* key) const {
  const Napi::Value value = get(key);
  if (!value.IsNumber() || !std::isfinite(value.ToNumber().DoubleValue())) refuse(key, "a finite number");
  return value.ToNumber().DoubleValue();
}

double Options::number_from(const char* key, double low) const {
  const double value = number(key);
  if (value < low) refuse(key, "a number from " + shown(low));
  return value;
}

int64_t Options::integer(const char* key, int64_t low, int64_t high) const {
  const Napi::Value value = get(key);
  const double number = value.IsNumber() ? value.ToNumber().DoubleValue() : NAN;
  if (!(number >= double(low) && number <= double(high)) || number != std::floor(number))
    refuse(key, "a whole number from " + std::to_string(low) + " to " + std::to_string(high));
  return int64_t(number);
}

bool Options::boolean(const char* key) const {
  const Napi::Value value = get(key);
  if (!value.IsBoolean()) refuse(key, "true or false");
  return value.ToBoolean();
}

bool Options::boolean(const char* key, bool otherwise) const {
  const Napi::Value value = get(key);
  if (value.IsUndefined()) return otherwise;
  if (!value.IsBoolean()) refuse(key, "true or false");
  return value.ToBoolean();
}

bool Options::has(const char* key) const { return !get(key).IsUndefined(); }

std::string Options::text(const char* key) const {
  const Napi::Value value = get(key);
  if (!value.IsString()) refuse(key, "a string");
  return value.ToString();
}

size_t Options::choice(const char* key, const std::vector<std::string>& choices) const {
  const Napi::Value value = get(key);
  if (value.IsString()) {
    const std::string text = value.ToString();
    for (size_t i = 0; i < choices.size(); ++i)
      if (text == choices[i]) return i;
  }
  std::string expected;
  for (size_t i = 0; i < choices.size(); ++i)
    expected += (i == 0 ? "" : i + 1 == choices.size() ? " or " : ", ") + choices[i];
  refuse(key, expected);
}

std::vector<int> Options::sizes(const char* key) const {
  const Napi::Value value = get(key);
  if (!value.IsArray()) refuse(key, "a list of whole numbers");
  const auto array = value.As<Napi::Array>();
  if (array.Length() > most_layers) refuse(key, "a list of at most " + std::to_string(most_layers) + " whole numbers");
  std::vector<int> out;
  for (uint32_t i = 0; i < array.Length(); ++i) {
    const Napi::Value item = array.Get(i);
    const double number = item.IsNumber() ? item.ToNumber().DoubleValue() : NAN;
    if (!(number >= 1 && number <= (1 << 20)) || number != std::floor(number))
      refuse(key, "a list of whole numbers from 1 to " + std::to_string(1 << 20));
    out.push_back(int(number));
  }
  return out;
}

std::vector<double> Options::numbers(const char* key) const {
  const Napi::Value value = get(key);
  if (!value.IsArray()) refuse(key, "a list of numbers");
  const auto array = value.As<Napi::Array>();
  std::vector<double> out;
  for (uint32_t i = 0; i < array.Length(); ++i) {
    const Napi::Value item = array.Get(i);
    if (!item.IsNumber() || !std::isfinite(item.ToNumber().DoubleValue())) refuse(key, "a list of finite numbers");
    out.push_back(item.ToNumber().DoubleValue());
  }
  return out;
}

template <class T, napi_typedarray_type type>
static std::vector<T> copy_array(const Napi::Value& value, const char* what, const char* expected) {
  if (!value.IsTypedArray() || value.As<Napi::TypedArray>().TypedArrayType() != type)
    throw Refused("ERR_ARGUMENT",
                  std::string("Expected ") + what + " to be a " + expected + ", got " + describe_value(value) + ".");
  const auto array = value.As<Napi::TypedArrayOf<T>>();
  const size_t size = array.ElementLength();  // 0 if the buffer is detached or has shrunk
  return size == 0 ? std::vector<T>() : std::vector<T>(array.Data(), array.Data() + size);
}

std::vector<float> float_array(const Napi::Value& value, const char* what) {
  return copy_array<float, napi_float32_array>(value, what, "Float32Array");
}
std::vector<double> double_array(const Napi::Value& value, const char* what) {
  return copy_array<double, napi_float64_array>(value, what, "Float64Array");
}
std::vector<uint8_t> byte_array(const Napi::Value& value, const char* what) {
  return copy_array<uint8_t, napi_uint8_array>(value, what, "Uint8Array");
}

Napi::Value new_array(Napi::Env env, const char* constructor, size_t size) {
  try {
    return addon_data(env).arrays.at(constructor).New({Napi::Number::New(env, double(size))});
  } catch (const Napi::Error&) {
    throw Refused("ERR_MEMORY", "Out of memory: JavaScript cannot allocate a " + std::string(constructor) + " of " +
                                    std::to_string(size) + " elements.");
  }
}

template <class T>
static Napi::TypedArrayOf<T> filled(Napi::Value made, const T* data, size_t size) {
  auto array = made.As<Napi::TypedArrayOf<T>>();
  if (size > 0) std::memcpy(array.Data(), data, size * sizeof(T));
  return array;
}
Napi::Float32Array to_array(Napi::Env env, const float* data, size_t size) {
  return filled(new_array(env, "Float32Array", size), data, size);
}
Napi::Float64Array to_array(Napi::Env env, const double* data, size_t size) {
  return filled(new_array(env, "Float64Array", size), data, size);
}
Napi::Float32Array to_array(Napi::Env env, const std::vector<float>& values) {
  return to_array(env, values.data(), values.size());
}
Napi::Float64Array to_array(Napi::Env env, const std::vector<double>& values) {
  return to_array(env, values.data(), values.size());
}

}  // namespace gogepo
