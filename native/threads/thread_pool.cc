#include "thread_pool.h"

#include <stdexcept>
#include <string>

#include "signals_blocked.h"

namespace gogepo {

ThreadPool::ThreadPool(int threads) {
  if (threads < 1) throw std::invalid_argument("threads: expected at least 1, got " + std::to_string(threads) + ".");
  errors_.resize(threads);
  workers_.reserve(threads - 1);
  const SignalsBlocked blocked;
  try {
    for (int worker = 1; worker < threads; ++worker) workers_.emplace_back([this, worker] { serve(worker); });
  } catch (...) {
    join();  // the system refused a thread
    throw;
  }
}

ThreadPool::~ThreadPool() { join(); }

void ThreadPool::join() {
  {
    std::lock_guard lock(mutex_);
    closing_ = true;
  }
  begun_.notify_all();
  for (std::thread& worker : workers_) worker.join();
}

void ThreadPool::run(const std::function<void(int)>& work) {
  {
    std::lock_guard lock(mutex_);
    work_ = &work;
    busy_ = int(workers_.size());
    ++round_;
  }
  begun_.notify_all();
  attempt(0);
  std::unique_lock lock(mutex_);
  ended_.wait(lock, [this] { return busy_ == 0; });
  std::exception_ptr first;
  for (std::exception_ptr& error : errors_) {
    if (!first) first = error;
    error = nullptr;
  }
  if (first) std::rethrow_exception(first);
}

void ThreadPool::serve(int worker) {
  uint64_t served = 0;
  std::unique_lock lock(mutex_);
  while (true) {
    begun_.wait(lock, [&] { return closing_ || round_ != served; });
    if (closing_) return;
    served = round_;
    lock.unlock();
    attempt(worker);
    lock.lock();
    if (--busy_ == 0) ended_.notify_one();
  }
}

void ThreadPool::attempt(int worker) {
  try {
    (*work_)(worker);
  } catch (...) {
    errors_[worker] = std::current_exception();
  }
}

}  // namespace gogepo
