// How long one generator update and one critic update take on Hopper shapes (11 observations, 3 actions, 256-256, a
// batch of 16 distinct returns), with AVX2 and AVX-512.
//
//   update_bench [--threads 1,2] [--repeats 15] [--distinct 16,11] [--libtorch <folder of libtorch_cpu.so>]
//
// `of peak` is (the arithmetic of the plain algorithm / the time) / (the multiply-adds that the same instruction set
// does in registers, measured in the same run, times the threads). With a LibTorch, its SGEMM of 4096 x 256 x 256 is
// timed between the updates, and `fraction` is (the arithmetic of the plain algorithm / the time) / the SGEMM's rate.
// Every figure is the median, with the best beside it: a best far from its median means that something else was using
// the machine.
#include <dlfcn.h>
#include <immintrin.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstring>
#include <string>
#include <vector>

#include "random.h"
#include "updates.h"

using namespace gogepo;

namespace {

constexpr double kGeneratorFlop = 6.88e9, kCriticFlop = 0.906e9, kSgemmFlop = 2.0 * 4096 * 256 * 256;
constexpr int kBatch = 16;

double milliseconds() {
  return std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

struct Times {
  std::vector<double> all;
  double best() const { return *std::min_element(all.begin(), all.end()); }
  double median() const {
    std::vector<double> sorted = all;
    std::sort(sorted.begin(), sorted.end());
    return sorted[sorted.size() / 2];
  }
};
template <class Work>
void time_once(Times& times, const Work& work) {
  const double start = milliseconds();
  work();
  times.all.push_back(milliseconds() - start);
}

std::vector<int> numbers(const std::string& list) {
  std::vector<int> all;
  for (size_t at = 0; at < list.size(); at = std::min(list.find(',', at), list.size() - 1) + 1)
    all.push_back(std::stoi(list.substr(at)));
  return all;
}

// FLOP per ms of one thread that does nothing but multiply and add: the best of a few short runs
template <class Work>
double peak(double flop, const Work& work) {
  Times times;
  for (int i = 0; i < 20; ++i) time_once(times, work);
  return flop / times.best();
}
constexpr int kSteps = 50000, kSums = 12;
__attribute__((target("avx2,fma"), noinline)) float multiply_add_avx2() {
  __m256 sums[kSums];
  for (int i = 0; i < kSums; ++i) sums[i] = _mm256_set1_ps(float(i));
  const __m256 a = _mm256_set1_ps(0.999f), b = _mm256_set1_ps(0.001f);
  for (int i = 0; i < kSteps; ++i)
#pragma GCC unroll 12
    for (auto& sum : sums) sum = _mm256_fmadd_ps(sum, a, b);
  float total = 0;
  for (auto& sum : sums) total += sum[0];
  return total;
}
__attribute__((target("avx512f"), noinline)) float multiply_add_avx512() {
  __m512 sums[kSums];
  for (int i = 0; i < kSums; ++i) sums[i] = _mm512_set1_ps(float(i));
  const __m512 a = _mm512_set1_ps(0.999f), b = _mm512_set1_ps(0.001f);
  for (int i = 0; i < kSteps; ++i)
#pragma GCC unroll 12
    for (auto& sum : sums) sum = _mm512_fmadd_ps(sum, a, b);
  float total = 0;
  for (auto& sum : sums) total += sum[0];
  return total;
}
double peak_of(kernels::Isa isa) {
  volatile float seen;
  if (isa == kernels::Isa::avx2) return peak(2.0 * 8 * kSums * kSteps, [&] { seen = multiply_add_avx2(); });
  return peak(2.0 * 16 * kSums * kSteps, [&] { seen = multiply_add_avx512(); });
}

// LibTorch's own SGEMM, found as a symbol: no header of LibTorch, and the same code that at::mm ends in.
struct Sgemm {
  using Function = void (*)(const char*, const char*, const int*, const int*, const int*, const float*, const float*,
                            const int*, const float*, const int*, const float*, float*, const int*);
  Function call = nullptr;
  void (*set_threads)(int) = nullptr;
  std::vector<float> a = std::vector<float>(4096 * 256, 0.5f), b = std::vector<float>(256 * 256, 0.25f),
                     c = std::vector<float>(4096 * 256);

  explicit Sgemm(const std::string& folder) {
    if (folder.empty()) return;
    void* library = nullptr;
    for (const char* name : {"libc10.so", "libtorch_cpu.so"}) {
      library = dlopen((folder + "/" + name).c_str(), RTLD_NOW | RTLD_LOCAL);
      if (!library) {
        std::fprintf(stderr, "no SGEMM to compare with: %s\n", dlerror());
        return;
      }
    }
    call = reinterpret_cast<Function>(dlsym(library, "sgemm_"));
    set_threads = reinterpret_cast<void (*)(int)>(dlsym(library, "omp_set_num_threads"));
  }
  void run() {
    // row-major c (4096, 256) = a (4096, 256) b (256, 256), computed column by column
    const int m = 256, n = 4096, k = 256;
    const float one = 1, zero = 0;
    call("N", "N", &m, &n, &k, &one, b.data(), &m, a.data(), &k, &zero, c.data(), &m);
  }
};

std::vector<float> initial(const std::vector<NamedTensor>& tensors, int64_t size, Purpose purpose) {
  std::vector<float> all(size);
  Stream stream(1, purpose, 0);
  int64_t fan_in = 1;
  for (const NamedTensor& tensor : tensors) {
    const bool normal = tensor.name.rfind("embedding", 0) == 0;
    if (tensor.shape.size() == 2) fan_in = tensor.shape[1];
    const double bound = 1 / std::sqrt(double(fan_in));
    for (int64_t i = 0; i < tensor.size; ++i)
      all[tensor.offset + i] = float(normal ? stream.normal() : stream.uniform(-bound, bound));
  }
  return all;
}

}  // namespace

int main(int count, char** arguments) {
  std::string threads = "1,2", distinct = "16", libtorch;
  int repeats = 15;
  for (int i = 1; i + 1 < count; i += 2) {
    const std::string name = arguments[i], value = arguments[i + 1];
    if (name == "--threads")
      threads = value;
    else if (name == "--distinct")
      distinct = value;
    else if (name == "--repeats")
      repeats = std::stoi(value);
    else if (name == "--libtorch")
      libtorch = value;
    else
      return std::fprintf(stderr, "%s: expected --threads, --distinct, --repeats or --libtorch\n", name.c_str()), 2;
  }

  Architecture a;
  a.policy = {.observation_size = 11,
              .action_size = 3,
              .action_low = {-1, -1, -1},
              .action_high = {1, 1, 1},
              .hidden = {256, 256}};
  a.generator_hidden = a.critic_hidden = {256, 256};
  a.slice_size = 16;
  a.embedding_size = 8;
  a.output_scale = 2;
  a.probing_states = 200;
  a.return_min = -100;
  a.return_max = 3000;
  const GeneratorLayout generator(a);
  const CriticLayout critic(a);
  const int64_t theta_size = PolicyLayout(a.policy).size;
  std::vector<float> rho = initial(generator.tensors, generator.size, Purpose::generator_init);
  std::vector<float> w = initial(critic.tensors, critic.size, Purpose::critic_init);
  std::vector<float> rho_m(rho.size()), rho_v(rho.size()), rho_gradient(rho.size()), w_m(w.size()), w_v(w.size()),
      w_gradient(w.size());
  std::vector<float> returns(kBatch), thetas(kBatch * theta_size);
  std::vector<const float*> rows;
  for (int b = 0; b < kBatch; ++b) rows.push_back(thetas.data() + b * theta_size);

  Sgemm sgemm(libtorch);
  std::printf("%-8s %7s %8s | %-34s | %-34s | %s\n", "", "threads", "distinct", "generator ms (best) of peak fraction",
              "critic ms (best) of peak fraction", "peak, SGEMM (best) GF/s");
  for (int n : numbers(threads)) {
    if (sgemm.set_threads) sgemm.set_threads(n);
    for (kernels::Isa isa : {kernels::Isa::avx2, kernels::Isa::avx512}) {
      if (!kernels::has_isa(isa)) continue;
      Updates updates(a, n, isa);
      for (int different : numbers(distinct)) {
        for (int b = 0; b < kBatch; ++b) returns[b] = 100.0f * float(b % different);
        updates.generate(rho.data(), returns.data(), kBatch, thetas.data());
        Times generator_times, critic_times, sgemm_times;
        int64_t step = 0;
        for (int i = -2; i < repeats; ++i) {
          if (i == 0) generator_times = critic_times = sgemm_times = {};  // the first ones only warm up
          ++step;
          if (sgemm.call)
            for (int j = 0; j < 3; ++j) time_once(sgemm_times, [&] { sgemm.run(); });
          time_once(generator_times, [&] {
            updates.generator_gradient(rho.data(), w.data(), returns.data(), kBatch, rho_gradient.data());
            updates.adam(rho.data(), rho_m.data(), rho_v.data(), rho_gradient.data(), int64_t(rho.size()), step, 2e-6);
          });
          for (int j = 0; j < 3; ++j)
            time_once(critic_times, [&] {
              updates.critic_gradient(w.data(), rows.data(), returns.data(), kBatch, w_gradient.data());
              updates.adam(w.data(), w_m.data(), w_v.data(), w_gradient.data(), int64_t(w.size()), step, 1e-6);
            });
        }
        const double rate = sgemm.call ? kSgemmFlop / sgemm_times.median() : 0;  // FLOP per ms
        const double peaks = n * peak_of(isa);
        const auto show = [&](const Times& times, double flop) {
          std::printf(" | %7.2f (%6.2f) %7.2f ", times.median(), times.best(), flop / times.median() / peaks);
          if (rate > 0)
            std::printf("%8.2f", flop / times.median() / rate);
          else
            std::printf("%8s", "-");
        };
        std::printf("%-8s %7d %8d", isa == kernels::Isa::avx2 ? "AVX2" : "AVX-512", n, different);
        show(generator_times, kGeneratorFlop);
        show(critic_times, kCriticFlop);
        std::printf(" | %5.0f", peaks / 1e6);
        if (rate > 0) std::printf(" %5.0f (%.0f)", rate / 1e6, kSgemmFlop / sgemm_times.best() / 1e6);
        std::printf("\n");
        std::fflush(stdout);
      }
    }
  }
}
