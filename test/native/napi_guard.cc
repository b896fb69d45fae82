// Sits between the addon and Node-API: a call from another thread than the one that opened the addon for that
// environment aborts the process with the name of the function. Linked only into a build for `npm run sanitize`, which
// also generates the list of functions.
#include <dlfcn.h>
#include <pthread.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <map>
#include <mutex>

namespace {
std::mutex mutex;
std::map<void*, pthread_t>& owners() {
  static auto* const all = new std::map<void*, pthread_t>;
  return *all;
}
}  // namespace

// Called with the function's arguments saved; the first is the environment. Returns Node's function.
extern "C" __attribute__((visibility("hidden"))) void* napi_guard(void* env, const char* name) {
  {
    const std::lock_guard lock(mutex);
    // The first call of an environment that opens the addon; an earlier environment may have had the same address.
    if (std::strcmp(name, "napi_set_instance_data") == 0) owners()[env] = pthread_self();
    const auto [owner, first] = owners().try_emplace(env, pthread_self());
    if (!first && !pthread_equal(owner->second, pthread_self())) {
      std::fprintf(stderr, "%s was called from a thread that does not own the environment\n", name);
      std::abort();
    }
  }
  void* const real = dlsym(RTLD_DEFAULT, name);
  if (real == nullptr) std::abort();
  return real;
}

// x86-64: saves and restores the arguments in registers; those on the stack stay in place.
#define GUARD(name)                                                                       \
  __asm__(".text\n.globl " #name "\n.hidden " #name "\n.type " #name ",@function\n" #name \
          ":\n"                                                                           \
          "push %rdi\npush %rsi\npush %rdx\npush %rcx\npush %r8\npush %r9\n"              \
          "sub $24, %rsp\nmovsd %xmm0, (%rsp)\n"                                          \
          "lea 1f(%rip), %rsi\ncall napi_guard\nmov %rax, %r11\n"                         \
          "movsd (%rsp), %xmm0\nadd $24, %rsp\n"                                          \
          "pop %r9\npop %r8\npop %rcx\npop %rdx\npop %rsi\npop %rdi\njmp *%r11\n"         \
          "1: .asciz \"" #name "\"\n");
#include "napi_functions.inc"
