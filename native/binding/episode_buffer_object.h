// The best episodes of a run of UDRL.
#pragma once
#include <napi.h>

#include <memory>

#include "addon.h"
#include "device_object.h"
#include "episode_buffer.h"
#include "layout.h"

namespace gogepo {

// new EpisodeBuffer(device, { policy, capacity })
class EpisodeBufferObject : public Wrapped<EpisodeBufferObject> {
 public:
  static constexpr napi_type_tag tag{0x6f67e90e22, 0x22};
  static constexpr const char* name = "EpisodeBuffer";
  static Napi::Function define(Napi::Env env);
  explicit EpisodeBufferObject(const Napi::CallbackInfo& info);
  const std::shared_ptr<EpisodeBuffer>& buffer() const;  // throws if disposed
  const std::shared_ptr<DeviceState>& device() const { return device_; }
  const PolicySpec& policy() const { return policy_; }

 private:
  Napi::Value push(const Napi::CallbackInfo& info);
  Napi::Value totals(const Napi::CallbackInfo& info);
  Napi::Value state(const Napi::CallbackInfo& info);
  Napi::Value restore(const Napi::CallbackInfo& info);
  Napi::Value bytes(const Napi::CallbackInfo& info);
  Napi::Value dispose(const Napi::CallbackInfo& info);
  EpisodeBuffer& idle(const char* where) const;  // throws if disposed or while a job is running

  std::shared_ptr<DeviceState> device_;
  std::shared_ptr<EpisodeBuffer> buffer_;
  PolicySpec policy_;
};

}  // namespace gogepo
