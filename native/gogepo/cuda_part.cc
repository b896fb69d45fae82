#include "cuda_part.h"

#include <dlfcn.h>

#include <atomic>
#include <stdexcept>

namespace gogepo {
namespace {
std::atomic<CudaPart*> part{nullptr};  // never freed: CUDA may have shut down before static destructors run
}

CudaPart* cuda_part() { return part; }

void open_cuda_part(const std::string& path) {
  if (part != nullptr) return;
  void* const library = dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL);
  if (library == nullptr) throw std::runtime_error(dlerror());
  void* const entry = dlsym(library, cuda_part_symbol);
  if (entry == nullptr) throw std::runtime_error(path + " was built for another version of gogepo");
  part = reinterpret_cast<CudaPart* (*)()>(entry)();
}

}  // namespace gogepo
