#include <ATen/ops/empty.h>
#include <ATen/ops/from_blob.h>

#include "arguments.h"
#include "learner_objects.h"

namespace gogepo {

Napi::Function ReplayBufferObject::define(Napi::Env env) {
  return define_class(env, {method<ReplayBufferObject, &ReplayBufferObject::push>("push"),
                            method<ReplayBufferObject, &ReplayBufferObject::rows>("rows"),
                            method<ReplayBufferObject, &ReplayBufferObject::draw>("draw"),
                            method<ReplayBufferObject, &ReplayBufferObject::clear>("clear"),
                            getter<ReplayBufferObject, &ReplayBufferObject::count>("count"),
                            getter<ReplayBufferObject, &ReplayBufferObject::pushed>("pushed"),
                            getter<ReplayBufferObject, &ReplayBufferObject::bytes>("bytes"),
                            method<ReplayBufferObject, &ReplayBufferObject::dispose>("dispose")});
}

ReplayBufferObject::ReplayBufferObject(const Napi::CallbackInfo& info) : Wrapped<ReplayBufferObject>(info) {
  guarded(Env(), [&] {
    state_ = unwrap<EngineObject>(info[0]).state();
    const Options o(info[1], "ReplayBuffer");
    const Engine& engine = *state_->engine;
    const bool pinned = o.boolean("pinned", false);
    buffer_ = std::make_shared<ReplayBuffer>(engine.policy_layout.size, o.integer("capacity", 1, 10'000'000),
                                             o.number("recencyExponent"), engine.device(),
                                             pinned && engine.device().is_cuda());
    napi_type_tag_object(Env(), info.This(), &tag);
  });
}

const std::shared_ptr<ReplayBuffer>& ReplayBufferObject::buffer() const {
  if (!buffer_) throw Refused("ERR_DISPOSED", "This replay buffer has been disposed. Make a new one.");
  return buffer_;
}

void ReplayBufferObject::refuse_busy(const char* where) const {
  if (state_->thread->busy)
    throw Refused("ERR_BUSY", std::string(where) + ": the networks are training on this buffer. Await that first.");
}

// push(policies, Float32Array returns, Uint8Array leave?): policies marked in leave are not stored
Napi::Value ReplayBufferObject::push(const Napi::CallbackInfo& info) {
  ReplayBuffer& to = *buffer();
  refuse_busy("push");
  const InOrder in_order(*state_);
  const at::Tensor& thetas = unwrap<PoliciesObject>(info[0]).thetas();
  const std::vector<float> returns = float_array(info[1], "returns");
  if (int64_t(returns.size()) != thetas.size(0) || thetas.size(1) != to.theta_size())
    throw Refused("ERR_SHAPE", "push: expected one return for each of " + std::to_string(thetas.size(0)) +
                                   " policies of " + std::to_string(to.theta_size()) + " parameters, got " +
                                   std::to_string(returns.size()) + ".");
  if (info[2].IsUndefined()) {
    to.push(thetas, returns.data());
    return info.Env().Undefined();
  }
  if (!info[2].IsTypedArray() || info[2].As<Napi::TypedArray>().TypedArrayType() != napi_uint8_array ||
      info[2].As<Napi::Uint8Array>().ElementLength() != returns.size())
    throw Refused("ERR_SHAPE", "push: expected leave to be a Uint8Array of " + std::to_string(returns.size()) +
                                   ", got " + kind_of(info[2]) + ".");
  const auto leave = info[2].As<Napi::Uint8Array>();
  for (int64_t i = 0; i < thetas.size(0); ++i)
    if (leave[size_t(i)] == 0) to.push(thetas.narrow(0, i, 1), returns.data() + i);
  return info.Env().Undefined();
}

// rows(first, count) -> { thetas: Float32Array (count, |theta|), returns: Float32Array }: entries by their number in
// the run
Napi::Value ReplayBufferObject::rows(const Napi::CallbackInfo& info) {
  const Options o(info[0], "rows");  // read first: a getter of the caller's may clear or dispose of this
  const int64_t first = o.integer("first", 0), count = o.integer("count", 0);
  const ReplayBuffer& from = *buffer();
  refuse_busy("rows");
  const InOrder in_order(*state_);
  const int64_t oldest = from.pushed() - from.count();
  if (first < oldest || first > from.pushed() || count > from.pushed() - first)
    throw Refused("ERR_ARGUMENT", "rows: expected first and count to lie within the entries " + std::to_string(oldest) +
                                      " to " + std::to_string(from.pushed()) + ", got " + std::to_string(first) +
                                      " and " + std::to_string(count) + ".");
  auto thetas = new_array(info.Env(), "Float32Array", size_t(count * from.theta_size())).As<Napi::Float32Array>();
  auto returns = new_array(info.Env(), "Float32Array", size_t(count)).As<Napi::Float32Array>();
  for (int64_t i = 0; i < count; ++i) {
    at::from_blob(thetas.Data() + i * from.theta_size(), {from.theta_size()}, at::kFloat).copy_(from.theta(first + i));
    returns[size_t(i)] = from.episode_return(first + i);
  }
  Napi::Object out = Napi::Object::New(info.Env());
  out.Set("thetas", thetas);
  out.Set("returns", returns);
  return out;
}

// draw({ network, seed, firstUpdate, updates, batchSize }) -> Float64Array (updates, entries): which entries those
// updates of a fit draw from what the buffer now holds, by their number in the run
Napi::Value ReplayBufferObject::draw(const Napi::CallbackInfo& info) {
  const Options o(info[0], "draw");
  const std::string network = o.text("network");
  if (network != "critic" && network != "generator")
    throw Refused("ERR_ARGUMENT", "draw: expected network to be critic or generator, got " + network + ".");
  const Purpose purpose = network == "critic" ? Purpose::critic_draw : Purpose::generator_draw;
  const uint64_t seed = uint64_t(o.integer("seed", 0)), first = uint64_t(o.integer("firstUpdate", 0));
  const int64_t updates = o.integer("updates", 0, 1 << 20), batch = o.integer("batchSize", 1, 1 << 10);
  const ReplayBuffer& from = *buffer();
  const int64_t size = std::min(batch, from.count());
  auto out = new_array(info.Env(), "Float64Array", size_t(updates * size)).As<Napi::Float64Array>();
  if (size == 0) return out;
  double* next = out.Data();
  for (int64_t i = 0; i < updates; ++i)
    for (const int64_t entry : from.draw(Stream(seed, purpose, first + uint64_t(i)), size)) *next++ = double(entry);
  return out;
}

// clear(pushed): as if that many entries had been pushed and had left
Napi::Value ReplayBufferObject::clear(const Napi::CallbackInfo& info) {
  const int64_t pushed = Options(info[0], "clear").integer("pushed", 0);
  ReplayBuffer& cleared = *buffer();
  refuse_busy("clear");
  cleared.clear(pushed);
  return info.Env().Undefined();
}

Napi::Value ReplayBufferObject::count(const Napi::CallbackInfo& info) {
  return Napi::Number::New(info.Env(), double(buffer()->count()));
}
Napi::Value ReplayBufferObject::pushed(const Napi::CallbackInfo& info) {
  return Napi::Number::New(info.Env(), double(buffer()->pushed()));
}
Napi::Value ReplayBufferObject::bytes(const Napi::CallbackInfo& info) {
  return Napi::Number::New(info.Env(), double(buffer()->bytes()));
}
Napi::Value ReplayBufferObject::dispose(const Napi::CallbackInfo& info) {
  buffer_.reset();
  state_.reset();
  return info.Env().Undefined();
}

}  // namespace gogepo
