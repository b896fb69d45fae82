// device_ops.h as NVRTC would compile it, with a warp of 32 threads that meet at every shuffle. In a namespace of its
// own, next to the half for CPUs.
#include <array>
#include <barrier>
#include <cmath>  // which NVRTC has built in
#include <stdexcept>
#include <string_view>
#include <thread>
#include <vector>

namespace {

struct Index {
  unsigned x;
};
thread_local Index threadIdx, blockIdx, blockDim;
std::barrier<> everyone(32);
std::array<float, 32> shuffled;

float __shfl_xor_sync(unsigned, float value, int mask) {
  shuffled[threadIdx.x % 32] = value;
  everyone.arrive_and_wait();
  const float other = shuffled[(threadIdx.x % 32) ^ unsigned(mask)];
  everyone.arrive_and_wait();
  return other;
}

}  // namespace

#define __CUDACC__
#define __device__
#define __forceinline__ inline
#define __global__
#define __launch_bounds__(threads)
#define ops warp_ops
#include "device_ops.h"

// Runs a kernel, one warp after another.
void run_on_warp(std::string_view name, const void* op, unsigned elements) {
#define RUN(Op)                                                                            \
  if (name == #Op) {                                                                       \
    const auto& typed = *static_cast<const gogepo::warp_ops::Op*>(op);                     \
    const unsigned warps = (elements * unsigned(gogepo::warp_ops::Op::threads) + 31) / 32; \
    std::vector<std::jthread> lanes;                                                       \
    for (unsigned lane = 0; lane < 32; ++lane)                                             \
      lanes.emplace_back([=] {                                                             \
        for (unsigned warp = 0; warp < warps; ++warp) {                                    \
          threadIdx = {lane}, blockIdx = {warp}, blockDim = {32};                          \
          gogepo::warp_ops::gogepo_##Op(typed, elements);                                  \
        }                                                                                  \
      });                                                                                  \
    return;                                                                                \
  }
  GOGEPO_OPS(RUN)
  throw std::invalid_argument("no such kernel");
}
