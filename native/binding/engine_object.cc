#include <ATen/Context.h>
#include <ATen/Parallel.h>
#include <ATen/detail/CUDAHooksInterface.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/full.h>
#include <ATen/ops/mm.h>
#include <c10/core/impl/VirtualGuardImpl.h>

#include <chrono>
#include <cmath>

#include "arguments.h"
#include "cuda_part.h"
#include "learner_objects.h"

namespace gogepo {
namespace {

Architecture read_architecture(const Napi::Value& value) {
  const Options o(value, "architecture");
  Architecture a;
  a.observation_size = o.size("observationSize");
  a.action_size = o.size("actionSize");
  a.action.center = o.floats("actionCenter");
  a.action.scale = o.floats("actionScale");
  a.action.discrete = o.boolean("discrete");
  a.policy_hidden = o.sizes("policyHidden");
  a.slice_size = o.size("sliceSize");
  a.embedding_size = o.size("embeddingSize");
  a.generator_hidden = o.sizes("generatorHidden");
  a.output_scale = o.number("outputScale");
  a.probing_states = o.size("probingStates");
  const std::string kind = o.text("criticKind");
  if (kind != "fingerprint" && kind != "parameters")
    throw Refused("ERR_ARGUMENT",
                  "architecture: expected criticKind to be fingerprint or parameters, got " + kind + ".");
  a.critic_kind = kind == "fingerprint" ? CriticKind::fingerprint : CriticKind::parameters;
  a.critic_hidden = o.sizes("criticHidden");
  a.return_min = o.number("returnMin");
  a.return_max = o.number("returnMax");
  if (!(a.return_max > a.return_min))
    throw Refused("ERR_ARGUMENT", "architecture: expected returnMax to be above returnMin.");
  if (int(a.action.center.size()) != a.action_size || int(a.action.scale.size()) != a.action_size)
    throw Refused("ERR_SHAPE", "architecture: expected actionCenter and actionScale to have actionSize numbers each.");
  return a;
}

int cuda_device_count() { return at::hasCUDA() ? int(at::detail::getCUDAHooks().deviceCount()) : 0; }

// cpu, cuda, cuda:<i>; auto is a CUDA device where there is one
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
    throw Refused("ERR_CUDA_UNAVAILABLE",
                  "device: " + wanted + " was asked for, and this LibTorch finds " + std::to_string(devices) +
                      " CUDA devices. Use --device cpu, or a LibTorch with CUDA on a machine with an NVIDIA driver.");
  return at::Device(at::kCUDA, at::DeviceIndex(index));
}

}  // namespace

Napi::Function EngineObject::define(Napi::Env env) {
  return define_class(
      env, {getter<EngineObject, &EngineObject::sizes>("sizes"), getter<EngineObject, &EngineObject::device>("device"),
            method<EngineObject, &EngineObject::fit>("fit"), method<EngineObject, &EngineObject::sgemm>("sgemm"),
            method<EngineObject, &EngineObject::dispose>("dispose")});
}

