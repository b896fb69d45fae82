#include "kernels.h"

#include <cmath>

namespace gogepo::kernels {

extern const Kernels sse2_kernels, avx2_kernels, avx512_kernels;

bool has_isa(Isa isa) {
  switch (isa) {
    case Isa::avx512:
      return __builtin_cpu_supports("avx512f") && has_isa(Isa::avx2);
    case Isa::avx2:
      return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
    case Isa::sse2:
      return true;
  }
  return false;
}

Isa best_isa() { return has_isa(Isa::avx512) ? Isa::avx512 : has_isa(Isa::avx2) ? Isa::avx2 : Isa::sse2; }

const Kernels& kernels_for(Isa isa) {
  return isa == Isa::avx512 ? avx512_kernels : isa == Isa::avx2 ? avx2_kernels : sse2_kernels;
}

AdamStep adam_step(int64_t t, double learning_rate) {
  return {float(learning_rate / (1 - std::pow(0.9, double(t)))), float(1 / std::sqrt(1 - std::pow(0.999, double(t))))};
}

}  // namespace gogepo::kernels
