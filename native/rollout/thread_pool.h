// Threads that stay, and share one call at a time.
#pragma once
#include <condition_variable>
#include <cstdint>
#include <exception>
#include <functional>
#include <mutex>
#include <thread>
#include <vector>

namespace gogepo {

// The caller is worker 0, so a pool of one thread starts none. The others block every signal: those belong to the host.
class ThreadPool {
 public:
  explicit ThreadPool(int threads);
  ~ThreadPool();
  ThreadPool(const ThreadPool&) = delete;
  ThreadPool& operator=(const ThreadPool&) = delete;
  int threads() const { return int(workers_.size()) + 1; }
  // Calls work(worker) once on each, returns when all have returned, and rethrows the exception of the lowest worker
  // that threw. One caller at a time.
  void run(const std::function<void(int)>& work);

 private:
  void serve(int worker);
  void attempt(int worker);
  void join();
  std::vector<std::thread> workers_;
  std::vector<std::exception_ptr> errors_;  // by worker
  std::mutex mutex_;
  std::condition_variable begun_, ended_;
  const std::function<void(int)>* work_ = nullptr;
  uint64_t round_ = 0;  // how many times work was begun
  int busy_ = 0;
  bool closing_ = false;
};

}  // namespace gogepo
