#include "engine.h"

#include <ATen/ops/empty_like.h>
#include <ATen/ops/zeros.h>

namespace gogepo {
namespace {

using at::Tensor;

// loss = gradient_of(update, gradient) and an Adam step for each update
template <class GradientOf>
Tensor one_by_one(Engine& engine, Parameters& parameters, int64_t updates, double learning_rate,
                  const std::atomic<bool>& stop, GradientOf gradient_of) {
  const Tensor losses = at::zeros({updates}, parameters.values.options());
  Tensor gradient = at::empty_like(parameters.values);
  for (int64_t i = 0; i < updates && !stop; ++i) {
    losses[i].copy_(gradient_of(i, gradient));
    engine.adam(parameters, gradient, learning_rate);
  }
  return losses;
}

}  // namespace

Tensor Engine::critic_updates(Parameters& critic, const Draws& draws, double learning_rate,
                              const std::atomic<bool>& stop) {
  return one_by_one(*this, critic, draws.updates, learning_rate, stop, [&](int64_t i, Tensor& gradient) {
    return critic_gradient(critic.values, draws.thetas_of(i), draws.returns[i], gradient);
  });
}

Tensor Engine::generator_updates(Parameters& generator, const Tensor& w, const Draws& draws, double learning_rate,
                                 const std::atomic<bool>& stop) {
  return one_by_one(*this, generator, draws.updates, learning_rate, stop, [&](int64_t i, Tensor& gradient) {
    return generator_gradient(generator.values, w, draws.returns[i], gradient);
  });
}

}  // namespace gogepo
