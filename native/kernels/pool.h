// Threads that share out the pieces of one piece of work. The pieces are fixed by the caller, never by the number of
// threads; which thread takes which piece is left to chance, so nothing may depend on it.
#pragma once
#include <atomic>
#include <cstdint>
#include <thread>
#include <vector>

namespace gogepo::kernels {

class Pool {
 public:
  explicit Pool(int threads);  // the caller of run() is one of them
  ~Pool();
  Pool(const Pool&) = delete;
  Pool& operator=(const Pool&) = delete;

  int threads() const { return int(workers_.size()) + 1; }

  // work(piece, thread) for every piece of [0, pieces); returns when all are done. `work` must not throw.
  template <class Work>
  void run(int64_t pieces, const Work& work) {
    run(pieces, [](const void* w, int64_t piece, int thread) { (*static_cast<const Work*>(w))(piece, thread); }, &work);
  }

 private:
  using Call = void (*)(const void*, int64_t, int);
  void run(int64_t pieces, Call, const void* work);
  void take_pieces(int thread);
  void stop();

  Call call_ = nullptr;
  const void* work_ = nullptr;
  int64_t pieces_ = 0;
  bool stopping_ = false;
  alignas(64) std::atomic<int64_t> next_{0};
  alignas(64) std::atomic<uint32_t> round_{0};    // one more for each run(): what the workers wait for
  alignas(64) std::atomic<uint32_t> working_{0};  // workers that have not finished this round
  std::vector<std::thread> workers_;
};

}  // namespace gogepo::kernels
