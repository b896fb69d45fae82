// The interface to native/cuda, the one library that is built with CUDA's headers. It is opened at run time if a CUDA
// device is used; everything here also works without it, only slower.
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

struct CudaDevice {
  std::string name;
  int major = 0, minor = 0;  // compute capability
  int64_t bytes = 0;         // of memory
};

class CudaPart {
 public:
  virtual ~CudaPart() = default;
  virtual CudaDevice describe(int device) = 0;
  // Runs `work` three times to warm up (handles and workspaces are allocated on first use), then captures a fourth run
  // without executing it. Captures on a stream of its own, one capture at a time per process, so that concurrent work
  // is not captured.
  virtual std::unique_ptr<Graph> capture(const std::function<void()>& work) = 0;
};

// The entry point that native/cuda exports. A library built from other sources must not be opened.
inline constexpr const char* cuda_part_symbol = "gogepo_cuda_part_1";

// Opens that library, by absolute path, after LibTorch's CUDA libraries. Throws std::runtime_error with the system's
// reason.
void open_cuda_part(const std::string& path);
CudaPart* cuda_part();  // null until it is open

}  // namespace gogepo
