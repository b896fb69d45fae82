#include "parameters.h"

#include <ATen/ops/zeros_like.h>

namespace gogepo {

Parameters make_parameters(const at::Tensor& host, at::Device device) {
  const at::Tensor values = host.to(device);
  return {values, at::zeros_like(values), at::zeros_like(values), 0};
}

void initialize_mlp(float* flat, const Mlp& mlp, uint64_t seed, Purpose purpose, uint64_t& index) {
  for (const Dense& dense : mlp) {
    const double bound = 1.0 / std::sqrt(double(dense.in));
    Stream stream(seed, purpose, index++);
    float* const weight_and_bias = flat + dense.weight;  // the bias follows its weight
    for (int64_t i = 0, n = int64_t(dense.out) * dense.in + dense.out; i < n; ++i)
      weight_and_bias[i] = float(stream.uniform(-bound, bound));
  }
}

}  // namespace gogepo
