// Between host and device: memory of the host that a CUDA device reads and writes by itself (pinned), so that a copy
// waits for nothing and needs no second one. Ordinary memory where the device is the CPU.
#pragma once
#include <ATen/core/Tensor.h>
#include <ATen/ops/empty.h>

namespace gogepo {

// Not set. LibTorch takes it back when the copies from it that have been started are done.
inline at::Tensor host_memory(at::IntArrayRef sizes, at::Device device) {
  return at::empty(sizes, at::TensorOptions(at::kFloat).pinned_memory(device.is_cuda()));
}

// The numbers, contiguous, in the host's memory; waits for what makes them.
inline at::Tensor to_host(const at::Tensor& tensor) {
  if (tensor.is_cpu()) return tensor.contiguous();
  const at::Tensor host = host_memory(tensor.sizes(), tensor.device());
  host.copy_(tensor);
  return host;
}

}  // namespace gogepo
