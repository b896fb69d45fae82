#include "reference_learned.h"

#include <ATen/TensorOperators.h>
#include <ATen/core/grad_mode.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/from_blob.h>
#include <torch/csrc/autograd/autograd.h>

#include <cmath>

namespace gogepo {

using at::Tensor;

Tensor matrix(const float* values, int64_t rows, int64_t cols) {
  return at::from_blob(const_cast<float*>(values), {rows, cols}, at::kFloat);
}
Tensor matrix(const std::vector<float>& values, int64_t rows, int64_t cols) {
  return matrix(values.data(), rows, cols);
}
Tensor vector(const std::vector<float>& values) { return matrix(values, 1, int64_t(values.size()))[0]; }

double write_gradient(const Tensor& loss, const NamedViews& parameters, Learned& learned) {
  std::vector<Tensor> flat;
  for (const Tensor& g : torch::autograd::grad({loss}, parameters.all())) flat.push_back(g.flatten());
  const at::NoGradGuard no_grad;
  vector(learned.gradient).copy_(at::cat(flat));
  return loss.item<double>();
}

void reference_adam(Learned& p, double learning_rate) {
  const at::NoGradGuard no_grad;
  p.updates += 1;
  Tensor values = vector(p.values), first = vector(p.first_moment), second = vector(p.second_moment);
  const Tensor gradient = vector(p.gradient);
  first.mul_(0.9).add_(gradient, 1 - 0.9);
  second.mul_(0.999).addcmul_(gradient, gradient, 1 - 0.999);
  const double correction1 = 1 - std::pow(0.9, double(p.updates)), correction2 = 1 - std::pow(0.999, double(p.updates));
  values.addcdiv_(first, second.sqrt().div_(std::sqrt(correction2)).add_(1e-8), -learning_rate / correction1);
}

}  // namespace gogepo
