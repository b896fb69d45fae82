// A device, the thread that computes on it, and its stream.
#pragma once
#include <c10/core/StreamGuard.h>
#include <napi.h>

#include <memory>
#include <optional>

#include "addon.h"
#include "tf32_guard.h"

namespace gogepo {

// Shared by everything on the device: a running job keeps what it needs alive, whatever JavaScript disposes meanwhile.
struct DeviceState {
  at::Device device = at::kCPU;
  int threads = 1;
  std::optional<c10::Stream> stream;  // CUDA: the stream that all work of this device object goes to
  std::optional<Tf32Guard> tf32;      // until the device is disposed
  std::shared_ptr<JobThread> thread;

  void refuse_busy(const char* where, const char* what) const;  // throws ERR_BUSY while a job is running
};

// On JavaScript's thread: orders work on tensors with the work of the device's thread. Does nothing on a CPU.
class InOrder {
 public:
  explicit InOrder(const DeviceState& state) : guard_(state.stream) {}

 private:
  c10::OptionalStreamGuard guard_;
};

// new Device({ device, threads, tf32? })
class DeviceObject : public Wrapped<DeviceObject> {
 public:
  static constexpr napi_type_tag tag{0x6f67e90e01, 0x1};
  static constexpr const char* name = "Device";
  static Napi::Function define(Napi::Env env);
  explicit DeviceObject(const Napi::CallbackInfo& info);
  const std::shared_ptr<DeviceState>& state() const;  // throws if disposed

 private:
  Napi::Value device_name(const Napi::CallbackInfo& info);
  Napi::Value sgemm(const Napi::CallbackInfo& info);
  Napi::Value dispose(const Napi::CallbackInfo& info);
  std::shared_ptr<DeviceState> state_;
};

// cudaDevices() -> [{ name, capability, memory }] and openCudaPart(path): see cuda_part.h
Napi::Value cuda_devices(const Napi::CallbackInfo& info);
Napi::Value open_cuda_part(const Napi::CallbackInfo& info);

}  // namespace gogepo
