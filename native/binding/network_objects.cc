#include <ATen/core/grad_mode.h>
#include <ATen/ops/empty_like.h>
#include <ATen/ops/from_blob.h>
#include <ATen/ops/isfinite.h>

#include "arguments.h"
#include "host_memory.h"
#include "learner_objects.h"
#include "networks.h"

namespace gogepo {
namespace {

Napi::Float32Array numbers(Napi::Env env, const at::Tensor& tensor) {
  const at::Tensor host = to_host(tensor);
  return to_array(env, host.const_data_ptr<float>(), size_t(host.numel()));
}

at::Tensor device_vector(const std::vector<float>& host, at::Device device) {
  return at::from_blob(const_cast<float*>(host.data()), {int64_t(host.size())}, at::kFloat)
      .to(device, at::kFloat, false, true);
}

struct Update {  // one update's loss and gradient, for those who check the numbers
  double loss;
  at::Tensor gradient;
};
Napi::Value finish_update(Napi::Env env, const Update& update) {
  Napi::Object out = Napi::Object::New(env);
  out.Set("loss", update.loss);
  out.Set("gradient", numbers(env, update.gradient));
  return out;
}

}  // namespace

void NetworkHandle::check() const {
  if (!parameters) throw Refused("ERR_DISPOSED", "This network has been disposed. Make a new one.");
}

void NetworkHandle::require_same(const std::shared_ptr<EngineState>& other, const char* where, const char* what) const {
  if (!other) throw Refused("ERR_DISPOSED", std::string(where) + ": " + what + " has been disposed. Make a new one.");
  if (other != engine)
    throw Refused("ERR_ARGUMENT",
                  std::string(where) + ": expected " + what + " to be made with the same engine, got one of another.");
}

Napi::Value NetworkHandle::names(Napi::Env env) const {
  check();
  Napi::Array out = Napi::Array::New(env, tensors->size());
  for (uint32_t i = 0; i < tensors->size(); ++i) {
    const NamedTensor& t = (*tensors)[i];
    Napi::Array shape = Napi::Array::New(env, t.shape.size());
    for (uint32_t k = 0; k < t.shape.size(); ++k) shape.Set(k, double(t.shape[k]));
    Napi::Object entry = Napi::Object::New(env);
    entry.Set("name", t.name);
    entry.Set("shape", shape);
    entry.Set("offset", double(t.offset));
    entry.Set("size", double(t.size));
    out.Set(i, entry);
  }
  return out;
}

Napi::Value NetworkHandle::state(Napi::Env env) const {
  check();
  if (engine->thread->busy) throw Refused("ERR_BUSY", "state: this network is being trained. Await that first.");
  const InOrder in_order(*engine);
  Napi::Object out = Napi::Object::New(env);
  out.Set("values", numbers(env, parameters->values));
  out.Set("firstMoment", numbers(env, parameters->first_moment));
  out.Set("secondMoment", numbers(env, parameters->second_moment));
  out.Set("updates", double(parameters->updates));
  return out;
}

void NetworkHandle::restore(const Napi::CallbackInfo& info) {
  const Options o(info[0], "restore");  // read first: a getter of the caller's may dispose of this or train it
  const std::vector<float> values = float_array(o.get("values"), "values"),
                           first_moment = float_array(o.get("firstMoment"), "firstMoment"),
                           second_moment = float_array(o.get("secondMoment"), "secondMoment");
  const int64_t updates = o.integer("updates", 0);
  check();
  if (engine->thread->busy) throw Refused("ERR_BUSY", "restore: this network is being trained. Await that first.");
  const InOrder in_order(*engine);
  const auto fitting = [&](const std::vector<float>& values, const char* key) {
    if (int64_t(values.size()) != parameters->values.numel())
      throw Refused("ERR_SHAPE", std::string("restore: expected ") + key + " to have " +
                                     std::to_string(parameters->values.numel()) + " numbers, got " +
                                     std::to_string(values.size()) + ".");
    return device_vector(values, parameters->values.device());
  };
  Parameters restored{fitting(values, "values"), fitting(first_moment, "firstMoment"),
                      fitting(second_moment, "secondMoment"), updates};
  *parameters = std::move(restored);
}

// ---------------------------------------------------------------- generator

Napi::Function GeneratorObject::define(Napi::Env env) {
  return define_class(env, {method<GeneratorObject, &GeneratorObject::generate>("generate"),
                            method<GeneratorObject, &GeneratorObject::update>("update"),
                            getter<GeneratorObject, &GeneratorObject::tensors>("tensors"),
                            method<GeneratorObject, &GeneratorObject::state>("state"),
                            method<GeneratorObject, &GeneratorObject::restore>("restore"),
                            method<GeneratorObject, &GeneratorObject::dispose>("dispose")});
}

GeneratorObject::GeneratorObject(const Napi::CallbackInfo& info) : Wrapped<GeneratorObject>(info) {
  guarded(Env(), [&] {
    const auto engine = unwrap<EngineObject>(info[0]).state();
    const InOrder in_order(*engine);
    const Engine& e = *engine->engine;
    const uint64_t seed = uint64_t(Options(info[1], "Generator").integer("seed", 0));
    network_ = {engine, std::make_shared<Parameters>(initial_generator(e.generator_layout, seed, e.device())),
                &e.generator_layout.tensors};
    napi_type_tag_object(Env(), info.This(), &tag);
  });
}

// generate(Float32Array commands, { noise, seed, firstEpisode }) -> Promise<Policies>
Napi::Value GeneratorObject::generate(const Napi::CallbackInfo& info) {
  std::vector<float> commands = float_array(info[0], "commands");
  if (commands.empty()) throw Refused("ERR_SHAPE", "generate: expected at least one command, got none.");
  const Options o(info[1], "generate");
  const double noise = o.number("noise");
  const uint64_t seed = uint64_t(o.integer("seed", 0)), first_episode = uint64_t(o.integer("firstEpisode", 0));
  network_.check();
  return run_async(
      info.Env(), network_.engine->thread, "generate",
      [engine = network_.engine, parameters = network_.parameters, commands = std::move(commands), noise, seed,
       first_episode] {
        const at::Tensor thetas = explore(*engine->engine, *parameters, commands, noise, seed, first_episode);
        if (!thetas.isfinite().all().item<bool>())
          throw Refused("ERR_NOT_FINITE", "theta, generated" + not_finite(parameters->updates));
        return thetas;
      },
      [engine = network_.engine](Napi::Env env, const at::Tensor& thetas) {
        return PoliciesObject::make(env, engine, thetas);
      });
}

// update(critic, Float32Array returns, learningRate) -> Promise<{ loss, gradient }>: one update on a batch of the
// caller's
Napi::Value GeneratorObject::update(const Napi::CallbackInfo& info) {
  std::vector<float> returns = float_array(info[1], "returns");
  if (returns.empty()) throw Refused("ERR_SHAPE", "update: expected at least one return, got none.");
  const double learning_rate = Options(info[2], "update").number("learningRate");
  network_.check();
  const NetworkHandle& critic = unwrap<CriticObject>(info[0]).network();
  network_.require_same(critic.engine, "update", "the critic");
  return run_async(
      info.Env(), network_.engine->thread, "update",
      [engine = network_.engine, generator = network_.parameters, critic = critic.parameters,
       returns = std::move(returns), learning_rate] {
        at::Tensor gradient = at::empty_like(generator->values);
        const at::Tensor loss = engine->engine->generator_gradient(generator->values, critic->values,
                                                                   device_vector(returns, gradient.device()), gradient);
        engine->engine->adam(*generator, gradient, learning_rate);
        return Update{loss.item().toDouble(), gradient};
      },
      finish_update);
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

// ---------------------------------------------------------------- critic

Napi::Function CriticObject::define(Napi::Env env) {
  return define_class(
      env,
      {method<CriticObject, &CriticObject::value>("value"),
       method<CriticObject, &CriticObject::fingerprint>("fingerprint"),
       method<CriticObject, &CriticObject::update>("update"), getter<CriticObject, &CriticObject::tensors>("tensors"),
       method<CriticObject, &CriticObject::state>("state"), method<CriticObject, &CriticObject::restore>("restore"),
       method<CriticObject, &CriticObject::dispose>("dispose")});
}

CriticObject::CriticObject(const Napi::CallbackInfo& info) : Wrapped<CriticObject>(info) {
  guarded(Env(), [&] {
    const auto engine = unwrap<EngineObject>(info[0]).state();
    const InOrder in_order(*engine);
    const Engine& e = *engine->engine;
    const uint64_t seed = uint64_t(Options(info[1], "Critic").integer("seed", 0));
    network_ = {engine, std::make_shared<Parameters>(initial_critic(e.critic_layout, seed, e.device())),
                &e.critic_layout.tensors};
    napi_type_tag_object(Env(), info.This(), &tag);
  });
}

at::Tensor CriticObject::fitting_thetas(const Napi::Value& policies, const char* where) const {
  const at::Tensor thetas = unwrap<PoliciesObject>(policies).thetas();
  const int64_t size = network_.engine->engine->policy_layout.size;
  if (thetas.size(1) != size)
    throw Refused("ERR_SHAPE", std::string(where) + ": expected policies of " + std::to_string(size) +
                                   " parameters, got " + std::to_string(thetas.size(1)) + ".");
  return thetas;
}

// value(policies) -> Promise<Float32Array>: the predicted returns
Napi::Value CriticObject::value(const Napi::CallbackInfo& info) {
  network_.check();
  const at::Tensor thetas = fitting_thetas(info[0], "value");
  return run_async(
      info.Env(), network_.engine->thread, "value",
      [engine = network_.engine, w = network_.parameters, thetas] {
        return engine->engine->value(w->values, thetas.unbind(0)).cpu();
      },
      [](Napi::Env env, const at::Tensor& values) { return numbers(env, values); });
}

// fingerprint(policies) -> Promise<Float32Array> of (n, N*A)
Napi::Value CriticObject::fingerprint(const Napi::CallbackInfo& info) {
  network_.check();
  if (network_.engine->engine->architecture.critic_kind != CriticKind::fingerprint)
    throw Refused("ERR_ARGUMENT", "fingerprint: this critic reads the policy's parameters and has no probing states.");
  const at::Tensor thetas = fitting_thetas(info[0], "fingerprint");
  return run_async(
      info.Env(), network_.engine->thread, "fingerprint",
      [engine = network_.engine, w = network_.parameters, thetas] {
        const at::NoGradGuard no_grad;
        const Engine& e = *engine->engine;
        return gogepo::fingerprint(unflatten(thetas, e.policy_layout),
                                   NamedViews(w->values, e.critic_layout.tensors, false), e.critic_layout,
                                   e.architecture)
            .cpu();
      },
      [](Napi::Env env, const at::Tensor& out) { return numbers(env, out); });
}

// update(policies, Float32Array returns, learningRate) -> Promise<{ loss, gradient }>
Napi::Value CriticObject::update(const Napi::CallbackInfo& info) {
  std::vector<float> returns = float_array(info[1], "returns");
  const double learning_rate = Options(info[2], "update").number("learningRate");
  network_.check();
  const at::Tensor thetas = fitting_thetas(info[0], "update");
  if (int64_t(returns.size()) != thetas.size(0))
    throw Refused("ERR_SHAPE", "update: expected one return for each of " + std::to_string(thetas.size(0)) +
                                   " policies, got " + std::to_string(returns.size()) + ".");
  return run_async(
      info.Env(), network_.engine->thread, "update",
      [engine = network_.engine, critic = network_.parameters, thetas, returns = std::move(returns), learning_rate] {
        at::Tensor gradient = at::empty_like(critic->values);
        const at::Tensor loss = engine->engine->critic_gradient(critic->values, thetas.unbind(0),
                                                                device_vector(returns, gradient.device()), gradient);
        engine->engine->adam(*critic, gradient, learning_rate);
        return Update{loss.item().toDouble(), gradient};
      },
      finish_update);
}

Napi::Value CriticObject::tensors(const Napi::CallbackInfo& info) { return network_.names(info.Env()); }
Napi::Value CriticObject::state(const Napi::CallbackInfo& info) { return network_.state(info.Env()); }
Napi::Value CriticObject::restore(const Napi::CallbackInfo& info) {
  network_.restore(info);
  return info.Env().Undefined();
}
Napi::Value CriticObject::dispose(const Napi::CallbackInfo& info) {
  network_ = {};
  return info.Env().Undefined();
}

}  // namespace gogepo
