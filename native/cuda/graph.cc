// CUDA graphs through LibTorch. Its header comes first: what CUDA's own headers define would change its classes.
#include <ATen/cuda/CUDAGraph.h>

#include <cuda_runtime_api.h>

#include <stdexcept>

#include "cuda_part.h"

namespace gogepo {
namespace {

class OneGraph final : public Graph {
 public:
  // Global capture would forbid every other thread of the process what only this one must not do: several learners have one thread each.
  explicit OneGraph(const std::function<void()>& work) {
    c10::cuda::getCurrentCUDAStream().synchronize();
    graph_.capture_begin({0, 0}, cudaStreamCaptureModeThreadLocal);
    try {
      work();
    } catch (...) {
      try {
        graph_.capture_end();   // the stream takes ordinary work again
      } catch (...) {
      }
      throw;
    }
    graph_.capture_end();
  }
  void replay() override { graph_.replay(); }

 private:
  at::cuda::CUDAGraph graph_;
};

class Part final : public CudaPart {
 public:
  CudaDevice describe(int device) override {
    cudaDeviceProp properties;
    const cudaError_t failed = cudaGetDeviceProperties(&properties, device);
    if (failed != cudaSuccess) throw std::runtime_error(std::string("cuda:") + std::to_string(device) + ": " + cudaGetErrorString(failed));
    return {properties.name, properties.major, properties.minor, int64_t(properties.totalGlobalMem)};
  }
  std::unique_ptr<Graph> record(const std::function<void()>& work) override { return std::make_unique<OneGraph>(work); }
};

}  // namespace
}  // namespace gogepo

extern "C" __attribute__((visibility("default"))) gogepo::CudaPart* gogepo_cuda_part_1() {
  static gogepo::CudaPart* const part = new gogepo::Part;   // for good
  return part;
}
