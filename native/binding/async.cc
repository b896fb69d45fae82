#include "async.h"

#include "signals_blocked.h"

namespace gogepo {

JobThread::JobThread(std::function<void()> prepare) {
  const SignalsBlocked blocked;  // signals are Node's to handle, on its main thread
  thread_ = std::thread([shared = shared_, prepare = std::move(prepare)] {
    prepare();
    std::unique_lock lock(shared->mutex);
    for (;;) {
      shared->wake.wait(lock, [&] { return shared->job || shared->stopping; });
      if (!shared->job) return;
      const std::function<void()> job = std::exchange(shared->job, nullptr);
      lock.unlock();
      job();
      lock.lock();
    }
  });
}

void JobThread::start(std::function<void()> job) {
  {
    const std::lock_guard lock(shared_->mutex);
    shared_->job = std::move(job);
  }
  shared_->wake.notify_one();
}

void JobThread::end() {
  {
    const std::lock_guard lock(shared_->mutex);
    shared_->stopping = true;
  }
  shared_->wake.notify_one();
  if (!thread_.joinable()) return;
  if (thread_.get_id() == std::this_thread::get_id())
    thread_.detach();  // the job held the last reference
  else
    thread_.join();
}

}  // namespace gogepo
