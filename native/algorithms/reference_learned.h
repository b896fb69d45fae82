// What the plain LibTorch backends share: views of host memory, gradients by autograd, and Adam.
#pragma once
#include <ATen/core/Tensor.h>

#include <vector>

#include "learned.h"
#include "mlp.h"

namespace gogepo {

// Views of memory that the caller keeps alive.
at::Tensor matrix(const float* values, int64_t rows, int64_t cols);
at::Tensor matrix(const std::vector<float>& values, int64_t rows, int64_t cols);
at::Tensor vector(const std::vector<float>& values);

// Writes the gradient of the loss with respect to all parameters. @returns the loss
double write_gradient(const at::Tensor& loss, const NamedViews& parameters, Learned& learned);

// One Adam step with bias correction, betas 0.9 and 0.999, epsilon 1e-8.
void reference_adam(Learned& parameters, double learning_rate);

}  // namespace gogepo
