// CUDA graphs through LibTorch. Its header comes first: CUDA's own headers define macros that would change its classes.
#include <ATen/cuda/CUDAGraph.h>

#include <c10/cuda/CUDACachingAllocator.h>
#include <c10/cuda/CUDAGuard.h>
#include <c10/cuda/CUDAStream.h>
#include <cuda_runtime_api.h>

#include <map>
#include <mutex>
#include <optional>
#include <stdexcept>

#include "cuda_part.h"

namespace gogepo {
namespace {

// LibTorch registers every graph with the random number generator that all threads share, and 2.11 does so without a
// lock.
std::mutex captures;

// A stream of high priority: the devices' streams are of normal priority, and LibTorch hands those out from a pool of
// 32 in turn, so that they may be shared.
c10::cuda::CUDAStream capture_stream() {
  static std::map<c10::DeviceIndex, c10::cuda::CUDAStream> streams;
  const c10::DeviceIndex device = c10::cuda::current_device();
  const auto found = streams.find(device);
  return found != streams.end() ? found->second
                                : streams.emplace(device, c10::cuda::getStreamFromPool(true, device)).first->second;
}

class CapturedGraph final : public Graph {
 public:
  explicit CapturedGraph(const std::function<void()>& work) {
    const std::lock_guard lock(captures);
    c10::cuda::getCurrentCUDAStream().synchronize();
    const c10::cuda::CUDAStreamGuard apart(capture_stream());
    for (int i = 0; i < 3; ++i) work();
    apart.current_stream().synchronize();
    c10::cuda::CUDACachingAllocator::emptyCache();  // releases the memory of a graph that this one replaces
    at::cuda::CUDAGraph& graph = graph_.emplace();
    try {
      // Global mode would forbid unsafe calls on every thread of the process, not only on this one.
      graph.capture_begin({0, 0}, cudaStreamCaptureModeThreadLocal);
      try {
        work();
      } catch (...) {
        try {
          graph.capture_end();  // so that the stream accepts ordinary work again
        } catch (...) {
        }
        throw;
      }
      graph.capture_end();
    } catch (...) {
      graph_.reset();  // under the lock
      throw;
    }
  }
  ~CapturedGraph() override {
    const std::lock_guard lock(captures);
    graph_.reset();
  }
  void launch() override { graph_->replay(); }

 private:
  std::optional<at::cuda::CUDAGraph> graph_;
};

class Part final : public CudaPart {
 public:
  CudaDevice describe(int device) override {
    cudaDeviceProp properties;
    const cudaError_t failed = cudaGetDeviceProperties(&properties, device);
    if (failed != cudaSuccess)
      throw std::runtime_error(std::string("cuda:") + std::to_string(device) + ": " + cudaGetErrorString(failed));
    return {properties.name, properties.major, properties.minor, int64_t(properties.totalGlobalMem)};
  }
  std::unique_ptr<Graph> capture(const std::function<void()>& work) override {
    return std::make_unique<CapturedGraph>(work);
  }
};

}  // namespace
}  // namespace gogepo

extern "C" __attribute__((visibility("default"))) gogepo::CudaPart* gogepo_cuda_part_1() {
  static gogepo::CudaPart* const part = new gogepo::Part;  // never freed
  return part;
}
