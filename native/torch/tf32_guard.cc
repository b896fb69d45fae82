#include "tf32_guard.h"

#include <ATen/Context.h>

#include <mutex>
#include <stdexcept>
#include <string>

namespace gogepo {
namespace {
std::mutex mutex;
int guards = 0;
bool enabled = false;
}  // namespace

Tf32Guard::Tf32Guard(at::Device device, bool tf32) : counted_(device.is_cuda()) {
  if (!counted_) return;
  const std::lock_guard lock(mutex);
  if (guards > 0 && enabled != tf32)
    throw std::invalid_argument(std::string("tf32: expected ") + (enabled ? "true" : "false") +
                                ", like the other CUDA devices in use, got " + (tf32 ? "true" : "false") +
                                ". LibTorch has one switch per process: dispose of the other devices first.");
  if (guards == 0) at::globalContext().setAllowTF32CuBLAS(enabled = tf32);
  ++guards;
}

Tf32Guard::~Tf32Guard() {
  if (!counted_) return;
  const std::lock_guard lock(mutex);
  --guards;
}

}  // namespace gogepo
