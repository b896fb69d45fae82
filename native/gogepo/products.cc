#include "products.h"

#include <ATen/Context.h>

#include <mutex>
#include <stdexcept>
#include <string>

namespace gogepo {
namespace {
std::mutex mutex;
int engines = 0;
bool chosen = false;
}  // namespace

Products::Products(at::Device device, bool tf32) : counted_(device.is_cuda()) {
  if (!counted_) return;
  const std::lock_guard lock(mutex);
  if (engines > 0 && chosen != tf32)
    throw std::invalid_argument(std::string("tf32: expected ") + (chosen ? "true" : "false") +
                                ", as of the engines on CUDA devices that this process has, got " +
                                (tf32 ? "true" : "false") +
                                ". It is one choice for the whole process: dispose of those first.");
  if (engines == 0) at::globalContext().setAllowTF32CuBLAS(chosen = tf32);
  ++engines;
}

Products::~Products() {
  if (!counted_) return;
  const std::lock_guard lock(mutex);
  --engines;
}

}  // namespace gogepo
