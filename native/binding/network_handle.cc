#include "network_handle.h"

#include <ATen/ops/from_blob.h>

#include "arguments.h"
#include "host_memory.h"
#include "spec_arguments.h"

namespace gogepo {

Napi::Float32Array to_array(Napi::Env env, const at::Tensor& tensor) {
  const at::Tensor host = to_host(tensor);
  return to_array(env, host.const_data_ptr<float>(), size_t(host.numel()));
}

at::Tensor device_vector(const std::vector<float>& host, at::Device device) {
  return at::from_blob(const_cast<float*>(host.data()), {int64_t(host.size())}, at::kFloat)
      .to(device, at::kFloat, false, true);
}

Napi::Value to_javascript(Napi::Env env, const Update& update) {
  Napi::Object out = Napi::Object::New(env);
  out.Set("loss", update.loss);
  out.Set("gradient", to_array(env, update.gradient));
  return out;
}

void NetworkHandle::check() const {
  if (!parameters) throw Refused("ERR_DISPOSED", "This network has been disposed. Create a new one.");
}

const std::shared_ptr<JobThread>& NetworkHandle::thread(const char* where) const {
  check();
  networks->check(where);
  return networks->device->thread;
}

void NetworkHandle::require_same(const std::shared_ptr<NetworksState>& other, const char* where,
                                 const char* what) const {
  if (!other) throw Refused("ERR_DISPOSED", std::string(where) + ": " + what + " has been disposed. Create a new one.");
  if (other != networks)
    throw Refused("ERR_ARGUMENT", std::string(where) + ": expected " + what +
                                      " to belong to the same networks, got one of other networks.");
}

Napi::Value NetworkHandle::names(Napi::Env env) const {
  check();
  return to_javascript(env, *tensors);
}

Napi::Value NetworkHandle::state(Napi::Env env) const {
  check();
  networks->device->refuse_busy("state", "this network");
  const InOrder in_order(*networks->device);
  Napi::Object out = Napi::Object::New(env);
  out.Set("values", to_array(env, parameters->values));
  out.Set("firstMoment", to_array(env, parameters->first_moment));
  out.Set("secondMoment", to_array(env, parameters->second_moment));
  out.Set("updates", double(parameters->updates));
  return out;
}

void NetworkHandle::restore(const Napi::CallbackInfo& info) {
  const Options o(info[0], "restore");
  const std::vector<float> values = float_array(o.get("values"), "values"),
                           first_moment = float_array(o.get("firstMoment"), "firstMoment"),
                           second_moment = float_array(o.get("secondMoment"), "secondMoment");
  const int64_t updates = o.integer("updates", 0);
  check();  // after the options: a getter may dispose of this or train it
  networks->device->refuse_busy("restore", "this network");
  const InOrder in_order(*networks->device);
  const auto restored = [&](const std::vector<float>& values, const char* key) {
    if (int64_t(values.size()) != parameters->values.numel())
      throw Refused("ERR_SHAPE", std::string("restore: expected ") + key + " to have " +
                                     std::to_string(parameters->values.numel()) + " elements, got " +
                                     std::to_string(values.size()) + ".");
    return device_vector(values, parameters->values.device());
  };
  *parameters = Parameters{restored(values, "values"), restored(first_moment, "firstMoment"),
                           restored(second_moment, "secondMoment"), updates};
}

}  // namespace gogepo
