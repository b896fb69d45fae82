// The one addon Node opens by itself. It knows nothing of LibTorch but where it lies: it opens LibTorch's libraries by absolute
// path, so that the engine, opened after it, finds its LibTorch by name already in the process, wherever it is installed.
#include <dlfcn.h>
#include <link.h>

#include <filesystem>
#include <string>
#include <vector>

#include <napi.h>

namespace {

// open(paths: string[]): void. Opened for good: what has run a static initializer of LibTorch cannot be closed again.
void open(const Napi::CallbackInfo& info) {
  if (info.Length() != 1 || !info[0].IsArray()) throw Napi::TypeError::New(info.Env(), "open takes an array of absolute paths");
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
  if (info.Length() != 1 || !info[0].IsString()) throw Napi::TypeError::New(info.Env(), "mapped takes the file name of a library");
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

Napi::Object init(Napi::Env env, Napi::Object exports) {
  exports.Set("open", Napi::Function::New(env, open, "open"));
  exports.Set("mapped", Napi::Function::New(env, mapped, "mapped"));
  return exports;
}

}  // namespace

NODE_API_MODULE(gogepo, init)
