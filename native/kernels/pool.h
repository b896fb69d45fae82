// A thread pool for fine-grained parallel loops. Work is split into pieces by the caller, independently of the number
// of threads. Which thread runs which piece varies from run to run, so no result may depend on it.
#pragma once
#include <algorithm>
#include <atomic>
#include <cstdint>
#include <thread>
#include <vector>

namespace gogepo::kernels {

class Pool {
 public:
  explicit Pool(int threads);  // including the thread that calls run()
  ~Pool();
  Pool(const Pool&) = delete;
  Pool& operator=(const Pool&) = delete;

  int threads() const { return int(workers_.size()) + 1; }

  // Calls work(piece, thread) for every piece in [0, pieces), starting them in order; returns when all are done. `work`
  // must not throw.
  template <class Work>
  void run(int64_t pieces, const Work& work) {
    run(pieces, [](const void* w, int64_t piece, int thread) { (*static_cast<const Work*>(w))(piece, thread); }, &work);
  }

  // Calls work(first, count) for pieces of a flat vector of parameters.
  template <class Work>
  void split(int64_t size, const Work& work) {
    constexpr int64_t kPiece = 16384;  // parameters per piece
    run((size + kPiece - 1) / kPiece,
        [&](int64_t piece, int) { work(piece * kPiece, std::min(kPiece, size - piece * kPiece)); });
  }

 private:
  using Call = void (*)(const void*, int64_t, int);
  void run(int64_t pieces, Call, const void* work);
  void run_pieces(int thread);
  void stop();

  Call call_ = nullptr;
  const void* work_ = nullptr;
  int64_t pieces_ = 0;
  bool stopping_ = false;
  alignas(64) std::atomic<int64_t> next_{0};
  alignas(64) std::atomic<uint32_t> round_{0};    // incremented by each run(); workers wait for it to change
  alignas(64) std::atomic<uint32_t> working_{0};  // workers still busy in this round
  std::vector<std::thread> workers_;
};

}  // namespace gogepo::kernels
