// The kernels of device_ops.h, compiled for the devices in use.
#pragma once
#include <cstdint>

namespace gogepo {

void prepare_kernels(int device);  // throws std::runtime_error with the compiler's log
// On the current device and stream.
void launch_kernel(const char* name, const void* op, int threads, int64_t elements);

}  // namespace gogepo
