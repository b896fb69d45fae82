#include "networks_object.h"

#include <cmath>

#include "arguments.h"
#include "critic_object.h"
#include "cuda_part.h"
#include "fit.h"
#include "generator_object.h"
#include "replay_buffer_object.h"
#include "spec_arguments.h"

namespace gogepo {

void NetworksState::check(const char* where) const {
  if (disposed)
    throw Refused("ERR_DISPOSED", std::string(where) + ": the networks have been disposed. Create new ones.");
}

Napi::Function NetworksObject::define(Napi::Env env) {
  return define_class(env, {getter<NetworksObject, &NetworksObject::sizes>("sizes"),
                            method<NetworksObject, &NetworksObject::fit>("fit"),
                            method<NetworksObject, &NetworksObject::dispose>("dispose")});
}

NetworksObject::NetworksObject(const Napi::CallbackInfo& info) : Wrapped<NetworksObject>(info) {
  guarded(Env(), [&] {
    const Options o(info[1], "Networks");
    const Architecture architecture = read_architecture(o.get("architecture"));
    const std::vector<std::string> backends{"fast", "reference", "static"};
    const std::string backend = backends[o.choice("backend", backends)];
    auto state = std::make_shared<NetworksState>();
    state->device = unwrap<DeviceObject>(info[0]).state();  // after the options: a getter may dispose of it
    const at::Device device = state->device->device;
    const InOrder in_order(*state->device);
    // The fast kernels are for CPUs; on a CUDA device the static backend is the fastest, and needs native/cuda.
    if (backend == "reference" || (device.is_cuda() && cuda_part() == nullptr))
      state->backend = make_reference_backend(architecture, device);
    else if (device.is_cuda())
      state->backend = make_static_backend(architecture, device, cuda_part());
    else if (backend == "static")
      state->backend = make_static_backend(architecture, device, nullptr);
    else
      state->backend = make_fast_backend(architecture, state->device->threads);
    state_ = std::move(state);
    napi_type_tag_object(Env(), info.This(), &tag);
  });
}

const std::shared_ptr<NetworksState>& NetworksObject::state() const {
  if (!state_) throw Refused("ERR_DISPOSED", "These networks have been disposed. Create new ones.");
  return state_;
}

Napi::Value NetworksObject::sizes(const Napi::CallbackInfo& info) {
  const Backend& backend = *state()->backend;
  Napi::Object out = Napi::Object::New(info.Env());
  out.Set("policy", double(backend.policy_layout.size));
  out.Set("generator", double(backend.generator_layout.size));
  out.Set("critic", double(backend.critic_layout.size));
  return out;
}

// fit(critic, generator, buffer, { criticUpdates, generatorUpdates, batchSize, criticLearningRate,
// generatorLearningRate, seed })
// -> Promise<{ critic, generator: Float32Array of losses, seconds: { draw, critic, generator } }>
Napi::Value NetworksObject::fit(const Napi::CallbackInfo& info) {
  const Options o(info[3], "fit");
  constexpr int64_t most = 1 << 30;
  const FitOptions options{.critic_updates = o.integer("criticUpdates", 0, most),
                           .generator_updates = o.integer("generatorUpdates", 0, most),
                           .batch_size = o.integer("batchSize", 1, 1 << 20),
                           .critic_learning_rate = o.number("criticLearningRate"),
                           .generator_learning_rate = o.number("generatorLearningRate"),
                           .seed = o.counter("seed")};

  // After the options: a getter may dispose of any of these.
  const std::shared_ptr<NetworksState> networks = state();
  const NetworkHandle &critic = unwrap<CriticObject>(info[0]).network(),
                      &generator = unwrap<GeneratorObject>(info[1]).network();
  for (const NetworkHandle* network : {&critic, &generator}) network->check();
  const auto require_own = [&](const std::shared_ptr<NetworksState>& other, const char* what) {
    if (other != networks)
      throw Refused("ERR_ARGUMENT",
                    std::string("fit: expected ") + what + " to belong to these networks, got one of other networks.");
  };
  require_own(critic.networks, "the critic");
  require_own(generator.networks, "the generator");
  const ReplayBufferObject& from = unwrap<ReplayBufferObject>(info[2]);
  const std::shared_ptr<ReplayBuffer> buffer = from.buffer();
  require_own(from.networks(), "the replay buffer");
  if (buffer->count() == 0) throw Refused("ERR_ARGUMENT", "fit: the replay buffer is empty. Push an episode first.");

  return run_async(
      info.Env(), networks->device->thread, "fit",
      [networks, critic = critic.parameters, generator = generator.parameters, buffer, options] {
        Fitted fitted = gogepo::fit(*networks->backend, *critic, *generator, *buffer, options,
                                    networks->device->thread->stopping());
        const auto require_finite = [](const std::vector<float>& losses, bool finite, const std::string& what,
                                       int64_t updates) {
          for (float loss : losses)
            if (!std::isfinite(loss)) throw Refused("ERR_NOT_FINITE", "The loss of the " + what + not_finite(updates));
          if (!finite) throw Refused("ERR_NOT_FINITE", "A parameter of the " + what + not_finite(updates));
        };
        require_finite(fitted.critic_losses, fitted.critic_finite, "critic", critic->updates);
        require_finite(fitted.generator_losses, fitted.generator_finite, "generator", generator->updates);
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

// A job that is running finishes; every later call is refused.
Napi::Value NetworksObject::dispose(const Napi::CallbackInfo& info) {
  if (state_) state_->disposed = true;
  state_.reset();
  return info.Env().Undefined();
}

}  // namespace gogepo
