// The one addon Node opens by itself. It knows nothing of LibTorch but where it lies: it opens LibTorch's libraries by
// absolute path, so that the engine, opened after it, finds its LibTorch by name already in the process, wherever it is
// installed.
#include <dlfcn.h>
#include <fcntl.h>
#include <link.h>
#include <sys/file.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <string>
#include <vector>

#include <napi.h>

namespace {

// open(paths: string[]): void. Opened for good: what has run a static initializer of LibTorch cannot be closed again.
void open(const Napi::CallbackInfo& info) {
  if (info.Length() != 1 || !info[0].IsArray())
    throw Napi::TypeError::New(info.Env(), "open takes an array of absolute paths");
  const auto paths = info[0].As<Napi::Array>();
  for (uint32_t i = 0; i < paths.Length(); i++) {
    const Napi::Value path = paths[i];
    if (!path.IsString()) throw Napi::TypeError::New(info.Env(), "open takes an array of absolute paths");
    if (!dlopen(path.As<Napi::String>().Utf8Value().c_str(), RTLD_NOW | RTLD_LOCAL)) {
      const char* reason = dlerror();
      throw Napi::Error::New(info.Env(), reason ? reason : "the library cannot be opened");
    }
  }
}

// mapped(name: string): string[]. The path of every library of that file name in this process.
Napi::Value mapped(const Napi::CallbackInfo& info) {
  if (info.Length() != 1 || !info[0].IsString())
    throw Napi::TypeError::New(info.Env(), "mapped takes the file name of a library");
  struct Search {
    std::filesystem::path name;
    std::vector<std::string> found;
  } search{info[0].As<Napi::String>().Utf8Value(), {}};
  dl_iterate_phdr(
      [](dl_phdr_info* library, size_t, void* data) {
        auto& [name, found] = *static_cast<Search*>(data);
        if (std::filesystem::path(library->dlpi_name).filename() == name) found.push_back(library->dlpi_name);
        return 0;
      },
      &search);
  auto paths = Napi::Array::New(info.Env(), search.found.size());
  for (size_t i = 0; i < search.found.size(); i++) paths.Set(uint32_t(i), search.found[i]);
  return paths;
}

// lock(path: string): number. A lock of the kernel's on a file, which dies with its holder; -1 when somebody else has
// it.
Napi::Value lock(const Napi::CallbackInfo& info) {
  if (info.Length() != 1 || !info[0].IsString())
    throw Napi::TypeError::New(info.Env(), "lock takes the path of a file");
  const std::string path = info[0].As<Napi::String>();
  const int file = ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0666);
  if (file < 0) throw Napi::Error::New(info.Env(), "cannot open " + path + ": " + std::strerror(errno));
  if (flock(file, LOCK_EX | LOCK_NB) == 0) return Napi::Number::New(info.Env(), file);
  const int reason = errno;
  close(file);
  if (reason != EWOULDBLOCK) throw Napi::Error::New(info.Env(), "cannot lock " + path + ": " + std::strerror(reason));
  return Napi::Number::New(info.Env(), -1);
}

// unlock(lock: number): void
void unlock(const Napi::CallbackInfo& info) {
  if (info.Length() != 1 || !info[0].IsNumber()) throw Napi::TypeError::New(info.Env(), "unlock takes what lock gave");
  close(info[0].As<Napi::Number>().Int32Value());
}

Napi::Object init(Napi::Env env, Napi::Object exports) {
  exports.Set("open", Napi::Function::New(env, open, "open"));
  exports.Set("mapped", Napi::Function::New(env, mapped, "mapped"));
  exports.Set("lock", Napi::Function::New(env, lock, "lock"));
  exports.Set("unlock", Napi::Function::New(env, unlock, "unlock"));
  return exports;
}

}  // namespace

NODE_API_MODULE(gogepo, init)
