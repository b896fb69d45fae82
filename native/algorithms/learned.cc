#include "learned.h"

#include <cmath>

#include "kernels.h"
#include "pool.h"

namespace gogepo {

Learned::Learned(std::vector<float> initial)
    : values(std::move(initial)), first_moment(values.size()), second_moment(values.size()), gradient(values.size()) {}

void initialize_layers(float* flat, const Mlp& mlp, uint64_t seed, Purpose purpose, uint64_t& index) {
  for (const Dense& dense : mlp) {
    const double bound = 1.0 / std::sqrt(double(dense.in));
    Stream random(seed, purpose, index++);
    const int64_t size = int64_t(dense.out) * dense.in + dense.out;  // the bias follows its weight
    for (int64_t i = 0; i < size; ++i) flat[dense.weight + i] = float(random.uniform(-bound, bound));
  }
}

void adam(const kernels::Kernels& kernels, kernels::Pool& pool, Learned& p, double learning_rate) {
  const kernels::AdamStep step = kernels::adam_step(++p.updates, learning_rate);
  pool.split(int64_t(p.values.size()), [&](int64_t i, int64_t count) {
    kernels.adam(p.values.data() + i, p.first_moment.data() + i, p.second_moment.data() + i, p.gradient.data() + i,
                 count, step);
  });
}

}  // namespace gogepo
