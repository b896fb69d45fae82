// Included in front of every source file, so that the binaries also run on systems older than the one they are built
// on: with glibc 2.28 and the C++ library of GCC 7, which is what LibTorch itself needs. Where a library offers a
// function in several versions, the linker would take the newest; these lines choose the oldest. scripts/prebuild.mjs
// checks the result.
#pragma once

#include <new>

#if defined(__linux__) && defined(__x86_64__)

#define GOGEPO_FLOOR(name, version) GOGEPO_INSTEAD(name, name, version)
#define GOGEPO_INSTEAD(name, older, version) __asm__(".symver " #name ", " #older "@" #version)

// From these versions on they no longer call a handler for domain errors that nobody sets; the numbers are the same.
GOGEPO_FLOOR(exp, GLIBC_2.2.5);
GOGEPO_FLOOR(log, GLIBC_2.2.5);
GOGEPO_FLOOR(pow, GLIBC_2.2.5);
GOGEPO_FLOOR(hypot, GLIBC_2.2.5);
// glibc moved them between its libraries.
GOGEPO_FLOOR(dlopen, GLIBC_2.2.5);
GOGEPO_FLOOR(dlsym, GLIBC_2.2.5);
GOGEPO_FLOOR(dlerror, GLIBC_2.2.5);
GOGEPO_FLOOR(dladdr, GLIBC_2.2.5);
GOGEPO_FLOOR(pthread_sigmask, GLIBC_2.2.5);
GOGEPO_FLOOR(pthread_create, GLIBC_2.2.5);
GOGEPO_FLOOR(pthread_once, GLIBC_2.2.5);
GOGEPO_FLOOR(__pthread_key_create, GLIBC_2.2.5);
#ifndef GOGEPO_STATIC_CXX_LIBRARY  // a C++ library that is linked in has no versions
// libstdc++ gave it a new version when it stopped being a cancellation point.
GOGEPO_FLOOR(_ZNSt18condition_variable4waitERSt11unique_lockISt5mutexE, GLIBCXX_3.4.11);
// std::stringbuf::str() const &, which is C++20’s name for what C++17 calls str() const.
GOGEPO_INSTEAD(_ZNKRSt7__cxx1115basic_stringbufIcSt11char_traitsIcESaIcEE3strEv,
               _ZNKSt7__cxx1115basic_stringbufIcSt11char_traitsIcESaIcEE3strEv, GLIBCXX_3.4.21);
#endif

#undef GOGEPO_FLOOR
#undef GOGEPO_INSTEAD

// glibc's flag that std::shared_ptr reads to leave out atomic operations, which glibc 2.28 does not have: here it
// always says that there are several threads.
extern "C" {
__attribute__((weak, visibility("hidden"))) char __libc_single_threaded = 0;
}

// What containers call for a size that is too large; GCC 11 introduced it.
namespace std {
[[noreturn]] __attribute__((weak, visibility("hidden"))) void __throw_bad_array_new_length() {
  throw bad_array_new_length();
}
}  // namespace std

#endif
