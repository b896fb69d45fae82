#include "thread_pool.h"

#include <pthread.h>
#include <signal.h>

#include <atomic>
#include <set>
#include <stdexcept>

#include "check.h"

using namespace gogepo;

TEST("each worker works once per run, the caller as worker 0") {
  for (int threads : {1, 2, 5}) {
    ThreadPool pool(threads);
    CHECK(pool.threads() == threads);
    for (int round = 0; round < 200; ++round) {
      std::vector<std::thread::id> ids(threads);
      std::vector<int> calls(threads);
      pool.run([&](int worker) {
        ids[worker] = std::this_thread::get_id();
        ++calls[worker];
      });
      CHECK(calls == std::vector<int>(threads, 1));
      CHECK(ids[0] == std::this_thread::get_id());
      CHECK(int(std::set<std::thread::id>(ids.begin(), ids.end()).size()) == threads);
    }
  }
}

TEST("an exception reaches the caller once all workers have returned, and the pool stays usable") {
  for (int threads : {1, 3}) {
    ThreadPool pool(threads);
    for (int thrower = 0; thrower < threads; ++thrower) {
      std::atomic<int> returned = 0;
      std::string caught;
      try {
        pool.run([&](int worker) {
          ++returned;
          if (worker >= thrower) throw std::runtime_error("worker " + std::to_string(worker));
        });
      } catch (const std::runtime_error& error) {
        caught = error.what();
      }
      CHECK(caught == "worker " + std::to_string(thrower));
      CHECK(returned == threads);
    }
    std::atomic<int> calls = 0;
    pool.run([&](int) { ++calls; });
    CHECK(calls == threads);
  }
}

TEST("workers block every signal and leave the caller's mask alone") {
  sigset_t before, after;
  pthread_sigmask(SIG_SETMASK, nullptr, &before);
  ThreadPool pool(2);
  pthread_sigmask(SIG_SETMASK, nullptr, &after);
  bool blocked = true;
  pool.run([&](int worker) {
    if (worker == 0) return;
    sigset_t mask;
    pthread_sigmask(SIG_SETMASK, nullptr, &mask);
    for (int signal : {SIGINT, SIGTERM, SIGUSR1, SIGCHLD, SIGPROF})
      blocked = blocked && sigismember(&mask, signal) == 1;
  });
  CHECK(blocked);
  for (int signal : {SIGINT, SIGTERM, SIGUSR1}) CHECK(sigismember(&before, signal) == sigismember(&after, signal));
}

TEST("fewer than one thread is refused") { CHECK_THROWS(ThreadPool(0)); }
