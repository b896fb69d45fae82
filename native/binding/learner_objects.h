// The classes JavaScript sees of native/gogepo. Each is a handle on shared C++ state: a job that runs keeps what it
// needs alive, whatever JavaScript disposes or forgets meanwhile.
#pragma once
#include <c10/core/StreamGuard.h>
#include <napi.h>

#include <optional>

#include "addon.h"
#include "engine.h"
#include "learn.h"
#include "replay_buffer.h"

namespace gogepo {

inline std::string not_finite(int64_t updates) {
  return " after " + std::to_string(updates) + " updates: not every number is finite.";
}

struct EngineState {
  std::unique_ptr<Engine> engine;
  std::shared_ptr<JobThread> thread;
  std::optional<c10::Stream> stream;  // on a CUDA device: the one that all work of this engine goes to
};

// In JavaScript's thread: what is done with tensors meanwhile is in order with what the engine's thread does. Nothing
// on a CPU.
class InOrder {
 public:
  explicit InOrder(const EngineState& state) : guard_(state.stream) {}

 private:
  c10::OptionalStreamGuard guard_;
};

// new Engine({ architecture, engine, device, threads, tf32 }): a device and the thread that computes on it, one job at
// a time. tf32, if not left out, is of a CUDA device.
class EngineObject : public Wrapped<EngineObject> {
 public:
  static constexpr napi_type_tag tag{0x6f67e90e01, 0x1};
  static constexpr const char* name = "Engine";
  static Napi::Function define(Napi::Env env);
  explicit EngineObject(const Napi::CallbackInfo& info);
  const std::shared_ptr<EngineState>& state() const;

 private:
  Napi::Value sizes(const Napi::CallbackInfo& info);
  Napi::Value device(const Napi::CallbackInfo& info);
  Napi::Value fit(const Napi::CallbackInfo& info);
  Napi::Value sgemm(const Napi::CallbackInfo& info);
  Napi::Value dispose(const Napi::CallbackInfo& info);
  std::shared_ptr<EngineState> state_;
};

// sizes(architecture) -> { policy, generator, critic }: what an engine would have; nothing is allocated
Napi::Value architecture_sizes(const Napi::CallbackInfo& info);

// cudaDevices() -> [{ name, capability, memory }] and openCudaPart(path): see cuda_part.h
Napi::Value cuda_devices(const Napi::CallbackInfo& info);
Napi::Value open_cuda_part(const Napi::CallbackInfo& info);

// theta of a batch of policies, (n, |theta|).
class PoliciesObject : public Wrapped<PoliciesObject> {
 public:
  static constexpr napi_type_tag tag{0x6f67e90e02, 0x2};
  static constexpr const char* name = "Policies";
  static Napi::Function define(Napi::Env env);
  explicit PoliciesObject(const Napi::CallbackInfo& info);  // new Policies(engine, Float32Array)
  ~PoliciesObject() override;
  static Napi::Value make(Napi::Env env, const std::shared_ptr<EngineState>& state, const at::Tensor& thetas);
  const at::Tensor& thetas() const;
  const std::shared_ptr<EngineState>& state() const { return state_; }

 private:
  Napi::Value count(const Napi::CallbackInfo& info);
  Napi::Value to_array(const Napi::CallbackInfo& info);
  Napi::Value actions(const Napi::CallbackInfo& info);
  Napi::Value dispose(const Napi::CallbackInfo& info);
  void hold(const at::Tensor& thetas);
  void release();
  std::shared_ptr<EngineState> state_;
  at::Tensor thetas_;
  int64_t told_ = 0;  // bytes V8 has been told of
};

// What generator and critic have in common: flat parameters that can be taken out and put back.
struct NetworkHandle {
  std::shared_ptr<EngineState> engine;
  std::shared_ptr<Parameters> parameters;
  const std::vector<NamedTensor>* tensors = nullptr;

  void check() const;  // throws when disposed
  void require_same(const std::shared_ptr<EngineState>& other, const char* where,
                    const char* what) const;  // its sizes and its thread
  Napi::Value names(Napi::Env env) const;
  Napi::Value state(Napi::Env env) const;
  void restore(const Napi::CallbackInfo& info);
};

class GeneratorObject : public Wrapped<GeneratorObject> {
 public:
  static constexpr napi_type_tag tag{0x6f67e90e03, 0x3};
  static constexpr const char* name = "Generator";
  static Napi::Function define(Napi::Env env);
  explicit GeneratorObject(const Napi::CallbackInfo& info);  // new Generator(engine, seed)
  const NetworkHandle& network() const { return network_; }

 private:
  Napi::Value generate(const Napi::CallbackInfo& info);
  Napi::Value update(const Napi::CallbackInfo& info);
  Napi::Value tensors(const Napi::CallbackInfo& info);
  Napi::Value state(const Napi::CallbackInfo& info);
  Napi::Value restore(const Napi::CallbackInfo& info);
  Napi::Value dispose(const Napi::CallbackInfo& info);
  NetworkHandle network_;
};

class CriticObject : public Wrapped<CriticObject> {
 public:
  static constexpr napi_type_tag tag{0x6f67e90e04, 0x4};
  static constexpr const char* name = "Critic";
  static Napi::Function define(Napi::Env env);
  explicit CriticObject(const Napi::CallbackInfo& info);  // new Critic(engine, seed)
  const NetworkHandle& network() const { return network_; }

 private:
  at::Tensor fitting_thetas(const Napi::Value& policies,
                            const char* where) const;  // throws when they are of another size
  Napi::Value value(const Napi::CallbackInfo& info);
  Napi::Value fingerprint(const Napi::CallbackInfo& info);
  Napi::Value update(const Napi::CallbackInfo& info);
  Napi::Value tensors(const Napi::CallbackInfo& info);
  Napi::Value state(const Napi::CallbackInfo& info);
  Napi::Value restore(const Napi::CallbackInfo& info);
  Napi::Value dispose(const Napi::CallbackInfo& info);
  NetworkHandle network_;
};

class ReplayBufferObject : public Wrapped<ReplayBufferObject> {
 public:
  static constexpr napi_type_tag tag{0x6f67e90e05, 0x5};
  static constexpr const char* name = "ReplayBuffer";
  static Napi::Function define(Napi::Env env);
  explicit ReplayBufferObject(
      const Napi::CallbackInfo& info);  // new ReplayBuffer(engine, { capacity, recencyExponent, pinned })
  const std::shared_ptr<ReplayBuffer>& buffer() const;
  const std::shared_ptr<EngineState>& state() const { return state_; }

 private:
  void refuse_busy(const char* where) const;
  Napi::Value push(const Napi::CallbackInfo& info);
  Napi::Value rows(const Napi::CallbackInfo& info);
  Napi::Value draw(const Napi::CallbackInfo& info);
  Napi::Value clear(const Napi::CallbackInfo& info);
  Napi::Value count(const Napi::CallbackInfo& info);
  Napi::Value pushed(const Napi::CallbackInfo& info);
  Napi::Value bytes(const Napi::CallbackInfo& info);
  Napi::Value dispose(const Napi::CallbackInfo& info);
  std::shared_ptr<EngineState> state_;
  std::shared_ptr<ReplayBuffer> buffer_;
};

}  // namespace gogepo