EngineObject::EngineObject(const Napi::CallbackInfo& info) : Wrapped<EngineObject>(info) {
  guarded(Env(), [&] {
    refuse_forked();
    const Options options(info[0], "Engine");
    const Architecture architecture = read_architecture(options.get("architecture"));
    const int threads = int(options.integer("threads", 1, 1024));
    const std::string kind = options.text("engine");
    if (kind != "fast" && kind != "reference" && kind != "static")
      throw Refused("ERR_ARGUMENT", "engine: expected fast, reference or static, got " + kind + ".");
    const bool tf32 = options.boolean("tf32", false);
    const at::Device device = choose_device(options.text("device"));
    auto state = std::make_shared<EngineState>();
    if (device.is_cuda()) {
      at::globalContext().lazyInitDevice(at::kCUDA);
      state->stream = c10::impl::VirtualGuardImpl(at::kCUDA).getStreamFromGlobalPool(device);
    }
    const InOrder in_order(*state);
    // Where there is a CUDA device, the kernels for the CPU are no use: the fastest there is the static engine.
    if (kind == "reference")
      state->engine = make_reference_engine(architecture, device, tf32);
    else if (device.is_cuda())
      state->engine = make_static_engine(architecture, device, tf32, cuda_part());
    else if (kind == "static")
      state->engine = make_static_engine(architecture, device, false, nullptr);
    else
      state->engine = make_fast_engine(architecture, threads);
    state->thread =
        make_thread(Env(), [threads, stream = state->stream] {  // LibTorch keeps both for each thread that asks
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

const std::shared_ptr<EngineState>& EngineObject::state() const {
  if (!state_) throw Refused("ERR_DISPOSED", "This engine has been disposed. Make a new one.");
  return state_;
}

static Napi::Value sizes_of(Napi::Env env, const PolicyLayout& policy, const GeneratorLayout& generator,
                            const CriticLayout& critic) {
  Napi::Object out = Napi::Object::New(env);
  out.Set("policy", double(policy.size));
  out.Set("generator", double(generator.size));
  out.Set("critic", double(critic.size));
  return out;
}

Napi::Value EngineObject::sizes(const Napi::CallbackInfo& info) {
  const Engine& engine = *state()->engine;
  return sizes_of(info.Env(), engine.policy_layout, engine.generator_layout, engine.critic_layout);
}

Napi::Value architecture_sizes(const Napi::CallbackInfo& info) {
  const Architecture a = read_architecture(info[0]);
  return sizes_of(info.Env(), PolicyLayout(a.policy_sizes()), GeneratorLayout(a), CriticLayout(a));
}

Napi::Value EngineObject::device(const Napi::CallbackInfo& info) {
  return Napi::String::New(info.Env(), state()->engine->device().str());
}

// fit(critic, generator, buffer, { criticUpdates, generatorUpdates, batchSize, criticLearningRate,
// generatorLearningRate, seed })
// -> Promise<{ critic, generator: Float32Array of losses, seconds: { draw, critic, generator } }>
Napi::Value EngineObject::fit(const Napi::CallbackInfo& info) {
  const Options o(info[3], "fit");
  constexpr int64_t most = 1 << 30;
  const FitOptions options{.critic_updates = o.integer("criticUpdates", 0, most),
                           .generator_updates = o.integer("generatorUpdates", 0, most),
                           .batch_size = o.integer("batchSize", 1, 1 << 20),
                           .critic_learning_rate = o.number("criticLearningRate"),
                           .generator_learning_rate = o.number("generatorLearningRate"),
                           .seed = uint64_t(o.integer("seed", 0))};
  const std::shared_ptr<EngineState> engine =
      state();  // after the options: a getter of the caller's may dispose of this
  const NetworkHandle &critic = unwrap<CriticObject>(info[0]).network(),
                      &generator = unwrap<GeneratorObject>(info[1]).network();
  for (const NetworkHandle* network : {&critic, &generator}) network->check();
  const auto require_own = [&](const std::shared_ptr<EngineState>& other, const char* what) {
    if (other != engine)
      throw Refused("ERR_ARGUMENT",
                    std::string("fit: expected ") + what + " to be made with this engine, got one of another.");
  };
  require_own(critic.engine, "the critic");
  require_own(generator.engine, "the generator");
  const ReplayBufferObject& from = unwrap<ReplayBufferObject>(info[2]);
  const std::shared_ptr<ReplayBuffer> buffer = from.buffer();
  require_own(from.state(), "the replay buffer");
  if (buffer->count() == 0) throw Refused("ERR_ARGUMENT", "fit: the replay buffer is empty. Push an episode first.");
  return run_async(
      info.Env(), engine->thread, "fit",
      [engine, critic = critic.parameters, generator = generator.parameters, buffer, options] {
        Fitted fitted = gogepo::fit(*engine->engine, *critic, *generator, *buffer, options, engine->thread->stopping());
        const auto require_finite = [](const std::vector<float>& losses, bool finite, const char* what,
                                       int64_t updates) {
          for (float loss : losses)
            if (!std::isfinite(loss))
              throw Refused("ERR_NOT_FINITE", std::string(what) + "'s loss" + not_finite(updates));
          if (!finite) throw Refused("ERR_NOT_FINITE", what + not_finite(updates));
        };
        require_finite(fitted.critic_losses, fitted.critic_finite, "The critic", critic->updates);
        require_finite(fitted.generator_losses, fitted.generator_finite, "The generator", generator->updates);
        return fitted;
      },
      [](Napi::Env env, const Fitted& fitted) {
        Napi::Object out = Napi::Object::New(env), seconds = Napi::Object::New(env);
        out.Set("critic", to_array(env, fitted.critic_losses.data(), fitted.critic_losses.size()));
        out.Set("generator", to_array(env, fitted.generator_losses.data(), fitted.generator_losses.size()));
        seconds.Set("draw", fitted.draw_seconds);
        seconds.Set("critic", fitted.critic_seconds);
        seconds.Set("generator", fitted.generator_seconds);
        out.Set("seconds", seconds);
        return out;
      });
}

// sgemm(m, n, k, repeats) -> Promise<Float64Array>: milliseconds of each of LibTorch's own products (m, k) (k, n) on
// the CPU, with this engine's number of threads: what the updates are measured against
Napi::Value EngineObject::sgemm(const Napi::CallbackInfo& info) {
  const Options o(info[0], "sgemm");
  const int m = o.size("m"), n = o.size("n"), k = o.size("k");
  const size_t repeats = size_t(o.integer("repeats", 1, 1 << 20));
  if (double(m) * n * k > 1e11)
    throw Refused("ERR_ARGUMENT", "sgemm: expected a product of at most 1e11 multiplications, got " +
                                      std::to_string(double(m) * n * k) + ".");
  const std::shared_ptr<JobThread> thread =
      state()->thread;  // after the options: a getter of the caller's may dispose of this
  return run_async(
      info.Env(), thread, "sgemm",
      [m, n, k, repeats, thread] {
        const at::Tensor a = at::full({m, k}, 0.5, at::kFloat), b = at::full({k, n}, 0.25, at::kFloat);
        at::Tensor c = at::empty({m, n}, at::kFloat);
        at::mm_out(c, a, b);  // the first one touches fresh memory
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
        return to_array(env, milliseconds.data(), milliseconds.size());
      });
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
  if (!info[0].IsString()) throw Refused("ERR_ARGUMENT", "openCudaPart: expected the path of a library.");
  open_cuda_part(info[0].As<Napi::String>().Utf8Value());
  return info.Env().Undefined();
}

Napi::Value EngineObject::dispose(const Napi::CallbackInfo& info) {
  if (state_) state_->thread->end();
  state_.reset();
  return info.Env().Undefined();
}

}  // namespace gogepo
