// RAII guard that blocks every signal on the calling thread. Threads started under it inherit the mask, so signals stay
// with the host process, whose own threads handle them.
#pragma once
#include <pthread.h>
#include <signal.h>

namespace gogepo {

class SignalsBlocked {
 public:
  SignalsBlocked() {
    sigset_t all;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before_);
  }
  ~SignalsBlocked() { pthread_sigmask(SIG_SETMASK, &before_, nullptr); }
  SignalsBlocked(const SignalsBlocked&) = delete;
  SignalsBlocked& operator=(const SignalsBlocked&) = delete;

 private:
  sigset_t before_;
};

}  // namespace gogepo
