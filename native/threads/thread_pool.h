// A fixed set of threads that all run one function at a time.
#pragma once
#include <condition_variable>
#include <cstdint>
#include <exception>
#include <functional>
#include <mutex>
#include <thread>
#include <vector>

namespace gogepo {

// The caller is worker 0, so a pool of one thread starts none. The other workers block every signal.
class ThreadPool {
 public:
  explicit ThreadPool(int threads);
  ~ThreadPool();
  ThreadPool(const ThreadPool&) = delete;
  ThreadPool& operator=(const ThreadPool&) = delete;
  int threads() const { return int(workers_.size()) + 1; }
  // Calls work(worker) once on each worker, returns when all calls have returned, and rethrows the exception of the
  // lowest worker that threw. One caller at a time.
  void run(const std::function<void(int)>& work);

 private:
  void serve(int worker);
  void attempt(int worker);
  void join();
  std::vector<std::thread> workers_;
  std::vector<std::exception_ptr> errors_;  // one per worker
  std::mutex mutex_;
  std::condition_variable begun_, ended_;
  const std::function<void(int)>* work_ = nullptr;
  uint64_t round_ = 0;  // number of calls of run() so far
  int busy_ = 0;
  bool closing_ = false;
};

}  // namespace gogepo
