// Copies between host and device. On a CUDA device the host side is pinned memory, which the device reads and writes by
// itself: such a copy is asynchronous and needs no staging buffer. On a CPU it is ordinary memory.
#pragma once
#include <ATen/core/Tensor.h>
#include <ATen/ops/empty.h>

namespace gogepo {

// Uninitialized. LibTorch reuses it once the copies from it that were started have finished.
inline at::Tensor host_memory(at::IntArrayRef sizes, at::Device device) {
  return at::empty(sizes, at::TensorOptions(at::kFloat).pinned_memory(device.is_cuda()));
}

// The elements, contiguous, in host memory; waits until they have been computed.
inline at::Tensor to_host(const at::Tensor& tensor) {
  if (tensor.is_cpu()) return tensor.contiguous();
  const at::Tensor host = host_memory(tensor.sizes(), tensor.device());
  host.copy_(tensor);
  return host;
}

}  // namespace gogepo
