// RAII guard for LibTorch's process-wide TF32 switch; every CUDA device object holds one.
#pragma once
#include <c10/core/Device.h>

namespace gogepo {

class Tf32Guard {
 public:
  // tf32: matrix multiplications with 10-bit mantissas. Throws std::invalid_argument while another CUDA device object
  // holds the switch in the other position. Does nothing on a CPU.
  Tf32Guard(at::Device device, bool tf32);
  ~Tf32Guard();
  Tf32Guard(const Tf32Guard&) = delete;
  Tf32Guard& operator=(const Tf32Guard&) = delete;

 private:
  const bool counted_;
};

}  // namespace gogepo
