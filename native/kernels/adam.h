// Adam (Kingma and Ba, 2015) in one pass, with the bias corrections placed as torch.optim.Adam places them. Internal
// linkage: see simd.h.
#pragma once
#include "kernels.h"
#include "simd.h"

namespace gogepo::kernels {
namespace {

inline void adam_vector(V& x, V& m, V& v, V g, AdamStep step) {
  m = fma(all(0.1f), sub(g, m), m);
  v = fma(mul(all(0.001f), g), g, mul(all(0.999f), v));
  x = negative_fma(all(step.step_size), div(m, fma(root(v), all(step.root_correction), all(1e-8f))), x);
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
      V x = load_some(parameters + i, count), first = load_some(m + i, count), second = load_some(v + i, count);
      adam_vector(x, first, second, load_some(gradient + i, count), step);
      store_some(parameters + i, x, count);
      store_some(m + i, first, count);
      store_some(v + i, second, count);
    }
  }
}

}  // namespace
}  // namespace gogepo::kernels
