// Times consecutive phases: CUDA events on a GPU, the host clock on a CPU.
#pragma once
#include <c10/core/Event.h>
#include <c10/core/impl/VirtualGuardImpl.h>

#include <chrono>
#include <utility>
#include <vector>

namespace gogepo {

class PhaseTimer {
 public:
  explicit PhaseTimer(at::Device device) : device_(device) { mark(nullptr); }

  // Ends a phase: the time since the previous phase ended is added to `seconds`, at the latest by read().
  void end_phase(double& seconds) { mark(&seconds); }

  // Call when the device has finished all phases.
  void read() {
    for (size_t i = 1; i < events_.size(); ++i)
      *events_[i].second += events_[i - 1].first.elapsedTime(events_[i].first) / 1000;
    events_.clear();
  }

 private:
  using Clock = std::chrono::steady_clock;

  void mark(double* seconds) {
    if (device_.is_cuda()) {
      events_.emplace_back(c10::Event(device_.type(), c10::EventFlag::BACKEND_DEFAULT), seconds);
      return events_.back().first.record(c10::impl::VirtualGuardImpl(device_.type()).getStream(device_));
    }
    const Clock::time_point now = Clock::now();
    if (seconds != nullptr) *seconds += std::chrono::duration<double>(now - last_).count();
    last_ = now;
  }

  const at::Device device_;
  Clock::time_point last_;
  std::vector<std::pair<c10::Event, double*>> events_;  // and where the time before each event is added
};

}  // namespace gogepo
