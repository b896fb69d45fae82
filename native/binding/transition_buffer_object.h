// The ring buffer of transitions of an actor-critic algorithm.
#pragma once
#include <napi.h>

#include <memory>
#include <string>
#include <vector>

#include "addon.h"
#include "device_object.h"
#include "transition_buffer.h"

namespace gogepo {

// { observations, actions, rewards, nextObservations, terminated }, checked against each other.
struct TransitionColumns {
  std::vector<float> observations, actions, next_observations;  // (T, O), (T, A), (T, O)
  std::vector<double> rewards;                                  // (T)
  std::vector<uint8_t> terminated;                              // (T)
  size_t count() const { return rewards.size(); }

  TransitionColumns(const Napi::Value& value, int observation_size, int action_size, const std::string& where);
};

// new TransitionBuffer(device, { observationSize, actionSize, capacity })
class TransitionBufferObject : public Wrapped<TransitionBufferObject> {
 public:
  static constexpr napi_type_tag tag{0x6f67e90e20, 0x20};
  static constexpr const char* name = "TransitionBuffer";
  static Napi::Function define(Napi::Env env);
  explicit TransitionBufferObject(const Napi::CallbackInfo& info);
  const std::shared_ptr<TransitionBuffer>& buffer() const;  // throws if disposed
  const std::shared_ptr<DeviceState>& device() const { return device_; }

 private:
  Napi::Value push(const Napi::CallbackInfo& info);
  Napi::Value rows(const Napi::CallbackInfo& info);
  Napi::Value clear(const Napi::CallbackInfo& info);
  Napi::Value count(const Napi::CallbackInfo& info);
  Napi::Value pushed(const Napi::CallbackInfo& info);
  Napi::Value bytes(const Napi::CallbackInfo& info);
  Napi::Value dispose(const Napi::CallbackInfo& info);
  TransitionBuffer& idle(const char* where) const;  // throws if disposed or while a job is running

  std::shared_ptr<DeviceState> device_;
  std::shared_ptr<TransitionBuffer> buffer_;
};

}  // namespace gogepo
