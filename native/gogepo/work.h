// Where the operations of one update run: LibTorch's on the current stream, those of device_ops.h through native/cuda,
// or one element after another on the CPU.
#pragma once
#include <ATen/core/Tensor.h>

#include <array>
#include <stdexcept>
#include <utility>
#include <vector>

#include "cuda_part.h"
#include "device_ops.h"

namespace gogepo {

inline constexpr const char* too_large =
    "This is too much at once for a CUDA device: expected layers of at most 2^31 elements (2^26 where a warp adds up "
    "each), over all policies of a batch. Make batchSize, policyHidden or generatorHidden smaller.";

// What operations read and write.
inline const float* read(const at::Tensor& x) { return x.const_data_ptr<float>(); }
inline float* write(const at::Tensor& x) { return x.mutable_data_ptr<float>(); }

// What element-wise operations count in 32 bits.
inline unsigned elements(const at::Tensor& x) {
  if (x.numel() > INT32_MAX) throw std::invalid_argument(too_large);
  return unsigned(x.numel());
}

class Work {
 public:
  Work(CudaPart* cuda, Lanes& lanes) : cuda_(cuda), lanes_(lanes) {}
  ~Work() { enter(0); }

  // Runs an operation of device_ops.h over so many elements.
  template <class Op>
  void run(const Op& op, int64_t elements);

  // Keeps a result until the update has been queued: LibTorch reuses the memory of a freed tensor for the next one of
  // the same lane, which does not wait for the other lanes that may still read it.
  at::Tensor keep(at::Tensor result) {
    kept_.push_back(result);
    return result;
  }

  int lane() const { return lane_; }
  void enter(int lane) { lanes_.enter(lane_ = lane); }
  int point() { return lanes_.point(); }
  void wait_for(int point) { lanes_.wait_for(point); }
  // What follows is queued on that lane, and waits for what has been queued on the current one.
  void fork(int lane) {
    const int here = point();
    enter(lane);
    wait_for(here);
    forked_[size_t(lane)] = true;
  }
  // Back to lane 0, which waits for all others.
  void join() {
    std::vector<int> ends;
    for (int lane = 1; lane < Lanes::most; ++lane)
      if (forked_[size_t(lane)]) enter(lane), ends.push_back(point());
    enter(0);
    for (const int end : ends) wait_for(end);
  }

 private:
  template <class Op>
  static const char* name();

  CudaPart* const cuda_;  // null: on the CPU
  Lanes& lanes_;
  int lane_ = 0;
  std::array<bool, Lanes::most> forked_ = {};
  std::vector<at::Tensor> kept_;
};

template <class Op>
void Work::run(const Op& op, int64_t elements) {
  if (elements * Op::threads > INT32_MAX) throw std::invalid_argument(too_large);
  if (cuda_ != nullptr)
    cuda_->launch(name<Op>(), &op, Op::threads, elements);
  else
    for (int64_t i = 0; i < elements; ++i) op(unsigned(i));
}

#define GOGEPO_NAME(Op)                      \
  template <>                                \
  inline const char* Work::name<ops::Op>() { \
    return "gogepo_" #Op;                    \
  }
GOGEPO_OPS(GOGEPO_NAME)
#undef GOGEPO_NAME

}  // namespace gogepo
