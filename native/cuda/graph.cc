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
#include <vector>

#include "cuda_part.h"
#include "kernels.h"

namespace gogepo {
namespace {

// LibTorch registers every graph with the random number generator that all threads share, and 2.11 does so without a
// lock.
std::mutex captures;

// Streams of high priority for captures alone: the devices' streams are of normal priority, and LibTorch hands those
// out from a pool of 32 in turn, so that they may be shared. There is one for each lane, and one on which a capture
// begins and ends.
const std::vector<c10::cuda::CUDAStream>& capture_streams() {
  static std::map<c10::DeviceIndex, std::vector<c10::cuda::CUDAStream>> streams;
  const c10::DeviceIndex device = c10::cuda::current_device();
  std::vector<c10::cuda::CUDAStream>& own = streams[device];
  while (own.size() <= size_t(Lanes::most)) own.push_back(c10::cuda::getStreamFromPool(true, device));
  return own;
}

// Each lane is a stream, each point an event.
class Streams final : public Lanes {
 public:
  ~Streams() override {
    for (const cudaEvent_t event : events_) cudaEventDestroy(event);
  }
  void restart() { used_ = 0; }
  void enter(int lane) override { c10::cuda::setCurrentCUDAStream(capture_streams()[size_t(lane)]); }
  int point() override {
    if (used_ == int(events_.size())) {
      cudaEvent_t event;
      check(cudaEventCreateWithFlags(&event, cudaEventDisableTiming));
      events_.push_back(event);
    }
    check(cudaEventRecord(events_[size_t(used_)], c10::cuda::getCurrentCUDAStream()));
    return used_++;
  }
  void wait_for(int point) override {
    check(cudaStreamWaitEvent(c10::cuda::getCurrentCUDAStream(), events_[size_t(point)], 0));
  }
  // The stream on which a capture begins and ends runs nothing itself: when a graph is destroyed, LibTorch frees the
  // cuBLAS workspaces of that stream, which other graphs of the same lane would still use.
  void enter_origin() { c10::cuda::setCurrentCUDAStream(capture_streams()[size_t(most)]); }
  // Makes the origin wait for every stream that takes part in its capture, without which the capture cannot end.
  void join_all() {
    enter_origin();
    for (int lane = 0; lane < most; ++lane) {
      cudaStreamCaptureStatus status = cudaStreamCaptureStatusNone;
      check(cudaStreamIsCapturing(capture_streams()[size_t(lane)], &status));
      if (status == cudaStreamCaptureStatusNone) continue;
      enter(lane);
      const int end = point();
      enter_origin();
      wait_for(end);
    }
  }

 private:
  static void check(cudaError_t status) {
    if (status != cudaSuccess) throw std::runtime_error(std::string("capturing: ") + cudaGetErrorString(status));
  }
  std::vector<cudaEvent_t> events_;
  int used_ = 0;
};

class CapturedGraph final : public Graph {
 public:
  explicit CapturedGraph(const std::function<void(Lanes&)>& work) {
    const std::lock_guard lock(captures);
    c10::cuda::getCurrentCUDAStream().synchronize();
    const c10::cuda::CUDAStreamGuard apart(capture_streams().front());
    Streams lanes;
    try {
      for (int i = 0; i < 3; ++i) lanes.restart(), work(lanes);
    } catch (...) {
      cudaDeviceSynchronize();  // lanes may still use what the caller is about to free
      throw;
    }
    lanes.enter(0);
    c10::cuda::getCurrentCUDAStream().synchronize();
    c10::cuda::CUDACachingAllocator::emptyCache();  // releases the memory of a graph that this one replaces
    at::cuda::CUDAGraph& graph = graph_.emplace();
    try {
      lanes.restart();
      lanes.enter_origin();
      // Global mode would forbid unsafe calls on every thread of the process, not only on this one.
      graph.capture_begin({0, 0}, cudaStreamCaptureModeThreadLocal);
      try {
        const int begin = lanes.point();
        lanes.enter(0);
        lanes.wait_for(begin);
        work(lanes);
        lanes.join_all();
      } catch (...) {
        try {
          lanes.join_all();
          graph.capture_end();  // so that the streams accept ordinary work again
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
  void prepare(int device) override { prepare_kernels(device); }
  void launch(const char* name, const void* op, int threads, int64_t elements) override {
    launch_kernel(name, op, threads, elements);
  }
  std::unique_ptr<Graph> capture(const std::function<void(Lanes&)>& work) override {
    return std::make_unique<CapturedGraph>(work);
  }
};

}  // namespace
}  // namespace gogepo

extern "C" __attribute__((visibility("default"))) gogepo::CudaPart* gogepo_cuda_part_2() {
  static gogepo::CudaPart* const part = new gogepo::Part;  // never freed
  return part;
}
