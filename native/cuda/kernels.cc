#include "kernels.h"

#include <c10/cuda/CUDAStream.h>
#include <cuda_runtime_api.h>
#include <dlfcn.h>

#include <map>
#include <mutex>
#include <stdexcept>
#include <string>
#include <vector>

#include "device_ops_source.h"

namespace gogepo {
namespace {

void check(cudaError_t status, const std::string& what) {
  if (status != cudaSuccess) throw std::runtime_error(what + ": " + cudaGetErrorString(status));
}

constexpr const char* instead = ". Use --set backend=reference, which is slower but needs no kernels of its own.";

// The runtime compiler, which LibTorch's CUDA libraries bring into the process. Its header is not needed for five
// functions of C.
class Compiler {
 public:
  Compiler() {
    library_ = dlopen("libnvrtc.so.13", RTLD_NOW | RTLD_LOCAL);
    if (library_ == nullptr)
      throw std::runtime_error(std::string("CUDA's runtime compiler cannot be opened (") + dlerror() + ")" + instead);
    // It looks for its own second library in the usual places alone; if that one is open, it finds it.
    int major = 0, minor = 0;
    find<int(int*, int*)>("nvrtcVersion")(&major, &minor);
    Dl_info found;
    if (dladdr(dlsym(library_, "nvrtcVersion"), &found) != 0) {
      const std::string path = found.dli_fname;
      const std::string second = path.substr(0, path.rfind('/') + 1) + "libnvrtc-builtins.so." + std::to_string(major) +
                                 "." + std::to_string(minor);
      dlopen(second.c_str(), RTLD_NOW | RTLD_GLOBAL);
    }
  }

  // CUDA C++ to the machine code of an architecture, such as sm_90.
  std::vector<char> compile(const char* source, const std::string& architecture) const {
    void* program = nullptr;
    if (find<int(void**, const char*, const char*, int, const char* const*, const char* const*)>("nvrtcCreateProgram")(
            &program, source, "device_ops.h", 0, nullptr, nullptr) != 0)
      throw std::runtime_error(std::string("CUDA's runtime compiler does not start") + instead);
    const std::string target = "--gpu-architecture=" + architecture;
    const char* const options[] = {target.c_str(), "--std=c++17"};
    const int status = find<int(void*, int, const char* const*)>("nvrtcCompileProgram")(program, 2, options);
    const std::vector<char> result = status == 0 ? read(program, "nvrtcGetCUBINSize", "nvrtcGetCUBIN")
                                                 : read(program, "nvrtcGetProgramLogSize", "nvrtcGetProgramLog");
    find<int(void**)>("nvrtcDestroyProgram")(&program);
    if (status != 0)
      throw std::runtime_error("The kernels do not compile for " + architecture + instead +
                               " The compiler says: " + std::string(result.data()));
    return result;
  }

 private:
  template <class Signature>
  Signature* find(const char* name) const {
    void* const function = dlsym(library_, name);
    if (function == nullptr) throw std::runtime_error(std::string("CUDA's runtime compiler has no ") + name);
    return reinterpret_cast<Signature*>(function);
  }
  std::vector<char> read(void* program, const char* size_of, const char* get) const {
    size_t size = 0;
    find<int(void*, size_t*)>(size_of)(program, &size);
    std::vector<char> out(size + 1);  // one more, so that a text ends
    find<int(void*, char*)>(get)(program, out.data());
    return out;
  }

  void* library_;
};

std::mutex mutex;
std::map<int, cudaLibrary_t> libraries;  // by device; never unloaded
std::map<std::pair<int, std::string>, cudaKernel_t> kernels;

}  // namespace

void prepare_kernels(int device) {
  const std::lock_guard lock(mutex);
  if (libraries.count(device) != 0) return;
  int major = 0, minor = 0;
  check(cudaDeviceGetAttribute(&major, cudaDevAttrComputeCapabilityMajor, device), "compute capability");
  check(cudaDeviceGetAttribute(&minor, cudaDevAttrComputeCapabilityMinor, device), "compute capability");
  const std::vector<char> code =
      Compiler().compile(device_ops_source, "sm_" + std::to_string(major) + std::to_string(minor));
  cudaLibrary_t library = nullptr;
  check(cudaLibraryLoadData(&library, code.data(), nullptr, nullptr, 0, nullptr, nullptr, 0), "loading kernels");
  libraries.emplace(device, library);
}

void launch_kernel(const char* name, const void* op, int threads, int64_t elements) {
  if (elements == 0) return;
  const c10::cuda::CUDAStream stream = c10::cuda::getCurrentCUDAStream();
  const int device = stream.device_index();
  cudaKernel_t kernel = nullptr;
  {
    const std::lock_guard lock(mutex);
    cudaKernel_t& found = kernels[{device, name}];
    if (found == nullptr) check(cudaLibraryGetKernel(&found, libraries.at(device), name), name);
    kernel = found;
  }
  constexpr unsigned block = 256;
  const unsigned grid = unsigned((elements * threads + block - 1) / block), n = unsigned(elements);
  void* arguments[] = {const_cast<void*>(op), const_cast<unsigned*>(&n)};
  check(cudaLaunchKernel(reinterpret_cast<const void*>(kernel), dim3(grid), dim3(block), arguments, 0, stream), name);
}

}  // namespace gogepo
