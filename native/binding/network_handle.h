// What Generator and Critic have in common: flat parameters that can be read and restored.
#pragma once
#include <napi.h>

#include <memory>
#include <vector>

#include "networks_object.h"

namespace gogepo {

struct NetworkHandle {
  std::shared_ptr<NetworksState> networks;
  std::shared_ptr<Parameters> parameters;
  const std::vector<NamedTensor>* tensors = nullptr;

  void check() const;                                                 // throws if disposed
  const std::shared_ptr<JobThread>& thread(const char* where) const;  // throws if this or the networks are disposed
  // Throws unless another object belongs to the same networks.
  void require_same(const std::shared_ptr<NetworksState>& other, const char* where, const char* what) const;
  Napi::Value names(Napi::Env env) const;
  Napi::Value state(Napi::Env env) const;
  void restore(const Napi::CallbackInfo& info);
};

// One update's loss and gradient.
struct Update {
  double loss;
  at::Tensor gradient;
};
Napi::Value to_javascript(Napi::Env env, const Update& update);

Napi::Float32Array to_array(Napi::Env env, const at::Tensor& tensor);         // waits until it has been computed
at::Tensor device_vector(const std::vector<float>& host, at::Device device);  // a copy

}  // namespace gogepo
