// A network's flat float32 parameters with their Adam moments.
#pragma once
#include <ATen/core/Tensor.h>

#include "layout.h"
#include "random.h"

namespace gogepo {

struct Parameters {
  at::Tensor values, first_moment, second_moment;  // (n) each
  int64_t updates = 0;                             // number of Adam steps so far
};

// Parameters with these initial values and zero moments. host (n) -> on the device
Parameters make_parameters(const at::Tensor& host, at::Device device);

// PyTorch's default initialization of Linear layers, U(-1/sqrt(fan_in), 1/sqrt(fan_in)), for the layers of `mlp` inside
// a flat vector. Each layer has a random stream of its own; `index` numbers the next one.
void initialize_mlp(float* flat, const Mlp& mlp, uint64_t seed, Purpose purpose, uint64_t& index);

}  // namespace gogepo
