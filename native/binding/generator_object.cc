#include "generator_object.h"

#include <ATen/ops/empty_like.h>
#include <ATen/ops/isfinite.h>

#include "arguments.h"
#include "critic_object.h"
#include "fit.h"
#include "networks.h"
#include "policies_object.h"
#include "regression.h"

namespace gogepo {

Napi::Function GeneratorObject::define(Napi::Env env) {
  return define_class(env, {method<GeneratorObject, &GeneratorObject::generate>("generate"),
                            method<GeneratorObject, &GeneratorObject::fit>("fit"),
                            method<GeneratorObject, &GeneratorObject::update>("update"),
                            getter<GeneratorObject, &GeneratorObject::tensors>("tensors"),
                            method<GeneratorObject, &GeneratorObject::state>("state"),
                            method<GeneratorObject, &GeneratorObject::restore>("restore"),
                            method<GeneratorObject, &GeneratorObject::dispose>("dispose")});
}

GeneratorObject::GeneratorObject(const Napi::CallbackInfo& info) : Wrapped<GeneratorObject>(info) {
  guarded(Env(), [&] {
    const uint64_t seed = Options(info[1], "Generator").counter("seed");
    const auto networks = unwrap<NetworksObject>(info[0]).state();
    const InOrder in_order(*networks->device);
    const GeneratorLayout& layout = networks->backend->generator_layout;
    network_ = {networks, std::make_shared<Parameters>(initial_generator(layout, seed, networks->device->device)),
                &layout.tensors};
    napi_type_tag_object(Env(), info.This(), &tag);
  });
}

// generate(commands: Float32Array, { noise, seed, firstEpisode, noiseFree?: Uint8Array }) -> Promise<Policies>
Napi::Value GeneratorObject::generate(const Napi::CallbackInfo& info) {
  std::vector<float> commands = float_array(info[0], "commands");
  if (commands.empty()) throw Refused("ERR_SHAPE", "generate: expected at least one command, got none.");
  const Options o(info[1], "generate");
  const double noise = o.number("noise");
  const uint64_t seed = o.counter("seed"), first_episode = o.counter("firstEpisode");
  std::vector<uint8_t> noise_free;
  if (o.has("noiseFree")) noise_free = byte_array(o.get("noiseFree"), "noiseFree");
  if (!noise_free.empty() && noise_free.size() != commands.size())
    throw Refused("ERR_SHAPE", "generate: expected noiseFree to have " + std::to_string(commands.size()) +
                                   " elements, got " + std::to_string(noise_free.size()) + ".");
  const auto thread = network_.thread("generate");
  return run_async(
      info.Env(), thread, "generate",
      [networks = network_.networks, parameters = network_.parameters, commands = std::move(commands), noise, seed,
       first_episode, noise_free = std::move(noise_free)] {
        const at::Tensor thetas =
            explore(*networks->backend, *parameters, commands, noise, seed, first_episode, noise_free);
        if (!thetas.isfinite().all().item<bool>())
          throw Refused("ERR_NOT_FINITE", "The generated theta" + not_finite(parameters->updates));
        return thetas;
      },
      [networks = network_.networks](Napi::Env env, const at::Tensor& thetas) {
        return PoliciesObject::make(env, networks->device, networks->backend->architecture.policy, thetas);
      });
}

// update(critic, returns: Float32Array, { learningRate }) -> Promise<{ loss, gradient }>
Napi::Value GeneratorObject::update(const Napi::CallbackInfo& info) {
  std::vector<float> returns = float_array(info[1], "returns");
  if (returns.empty()) throw Refused("ERR_SHAPE", "update: expected at least one return, got none.");
  const double learning_rate = Options(info[2], "update").number("learningRate");
  const auto thread = network_.thread("update");
  const NetworkHandle& critic = unwrap<CriticObject>(info[0]).network();
  network_.require_same(critic.networks, "update", "the critic");
  return run_async(
      info.Env(), thread, "update",
      [networks = network_.networks, generator = network_.parameters, critic = critic.parameters,
       returns = std::move(returns), learning_rate] {
        Backend& backend = *networks->backend;
        at::Tensor gradient = at::empty_like(generator->values);
        const at::Tensor loss = backend.generator_gradient(generator->values, critic->values,
                                                           device_vector(returns, gradient.device()), gradient);
        backend.adam(*generator, gradient, learning_rate);
        return Update{loss.item().toDouble(), gradient};
      },
      [](Napi::Env env, const Update& update) { return to_javascript(env, update); });
}

// fit(buffer, { updates, batchSize, learningRate, seed }) -> Promise<{ losses, seconds: { draw, update } }>
Napi::Value GeneratorObject::fit(const Napi::CallbackInfo& info) {
  return run_regression(info, network_, fit_generator, "generator");
}

Napi::Value GeneratorObject::tensors(const Napi::CallbackInfo& info) { return network_.names(info.Env()); }
Napi::Value GeneratorObject::state(const Napi::CallbackInfo& info) { return network_.state(info.Env()); }
Napi::Value GeneratorObject::restore(const Napi::CallbackInfo& info) {
  network_.restore(info);
  return info.Env().Undefined();
}
Napi::Value GeneratorObject::dispose(const Napi::CallbackInfo& info) {
  network_ = {};
  return info.Env().Undefined();
}

}  // namespace gogepo
