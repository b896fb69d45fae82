#include "backend.h"

#include <ATen/ops/empty_like.h>
#include <ATen/ops/zeros.h>

namespace gogepo {
namespace {

using at::Tensor;

// Per update: loss = gradient_of(update, gradient), then an Adam step.
template <class GradientOf>
Tensor one_by_one(Backend& backend, Parameters& parameters, int64_t updates, double learning_rate,
                  const std::atomic<bool>& stop, GradientOf gradient_of) {
  const Tensor losses = at::zeros({updates}, parameters.values.options());
  Tensor gradient = at::empty_like(parameters.values);
  for (int64_t i = 0; i < updates && !stop; ++i) {
    losses[i].copy_(gradient_of(i, gradient));
    backend.adam(parameters, gradient, learning_rate);
  }
  return losses;
}

}  // namespace

Tensor Backend::critic_updates(Parameters& critic, const Samples& samples, double learning_rate,
                               const std::atomic<bool>& stop) {
  return one_by_one(*this, critic, samples.updates, learning_rate, stop, [&](int64_t i, Tensor& gradient) {
    return critic_gradient(critic.values, samples.thetas_of(i), samples.returns[i], gradient);
  });
}

Tensor Backend::generator_updates(Parameters& generator, const Tensor& w, const Samples& samples, double learning_rate,
                                  const std::atomic<bool>& stop) {
  return one_by_one(*this, generator, samples.updates, learning_rate, stop, [&](int64_t i, Tensor& gradient) {
    return generator_gradient(generator.values, w, samples.returns[i], gradient);
  });
}

Tensor Backend::regression_updates(Parameters& generator, const Samples& samples, double learning_rate,
                                   const std::atomic<bool>& stop) {
  return one_by_one(*this, generator, samples.updates, learning_rate, stop, [&](int64_t i, Tensor& gradient) {
    return regression_gradient(generator.values, samples.thetas_of(i), samples.returns[i], gradient);
  });
}

Tensor Backend::value_updates(Parameters& theta, const Tensor& w, int64_t updates, double learning_rate,
                              const std::atomic<bool>& stop) {
  return one_by_one(*this, theta, updates, -learning_rate, stop,
                    [&](int64_t, Tensor& gradient) { return value_gradient(w, theta.values, gradient); });
}

}  // namespace gogepo
