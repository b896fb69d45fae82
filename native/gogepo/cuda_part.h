// The interface to native/cuda, the one library that is built with CUDA's headers. It is opened at run time if a CUDA
// device is used.
#pragma once
#include <cstdint>
#include <functional>
#include <memory>
#include <string>

namespace gogepo {

// Work on a device that was captured once and is launched as a whole.
class Graph {
 public:
  virtual ~Graph() = default;
  virtual void launch() = 0;  // on the current stream; returns before the work is done
};

// Queues of work that run side by side where nothing says that one waits for another. Lane 0 is the one that capturing
// begins and ends on. This class is one queue, in which everything waits for what came before it; native/cuda has the
// one with many.
class Lanes {
 public:
  static constexpr int most = 16;
  virtual ~Lanes() = default;
  virtual void enter(int /*lane*/) {}      // what follows is queued there
  virtual int point() { return 0; }        // the end of the current lane as it is now
  virtual void wait_for(int /*point*/) {}  // what follows on the current lane waits until that point is reached
};

struct CudaDevice {
  std::string name;
  int major = 0, minor = 0;  // compute capability
  int64_t bytes = 0;         // of memory
};

class CudaPart {
 public:
  virtual ~CudaPart() = default;
  virtual CudaDevice describe(int device) = 0;
  // Compiles the kernels of device_ops.h for a device, unless that was done before.
  virtual void prepare(int device) = 0;
  // Launches one of them on the current stream: `op` is one of its structs, with so many threads for each element.
  virtual void launch(const char* name, const void* op, int threads, int64_t elements) = 0;
  // Runs `work` three times to warm up (handles and workspaces are allocated on first use), then captures a fourth run
  // without executing it. Captures on streams of its own, one capture at a time per process, so that concurrent work
  // is not captured.
  virtual std::unique_ptr<Graph> capture(const std::function<void(Lanes&)>& work) = 0;
};

// The entry point that native/cuda exports. A library built from other sources must not be opened.
inline constexpr const char* cuda_part_symbol = "gogepo_cuda_part_2";

// Opens that library, by absolute path, after LibTorch's CUDA libraries. Throws std::runtime_error with the system's
// reason.
void open_cuda_part(const std::string& path);
CudaPart* cuda_part();  // null until it is open

}  // namespace gogepo
