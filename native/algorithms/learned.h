// Parameters that are learned by gradients: their initial values, and Adam, written by hand for the CPU.
#pragma once
#include <cstdint>
#include <vector>

#include "layout.h"
#include "random.h"

namespace gogepo {

namespace kernels {
struct Kernels;
class Pool;
}  // namespace kernels

// Flat parameters with their Adam moments, and the gradient of the last update.
struct Learned {
  std::vector<float> values, first_moment, second_moment, gradient;  // (n) each
  int64_t updates = 0;                                               // Adam steps so far

  explicit Learned(std::vector<float> initial);
};

// PyTorch's default initialization of Linear layers, inside a flat vector. Each layer has a random stream of its own;
// `index` numbers the next one.
void initialize_layers(float* flat, const Mlp& mlp, uint64_t seed, Purpose purpose, uint64_t& index);

// One Adam step with bias correction, betas 0.9 and 0.999, epsilon 1e-8.
void adam(const kernels::Kernels& kernels, kernels::Pool& pool, Learned& parameters, double learning_rate);

}  // namespace gogepo
