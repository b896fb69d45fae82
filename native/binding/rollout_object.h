// Tasks as JavaScript sees them: the list, rollouts of policies, and the replay of a recording.
#pragma once
#include <napi.h>

#include <optional>

#include "addon.h"
#include "arguments.h"
#include "rollout.h"

namespace gogepo {

// new Rollout(engine, { env, options, threads }): one task, stepped for many policies on a thread pool.
class RolloutObject : public Wrapped<RolloutObject> {
 public:
  static constexpr napi_type_tag tag{0x6f67e90e06, 0x6};
  static constexpr const char* name = "Rollout";
  static Napi::Function define(Napi::Env env);
  explicit RolloutObject(const Napi::CallbackInfo& info);

 private:
  Napi::Value run(const Napi::CallbackInfo& info);
  Napi::Value dispose(const Napi::CallbackInfo& info);

  std::shared_ptr<Rollout> rollout_;
  std::shared_ptr<JobThread> thread_;
  int64_t policy_size_ = 0;
  int observation_size_ = 0;
};

// { count, mean: Float64Array (O), m2: Float64Array (O) }, or null: observations are not normalized
std::optional<Moments> read_statistics(const Napi::Value& value, int observation_size);
Purpose read_purpose(const Options& options);  // 'training' | 'evaluation': which stream an episode starts from

Napi::Value list_envs(const Napi::CallbackInfo& info);
Napi::Value env_with_options(const Napi::CallbackInfo& info);
Napi::Value replay_recording(const Napi::CallbackInfo& info);

}  // namespace gogepo
