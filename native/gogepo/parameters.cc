#include "parameters.h"

#include <ATen/ops/empty.h>
#include <ATen/ops/zeros_like.h>

#include "random.h"

namespace gogepo {
namespace {

Parameters from_host(const at::Tensor& host, at::Device device) {
  const at::Tensor values = host.to(device);
  return {values, at::zeros_like(values), at::zeros_like(values), 0};
}

void fill_dense(float* flat, const Mlp& mlp, uint64_t seed, Purpose purpose, uint64_t& index) {
  for (const Dense& dense : mlp) {
    const double bound = 1.0 / std::sqrt(double(dense.in));
    Stream stream(seed, purpose, index++);
    float* const weight_and_bias = flat + dense.weight;  // the bias follows its weight
    for (int64_t i = 0, n = int64_t(dense.out) * dense.in + dense.out; i < n; ++i)
      weight_and_bias[i] = float(stream.uniform(-bound, bound));
  }
}

}  // namespace

Parameters initial_generator(const GeneratorLayout& layout, uint64_t seed, at::Device device) {
  const at::Tensor host = at::empty({layout.size}, at::kFloat);
  float* const flat = host.mutable_data_ptr<float>();
  uint64_t index = 0;
  for (const Kind& kind : layout.kinds) {
    fill_dense(flat, kind.slice, seed, Purpose::generator_init, index);
    fill_dense(flat, kind.bias, seed, Purpose::generator_init, index);
  }
  Stream stream(seed, Purpose::embedding_init, 0);
  for (int64_t i = layout.layers.front().embedding; i < layout.size; ++i) flat[i] = float(stream.normal());
  return from_host(host, device);
}

Parameters initial_critic(const CriticLayout& layout, uint64_t seed, at::Device device) {
  const at::Tensor host = at::empty({layout.size}, at::kFloat);
  float* const flat = host.mutable_data_ptr<float>();
  Stream stream(seed, Purpose::probing_init, 0);
  for (int64_t i = layout.probing_states; i < layout.value.front().weight; ++i) flat[i] = stream.uniform_float();
  uint64_t index = 0;
  fill_dense(flat, layout.value, seed, Purpose::critic_init, index);
  return from_host(host, device);
}

}  // namespace gogepo
