#include "spec_arguments.h"

#include "arguments.h"
#include "shown.h"

namespace gogepo {

constexpr int64_t most_parameters = int64_t(1) << 28;  // 1 GiB per policy

PolicySpec read_policy_spec(const Napi::Value& value, const std::string& where) {
  const Options o(value, where);
  PolicySpec spec;
  spec.observation_size = o.size("observationSize");
  spec.action_size = o.size("actionSize");
  spec.discrete = o.boolean("discrete");
  spec.action_low = o.numbers("actionLow");
  spec.action_high = o.numbers("actionHigh");
  spec.hidden = o.sizes("hidden");
  spec.bias = o.boolean("bias");
  spec.activation = o.choice("activation", {"tanh", "relu"}) == 0 ? Activation::tanh : Activation::relu;
  constexpr PolicyOutput outputs[] = {PolicyOutput::tanh, PolicyOutput::clip, PolicyOutput::gaussian};
  spec.output = outputs[o.choice("output", {"tanh", "clip", "gaussian"})];
  if (o.has("command")) {
    const Options command(o.get("command"), where + ": command");
    spec.command = CommandScales{command.number_from("returnScale", 0), command.number_from("horizonScale", 0)};
  }
  const size_t bounds = spec.discrete ? 0 : size_t(spec.action_size);
  if (spec.action_low.size() != bounds || spec.action_high.size() != bounds)
    throw Refused("ERR_SHAPE", where + ": expected actionLow and actionHigh to have " + std::to_string(bounds) +
                                   " elements each, got " + std::to_string(spec.action_low.size()) + " and " +
                                   std::to_string(spec.action_high.size()) + ".");
  if (spec.discrete && spec.output == PolicyOutput::gaussian)
    throw Refused("ERR_ARGUMENT",
                  where + ": expected output tanh or clip, since a discrete policy has no gaussian one.");
  const ActionScaling usable(spec);  // throws otherwise
  const PolicyLayout possible(spec);
  return spec;
}

void require_buildable(const PolicySpec& spec, const char* where) {
  const int64_t size = PolicyLayout(spec).size;
  if (size > most_parameters)
    throw Refused("ERR_SHAPE", std::string(where) + ": expected a policy of at most " +
                                   std::to_string(most_parameters) + " parameters, got " + std::to_string(size) + ".");
}

Architecture read_architecture(const Napi::Value& value) {
  const Options o(value, "architecture");
  Architecture a;
  a.policy = read_policy_spec(o.get("policy"), "policy");
  a.slice_size = o.size("sliceSize");
  a.embedding_size = o.size("embeddingSize");
  a.generator_hidden = o.sizes("generatorHidden");
  a.output_scale = o.number("outputScale");
  a.probing_states = o.size("probingStates");
  a.critic_kind =
      o.choice("criticKind", {"fingerprint", "parameters"}) == 0 ? CriticKind::fingerprint : CriticKind::parameters;
  a.critic_hidden = o.sizes("criticHidden");
  a.return_min = o.number("returnMin");
  a.return_max = o.number("returnMax");
  if (!(a.return_max > a.return_min))
    throw Refused("ERR_ARGUMENT", "architecture: expected returnMax to be greater than returnMin, got " +
                                      shown(a.return_max) + " and " + shown(a.return_min) + ".");
  return a;
}

Napi::Array to_javascript(Napi::Env env, const std::vector<NamedTensor>& tensors) {
  Napi::Array out = Napi::Array::New(env, tensors.size());
  for (uint32_t i = 0; i < tensors.size(); ++i) {
    const NamedTensor& t = tensors[i];
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

}  // namespace gogepo
