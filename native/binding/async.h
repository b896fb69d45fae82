// Work longer than a millisecond returns a Promise, settled from a thread of our own and never from libuv's pool.
#pragma once
#include <napi.h>

#include <atomic>
#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <thread>

#include "errors.h"

namespace gogepo {

// A thread that runs one job at a time. It belongs to one native object and ends with it, or with the environment.
class JobThread {
 public:
  explicit JobThread(std::function<void()> prepare);  // prepare: runs on the thread before its first job
  ~JobThread() { end(); }
  void start(std::function<void()> job);  // the caller makes sure that no job is running
  void end();                             // asks a running job to stop and waits for it; no job starts afterwards
  const std::atomic<bool>& stopping() const { return shared_->stopping; }

  bool busy = false;  // read and written only by the JavaScript thread

 private:
  struct Shared {  // owned by the thread too: a job may hold the last reference to this object
    std::atomic<bool> stopping{false};
    std::mutex mutex;
    std::condition_variable wake;
    std::function<void()> job;
  };
  std::shared_ptr<Shared> shared_ = std::make_shared<Shared>();
  std::thread thread_;
};

// Calls work() on the thread, then finish(env, result) in JavaScript; the promise resolves with what finish returns.
// Neither may hold a JavaScript value; they keep alive only what they hold in C++.
template <class Work, class Finish>
Napi::Value run_async(Napi::Env env, const std::shared_ptr<JobThread>& thread, const char* name, Work work,
                      Finish finish) {
  if (thread->stopping())
    throw Refused(
        "ERR_DISPOSED",
        std::string(name) + ": the object or device that does this work has been disposed. Create a new one.");
  if (thread->busy)
    throw Refused(
        "ERR_BUSY",
        std::string(name) + ": this object or its device is still busy with an earlier call. Await that call first.");
  struct Job {
    Napi::Promise::Deferred deferred;
    std::shared_ptr<JobThread> thread;
    Work work;
    Finish finish;
    std::optional<std::invoke_result_t<Work>> result;
    Failure failure;
    napi_threadsafe_function done = nullptr;
  };
  auto* job = new Job{Napi::Promise::Deferred::New(env), thread, std::move(work), std::move(finish), {}, {}, nullptr};
  const auto settle = [](napi_env raw, napi_value, void*, void* data) {
    std::unique_ptr<Job> job(static_cast<Job*>(data));
    if (raw == nullptr) return;  // the environment is ending
    job->thread->busy = false;
    try {
      Napi::Env env(raw);
      Napi::HandleScope scope(env);
      try {
        if (!job->failure.code.empty()) return job->deferred.Reject(to_javascript(env, job->failure).Value());
        job->deferred.Resolve(job->finish(env, std::move(*job->result)));
      } catch (const Napi::Error& error) {
        job->deferred.Reject(error.Value());
      } catch (...) {
        job->deferred.Reject(to_javascript(env, describe(std::current_exception())).Value());
      }
    } catch (...) {  // a worker that is being terminated cannot run JavaScript
    }
  };
  const napi_status status = napi_create_threadsafe_function(env, nullptr, nullptr, Napi::String::New(env, name), 0, 1,
                                                             nullptr, nullptr, nullptr, settle, &job->done);
  if (status != napi_ok) {
    delete job;
    throw Refused("ERR_ENGINE", std::string(name) + ": Node could not create a thread-safe function.");
  }
  thread->busy = true;
  const Napi::Promise promise = job->deferred.Promise();
  thread->start([job, name] {
    try {
      job->result.emplace(job->work());
    } catch (...) {
      job->failure = describe(std::current_exception());
    }
    if (job->failure.code.empty() && job->thread->stopping())  // the result is incomplete
      job->failure = {"ERR_DISPOSED", std::string(name) + ": it was disposed before it had finished."};
    const napi_threadsafe_function done = job->done;
    if (napi_call_threadsafe_function(done, job, napi_tsfn_blocking) == napi_ok)
      napi_release_threadsafe_function(done, napi_tsfn_release);
    else
      delete job;  // the environment has ended
  });
  return promise;
}

}  // namespace gogepo
