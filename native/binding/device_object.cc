#include "device_object.h"

#include <ATen/Context.h>
#include <ATen/Parallel.h>
#include <ATen/detail/CUDAHooksInterface.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/full.h>
#include <ATen/ops/mm.h>
#include <c10/core/impl/VirtualGuardImpl.h>

#include <chrono>

#include "arguments.h"
#include "cuda_part.h"
#include "shown.h"

namespace gogepo {
namespace {

int cuda_device_count() { return at::hasCUDA() ? int(at::detail::getCUDAHooks().deviceCount()) : 0; }

// cpu, cuda or cuda:<i>; auto is a CUDA device if there is one
at::Device choose_device(const std::string& wanted) {
  if (wanted == "cpu") return at::kCPU;
  const bool automatic = wanted == "auto";
  const int devices = cuda_device_count();
  if (automatic && devices == 0) return at::kCPU;
  int index = 0;
  if (!automatic && wanted != "cuda") {
    const std::string digits = wanted.rfind("cuda:", 0) == 0 ? wanted.substr(5) : "";
    if (digits.empty() || digits.size() > 3 || digits.find_first_not_of("0123456789") != std::string::npos)
      throw Refused("ERR_ARGUMENT", "device: expected auto, cpu, cuda or cuda:<number>, got " + wanted + ".");
    index = std::stoi(digits);
  }
  if (index >= devices)
    throw Refused("ERR_CUDA_UNAVAILABLE", "device: " + wanted + " was requested, but LibTorch finds " +
                                              std::to_string(devices) +
                                              " CUDA devices. Use --device cpu, or a CUDA build of LibTorch on a "
                                              "machine with an NVIDIA driver.");
  return at::Device(at::kCUDA, at::DeviceIndex(index));
}

}  // namespace

void DeviceState::refuse_busy(const char* where, const char* what) const {
  if (thread->busy)
    throw Refused("ERR_BUSY",
                  std::string(where) + ": " + what + " is in use by an earlier call. Await that call first.");
}

Napi::Function DeviceObject::define(Napi::Env env) {
  return define_class(env, {getter<DeviceObject, &DeviceObject::device_name>("name"),
                            method<DeviceObject, &DeviceObject::sgemm>("sgemm"),
                            method<DeviceObject, &DeviceObject::dispose>("dispose")});
}

DeviceObject::DeviceObject(const Napi::CallbackInfo& info) : Wrapped<DeviceObject>(info) {
  guarded(Env(), [&] {
    refuse_forked();
    const Options o(info[0], "Device");
    const int threads = int(o.integer("threads", 1, 1024));
    const bool tf32 = o.boolean("tf32", false);
    const std::string wanted = o.text("device");
    auto state = std::make_shared<DeviceState>();
    state->device = choose_device(wanted);
    state->threads = threads;
    if (state->device.is_cuda()) {
      at::globalContext().lazyInitDevice(at::kCUDA);
      state->stream = c10::impl::VirtualGuardImpl(at::kCUDA).getStreamFromGlobalPool(state->device);
    }
    state->tf32.emplace(state->device, tf32);
    // LibTorch's thread count and current stream are per thread, so the new thread sets its own.
    state->thread = make_thread(Env(), [threads, stream = state->stream] {
      at::set_num_threads(threads);
      if (!stream) return;
      const c10::impl::VirtualGuardImpl cuda(at::kCUDA);
      cuda.setDevice(stream->device());
      cuda.exchangeStream(*stream);
    });
    state_ = std::move(state);
    napi_type_tag_object(Env(), info.This(), &tag);
  });
}

const std::shared_ptr<DeviceState>& DeviceObject::state() const {
  if (!state_) throw Refused("ERR_DISPOSED", "This device has been disposed. Create a new one.");
  return state_;
}

Napi::Value DeviceObject::device_name(const Napi::CallbackInfo& info) {
  return Napi::String::New(info.Env(), state()->device.str());
}

// sgemm({ m, n, k, repeats }) -> Promise<Float64Array (repeats)>, in milliseconds
Napi::Value DeviceObject::sgemm(const Napi::CallbackInfo& info) {
  const Options o(info[0], "sgemm");
  const int m = o.size("m"), n = o.size("n"), k = o.size("k");
  const size_t repeats = size_t(o.integer("repeats", 1, 1 << 20));
  if (double(m) * n * k > 1e11)
    throw Refused("ERR_ARGUMENT",
                  "sgemm: expected m * n * k to be at most 1e11, got " + shown(double(m) * n * k) + ".");
  const std::shared_ptr<JobThread> thread = state()->thread;  // after the options: a getter may dispose of this
  return run_async(
      info.Env(), thread, "sgemm",
      [m, n, k, repeats, thread] {
        const at::Tensor a = at::full({m, k}, 0.5, at::kFloat), b = at::full({k, n}, 0.25, at::kFloat);
        at::Tensor c = at::empty({m, n}, at::kFloat);
        at::mm_out(c, a, b);  // warm-up: the first multiplication touches fresh memory
        std::vector<double> milliseconds(repeats);
        for (double& time : milliseconds) {
          if (thread->stopping()) break;
          const auto start = std::chrono::steady_clock::now();
          at::mm_out(c, a, b);
          time = std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - start).count();
        }
        return milliseconds;
      },
      [](Napi::Env env, const std::vector<double>& milliseconds) -> Napi::Value {
        return to_array(env, milliseconds);
      });
}

Napi::Value DeviceObject::dispose(const Napi::CallbackInfo& info) {
  if (state_) {
    state_->thread->end();
    state_->tf32.reset();
  }
  state_.reset();
  return info.Env().Undefined();
}

Napi::Value cuda_devices(const Napi::CallbackInfo& info) {
  Napi::Array out = Napi::Array::New(info.Env());
  for (int i = 0; i < cuda_device_count(); ++i) {
    Napi::Object device = Napi::Object::New(info.Env());
    if (CudaPart* const part = cuda_part()) {
      const CudaDevice found = part->describe(i);
      device.Set("name", found.name);
      device.Set("capability", std::to_string(found.major) + "." + std::to_string(found.minor));
      device.Set("memory", double(found.bytes));
    }
    out.Set(uint32_t(i), device);
  }
  return out;
}

Napi::Value open_cuda_part(const Napi::CallbackInfo& info) {
  if (!info[0].IsString())
    throw Refused("ERR_ARGUMENT", "openCudaPart: expected the path of a library, got " + describe_value(info[0]) + ".");
  open_cuda_part(info[0].As<Napi::String>().Utf8Value());
  return info.Env().Undefined();
}

}  // namespace gogepo
