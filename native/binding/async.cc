#include "async.h"

#include <pthread.h>
#include <signal.h>

namespace gogepo {
namespace {

// A thread inherits the mask of the one that starts it. Signals are Node's business: its own thread takes them.
class SignalsBlocked {
 public:
  SignalsBlocked() {
    sigset_t all;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before_);
  }
  ~SignalsBlocked() { pthread_sigmask(SIG_SETMASK, &before_, nullptr); }  // also when the system gives no thread

 private:
  sigset_t before_;
};

}  // namespace

JobThread::JobThread(std::function<void()> prepare) {
  const SignalsBlocked blocked;
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
