// The bootstrap addon, the only one that Node loads directly. It does not link LibTorch but loads LibTorch's libraries
// by absolute path. The main addon, loaded next, then finds them by name in the process, wherever LibTorch is
// installed.
#include <dlfcn.h>
#include <fcntl.h>
#include <link.h>
#include <sys/file.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <string>
#include <string_view>
#include <vector>

#include <napi.h>

namespace {

// open(paths: string[]): void. Loads shared libraries and never unloads them: once LibTorch's static initializers have
// run, it cannot be unloaded safely.
void open(const Napi::CallbackInfo& info) {
  if (info.Length() != 1 || !info[0].IsArray())
    throw Napi::TypeError::New(info.Env(), "open: expected an array of absolute paths");
  const auto paths = info[0].As<Napi::Array>();
  for (uint32_t i = 0; i < paths.Length(); i++) {
    const Napi::Value path = paths[i];
    if (!path.IsString()) throw Napi::TypeError::New(info.Env(), "open: expected an array of absolute paths");
    if (!dlopen(path.As<Napi::String>().Utf8Value().c_str(), RTLD_NOW | RTLD_LOCAL)) {
      const char* reason = dlerror();
      throw Napi::Error::New(info.Env(), reason ? reason : "cannot load the library");
    }
  }
}

// mapped(name: string): string[]. The path of every loaded library with that file name.
Napi::Value mapped(const Napi::CallbackInfo& info) {
  if (info.Length() != 1 || !info[0].IsString())
    throw Napi::TypeError::New(info.Env(), "mapped: expected the file name of a library");
  struct Search {
    std::string name;
    std::vector<std::string> found;
  } search{info[0].As<Napi::String>().Utf8Value(), {}};
  dl_iterate_phdr(
      [](dl_phdr_info* library, size_t, void* data) {
        auto& [name, found] = *static_cast<Search*>(data);
        const std::string_view path = library->dlpi_name;
        if (path.substr(path.rfind('/') + 1) == name) found.emplace_back(path);
        return 0;
      },
      &search);
  auto paths = Napi::Array::New(info.Env(), search.found.size());
  for (size_t i = 0; i < search.found.size(); i++) paths.Set(uint32_t(i), search.found[i]);
  return paths;
}

// lock(path: string): number. Takes an exclusive flock on a file, which the kernel releases when the process ends.
// Returns a handle for unlock(), or -1 if the file is already locked.
Napi::Value lock(const Napi::CallbackInfo& info) {
  if (info.Length() != 1 || !info[0].IsString())
    throw Napi::TypeError::New(info.Env(), "lock: expected the path of a file");
  const std::string path = info[0].As<Napi::String>();
  int file = ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0666);
  // Whether a run of another user, or on a medium that cannot be written, is locked can be asked all the same.
  if (file < 0 && (errno == EROFS || errno == EACCES)) file = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
  if (file < 0) {
    const int reason = errno;
    Napi::Error error = Napi::Error::New(info.Env(), "cannot open " + path + ": " + std::strerror(reason));
    error.Set("errno", Napi::Number::New(info.Env(), -reason));  // as in the errors of Node's own calls
    throw error;
  }
  if (flock(file, LOCK_EX | LOCK_NB) == 0) return Napi::Number::New(info.Env(), file);
  const int reason = errno;
  close(file);
  if (reason != EWOULDBLOCK) throw Napi::Error::New(info.Env(), "cannot lock " + path + ": " + std::strerror(reason));
  return Napi::Number::New(info.Env(), -1);
}

// unlock(lock: number): void
void unlock(const Napi::CallbackInfo& info) {
  if (info.Length() != 1 || !info[0].IsNumber())
    throw Napi::TypeError::New(info.Env(), "unlock: expected a handle returned by lock");
  close(info[0].As<Napi::Number>().Int32Value());
}

// hasAvx(): boolean. MuJoCo's library uses AVX without asking: on a CPU that lacks it, the process would be killed.
Napi::Value hasAvx(const Napi::CallbackInfo& info) {
  return Napi::Boolean::New(info.Env(), __builtin_cpu_supports("avx"));
}

Napi::Object init(Napi::Env env, Napi::Object exports) {
  exports.Set("open", Napi::Function::New(env, open, "open"));
  exports.Set("mapped", Napi::Function::New(env, mapped, "mapped"));
  exports.Set("hasAvx", Napi::Function::New(env, hasAvx, "hasAvx"));
  exports.Set("lock", Napi::Function::New(env, lock, "lock"));
  exports.Set("unlock", Napi::Function::New(env, unlock, "unlock"));
  return exports;
}

}  // namespace

NODE_API_MODULE(gogepo, init)
