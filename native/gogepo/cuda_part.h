// What only a library built with CUDA's headers can do. native/cuda is that library; nothing of it is there until it
// has been opened, and everything here works without it, slower.
#pragma once
#include <cstdint>
#include <functional>
#include <memory>
#include <string>

namespace gogepo {

// Work on a device, recorded, that is started as one.
class Graph {
 public:
  virtual ~Graph() = default;
  virtual void replay() = 0;  // on the current stream; returns before the work is done
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
  // Does `work` three times, so that what is made at a first time (handles, workspaces) is there, and records a fourth
  // that is not done. On a stream apart, one recording at a time in this process: what else goes on meanwhile does not
  // get into it.
  virtual std::unique_ptr<Graph> record(const std::function<void()>& work) = 0;
};

// Between this library and native/cuda: they are built of the same sources, or are not put together.
inline constexpr const char* cuda_part_symbol = "gogepo_cuda_part_1";

// Opens that library, by absolute path, after LibTorch's own for CUDA. Throws std::runtime_error with the system's
// reason.
void open_cuda_part(const std::string& path);
CudaPart* cuda_part();  // null until it is open

}  // namespace gogepo
