// Policies acting side by side on observations that come from JavaScript, and what their episodes observed.
#pragma once
#include <napi.h>

#include <ATen/core/Tensor.h>

#include <optional>

#include "addon.h"
#include "observation_normalizer.h"
#include "policy_runner.h"

namespace gogepo {

// new Actors(engine, { rows }): each row is one episode under way, of one policy. Everything here is quick and returns
// at once.
class ActorsObject : public Wrapped<ActorsObject> {
 public:
  static constexpr napi_type_tag tag{0x6f67e90e08, 0x8};
  static constexpr const char* name = "Actors";
  static Napi::Function define(Napi::Env env);
  explicit ActorsObject(const Napi::CallbackInfo& info);

 private:
  struct Row {
    int64_t policy = -1;                   // none
    std::shared_ptr<PolicyRunner> runner;  // rows of one policy share it
    ObservationNormalizer normalizer;
  };
  Napi::Value start(const Napi::CallbackInfo& info);
  Napi::Value begin(const Napi::CallbackInfo& info);
  Napi::Value act(const Napi::CallbackInfo& info);
  Napi::Value moments(const Napi::CallbackInfo& info);
  Napi::Value dispose(const Napi::CallbackInfo& info);
  void check() const;
  Row& row(const Napi::Value& index);
  template <class Array>
  Array array(const Napi::Value& value, napi_typedarray_type type, size_t size, const char* what) const;

  PolicyLayout layout_;
  ActionScaling scaling_;
  size_t observation_size_ = 0, action_size_ = 0;  // numbers in a row
  std::vector<Row> rows_;                          // empty: disposed
  at::Tensor thetas_;                              // (policies, |theta|), of this start
  std::optional<Moments> statistics_;
  bool learning_ = false;
  std::vector<double> observation_;  // (O)
  std::vector<float> input_;         // (O)
};

// episodeSeed({ seed, purpose, index }) -> a whole number of 32 bits, what an episode of a task outside of C++ starts
// from
Napi::Value episode_seed(const Napi::CallbackInfo& info);

}  // namespace gogepo
