// Adam (Kingma and Ba, 2015) in a single pass, with bias correction applied exactly as torch.optim.Adam applies it.
// Internal linkage: see simd.h.
#pragma once
#include "kernels.h"
#include "simd.h"

namespace gogepo::kernels {
namespace {

inline void adam_vector(V& x, V& m, V& v, V g, AdamStep step) {
  m = fma(broadcast(0.1f), sub(g, m), m);
  v = fma(mul(broadcast(0.001f), g), g, mul(broadcast(0.999f), v));
  x = fnma(broadcast(step.step_size), div(m, fma(sqrt(v), broadcast(step.root_correction), broadcast(1e-8f))), x);
}

void adam(float* parameters, float* m, float* v, const float* gradient, int64_t size, AdamStep step) {
  for (int64_t i = 0; i < size; i += kLanes) {
    const int64_t count = size - i;
    if (count >= kLanes) {
      V x = load(parameters + i), first = load(m + i), second = load(v + i);
      adam_vector(x, first, second, load(gradient + i), step);
      store(parameters + i, x);
      store(m + i, first);
      store(v + i, second);
    } else {
      V x = load_partial(parameters + i, count), first = load_partial(m + i, count),
        second = load_partial(v + i, count);
      adam_vector(x, first, second, load_partial(gradient + i, count), step);
      store_partial(parameters + i, x, count);
      store_partial(m + i, first, count);
      store_partial(v + i, second, count);
    }
  }
}

}  // namespace
}  // namespace gogepo::kernels
