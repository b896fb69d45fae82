// How CUDA devices multiply matrices is one choice of LibTorch's for the whole process. Each engine on such a device
// holds one of these.
#pragma once
#include <c10/core/Device.h>

namespace gogepo {

class Products {
 public:
  // tf32: with mantissas of 10 bits. Throws std::invalid_argument while there is an engine that wants it otherwise.
  Products(at::Device device, bool tf32);
  ~Products();
  Products(const Products&) = delete;
  Products& operator=(const Products&) = delete;

 private:
  const bool counted_;
};

}  // namespace gogepo
