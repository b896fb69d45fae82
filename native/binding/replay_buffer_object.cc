#include "replay_buffer_object.h"

#include <ATen/ops/empty.h>
#include <ATen/ops/from_blob.h>

#include <cmath>

#include "arguments.h"
#include "policies_object.h"
#include "shown.h"

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
    const Options o(info[1], "ReplayBuffer");
    const int64_t capacity = o.integer("capacity", 1, 10'000'000);
    const double recency_exponent = o.number("recencyExponent");
    const double balanced_share = o.has("balancedShare") ? o.number("balancedShare") : 0;
    if (!(balanced_share >= 0 && balanced_share <= 1))
      throw Refused("ERR_ARGUMENT",
                    "ReplayBuffer: expected balancedShare to be between 0 and 1, got " + shown(balanced_share) + ".");
    std::optional<BucketRules> buckets;
    if (o.has("buckets")) {
      const Options rules(o.get("buckets"), "ReplayBuffer.buckets");
      buckets = {rules.number_from("perUnit", 0), rules.integer("capacity", 1, 10'000'000),
                 rules.number_from("rankWeight", 0)};
    }
    const bool pinned = o.boolean("pinned");
    networks_ = unwrap<NetworksObject>(info[0]).state();  // after the options: a getter may dispose of them
    const at::Device device = networks_->device->device;
    buffer_ = std::make_shared<ReplayBuffer>(networks_->backend->policy_layout.size, capacity, recency_exponent,
                                             balanced_share, device, pinned && device.is_cuda(), buckets);
    napi_type_tag_object(Env(), info.This(), &tag);
  });
}

const std::shared_ptr<ReplayBuffer>& ReplayBufferObject::buffer() const {
  if (!buffer_) throw Refused("ERR_DISPOSED", "This replay buffer has been disposed. Create a new one.");
  return buffer_;
}

// push(policies, returns: Float32Array, leave?: Uint8Array): policies marked in leave are not stored
Napi::Value ReplayBufferObject::push(const Napi::CallbackInfo& info) {
  ReplayBuffer& to = *buffer();
  networks_->device->refuse_busy("push", "this buffer");
  const InOrder in_order(*networks_->device);
  const at::Tensor& thetas =
      unwrap<PoliciesObject>(info[0]).thetas_for(networks_->backend->architecture.policy, "push");
  const std::vector<float> returns = float_array(info[1], "returns");
  const int64_t count = thetas.size(0);
  if (int64_t(returns.size()) != count)
    throw Refused("ERR_SHAPE", "push: expected one return for each of " + std::to_string(count) + " policies, got " +
                                   std::to_string(returns.size()) + ".");
  std::vector<uint8_t> leave(size_t(count), 0);
  if (!info[2].IsUndefined()) leave = byte_array(info[2], "leave");
  if (int64_t(leave.size()) != count)
    throw Refused("ERR_SHAPE", "push: expected leave to have " + std::to_string(count) + " elements, got " +
                                   std::to_string(leave.size()) + ".");
  for (size_t i = 0; i < size_t(count); ++i)
    if (leave[i] == 0 && !std::isfinite(returns[i]))
      throw Refused("ERR_ARGUMENT", "push: expected finite returns, got " + shown(returns[i]) + ".");
  for (int64_t i = 0; i < count; ++i)
    if (leave[size_t(i)] == 0) to.push(thetas.narrow(0, i, 1), returns.data() + i);
  return info.Env().Undefined();
}

// rows({ first, count }) -> { thetas: Float32Array (count, |theta|), returns: Float32Array (count) }
Napi::Value ReplayBufferObject::rows(const Napi::CallbackInfo& info) {
  const Options o(info[0], "rows");
  const int64_t first = o.integer("first", 0), count = o.integer("count", 0);
  const ReplayBuffer& from = *buffer();  // after the options: a getter may clear or dispose of this
  networks_->device->refuse_busy("rows", "this buffer");
  const InOrder in_order(*networks_->device);
  const int64_t oldest = from.pushed() - from.count();
  if (first < oldest || first > from.pushed() || count > from.pushed() - first)
    throw Refused("ERR_ARGUMENT", "rows: expected first and count to select entries between " + std::to_string(oldest) +
                                      " and " + std::to_string(from.pushed()) + ", got " + std::to_string(first) +
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

// draw({ network, seed, firstUpdate, updates, batchSize }) -> Float64Array (updates, entries)
Napi::Value ReplayBufferObject::draw(const Napi::CallbackInfo& info) {
  const Options o(info[0], "draw");
  const Purpose purpose =
      o.choice("network", {"critic", "generator"}) == 0 ? Purpose::critic_draw : Purpose::generator_draw;
  const uint64_t seed = o.counter("seed"), first = o.counter("firstUpdate");
  const int64_t updates = o.integer("updates", 0, 1 << 20), batch = o.integer("batchSize", 1, 1 << 10);
  const ReplayBuffer& from = *buffer();
  const int64_t size = std::min(batch, from.count());
  auto out = new_array(info.Env(), "Float64Array", size_t(updates * size)).As<Napi::Float64Array>();
  if (size == 0) return out;
  double* next = out.Data();
  for (int64_t i = 0; i < updates; ++i)
    for (const Sampled& sampled : from.sample(Stream(seed, purpose, first + uint64_t(i)), size))
      *next++ = double(sampled.entry);
  return out;
}

// clear({ pushed })
Napi::Value ReplayBufferObject::clear(const Napi::CallbackInfo& info) {
  const int64_t pushed = Options(info[0], "clear").integer("pushed", 0);
  ReplayBuffer& cleared = *buffer();
  networks_->device->refuse_busy("clear", "this buffer");
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
  networks_.reset();
  return info.Env().Undefined();
}

}  // namespace gogepo
