// A network's flat float32 parameter vector with its two Adam moments, and how many updates it has had.
#pragma once
#include <ATen/core/Tensor.h>

#include "layout.h"

namespace gogepo {

struct Parameters {
  at::Tensor values, first_moment, second_moment;  // (n) each
  int64_t updates = 0;
};

// PyTorch's default of a Linear layer, U(-1/sqrt(fan_in), 1/sqrt(fan_in)); embeddings N(0, 1); probing states U[0, 1).
Parameters initial_generator(const GeneratorLayout& layout, uint64_t seed, at::Device device);
Parameters initial_critic(const CriticLayout& layout, uint64_t seed, at::Device device);

}  // namespace gogepo
