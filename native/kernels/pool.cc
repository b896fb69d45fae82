#include "pool.h"

#include <immintrin.h>

#include "signals_blocked.h"

namespace gogepo::kernels {
namespace {

// The gaps between the runs of an update last a few microseconds, so spin that long before going to sleep.
constexpr int kSpins = 2000;

template <class Value>
void await_change(const std::atomic<Value>& value, Value old) {
  for (int i = 0; i < kSpins; ++i) {
    if (value.load(std::memory_order_acquire) != old) return;
    _mm_pause();
  }
  value.wait(old, std::memory_order_acquire);
}

}  // namespace

Pool::Pool(int threads) {
  const SignalsBlocked blocked;
  try {
    for (int i = 1; i < threads; ++i)
      workers_.emplace_back([this, i] {
        for (uint32_t seen = 0;;) {
          await_change(round_, seen);
          seen = round_.load(std::memory_order_acquire);
          if (stopping_) return;
          run_pieces(i);
          if (working_.fetch_sub(1, std::memory_order_acq_rel) == 1) working_.notify_one();
        }
      });
  } catch (...) {
    stop();  // the system refused a thread
    throw;
  }
}

Pool::~Pool() { stop(); }

void Pool::stop() {
  stopping_ = true;
  round_.fetch_add(1, std::memory_order_release);
  round_.notify_all();
  for (auto& worker : workers_) worker.join();
}

void Pool::run(int64_t pieces, Call call, const void* work) {
  call_ = call;
  work_ = work;
  pieces_ = pieces;
  next_.store(0, std::memory_order_relaxed);
  if (pieces <= 1 || workers_.empty()) return run_pieces(0);
  working_.store(uint32_t(workers_.size()), std::memory_order_relaxed);
  round_.fetch_add(1, std::memory_order_release);
  round_.notify_all();
  run_pieces(0);
  for (uint32_t left; (left = working_.load(std::memory_order_acquire)) != 0;) await_change(working_, left);
}

void Pool::run_pieces(int thread) {
  for (int64_t piece; (piece = next_.fetch_add(1, std::memory_order_relaxed)) < pieces_;) call_(work_, piece, thread);
}

}  // namespace gogepo::kernels
