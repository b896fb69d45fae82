// Policies acting side by side on observations that come from JavaScript.
#pragma once
#include <ATen/core/Tensor.h>
#include <napi.h>

#include <memory>
#include <optional>
#include <vector>

#include "actor.h"
#include "addon.h"
#include "observation_normalizer.h"

namespace gogepo {

// new Actors({ policy, rows }): each row is one episode under way, of one policy. Every method is quick and
// synchronous.
class ActorsObject : public Wrapped<ActorsObject> {
 public:
  static constexpr napi_type_tag tag{0x6f67e90e08, 0x8};
  static constexpr const char* name = "Actors";
  static Napi::Function define(Napi::Env env);
  explicit ActorsObject(const Napi::CallbackInfo& info);

 private:
  struct Row {
    int64_t policy = -1;                        // -1: no episode was begun
    std::shared_ptr<MlpActor> mlp;              // shared by the rows of one policy
    std::unique_ptr<ExploringActor> exploring;  // on top of mlp; null without exploration
    ObservationNormalizer normalizer;
    Command command;  // only of a commanded policy
  };
  Napi::Value start(const Napi::CallbackInfo& info);
  Napi::Value reload(const Napi::CallbackInfo& info);
  Napi::Value begin(const Napi::CallbackInfo& info);
  Napi::Value act(const Napi::CallbackInfo& info);
  Napi::Value reward(const Napi::CallbackInfo& info);
  Napi::Value moments(const Napi::CallbackInfo& info);
  Napi::Value dispose(const Napi::CallbackInfo& info);
  void check() const;  // throws if disposed
  Row& row(const Napi::Value& index);
  const float* theta(int64_t policy) const;
  template <class Array>
  Array array(const Napi::Value& value, napi_typedarray_type type, size_t size, const char* what) const;

  PolicySpec policy_;
  int64_t policy_size_ = 0;                         // |theta|
  size_t observation_size_ = 0, action_width_ = 0;  // floats per row
  std::vector<Row> rows_;                           // empty: disposed
  at::Tensor thetas_;                               // (policies, |theta|), on the host; undefined before start()
  std::optional<Moments> statistics_;
  Observe observe_ = Observe::none;
  uint64_t seed_ = 0;
  Exploration exploration_;
  std::vector<float> input_;  // (O), and the command
};

}  // namespace gogepo
