#include <ATen/TensorOperators.h>
#include <ATen/core/grad_mode.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/stack.h>
#include <torch/csrc/autograd/autograd.h>

#include "backend.h"
#include "networks.h"

namespace gogepo {
namespace {

using at::Tensor;

// Autograd on plain LibTorch operators.
class ReferenceBackend final : public Backend {
 public:
  ReferenceBackend(const Architecture& a, at::Device device) : Backend(a), device_(device) {}

  Tensor generate(const Tensor& rho, const Tensor& commands) override {
    const at::NoGradGuard no_grad;
    return flatten(gogepo::generate(commands, generator(rho, false), generator_layout, architecture));
  }

  Tensor value(const Tensor& w, const std::vector<Tensor>& theta) override {
    const at::NoGradGuard no_grad;
    return predict(unflatten(at::stack(theta).to(device_), policy_layout), critic(w, false));
  }

  Tensor critic_gradient(const Tensor& w, const std::vector<Tensor>& theta, const Tensor& returns,
                         Tensor& gradient) override {
    const at::AutoGradMode grad(true);
    const NamedViews parameters = critic(w, true);
    const Tensor loss =
        (predict(unflatten(at::stack(theta).to(device_), policy_layout), parameters) - returns).square().mean();
    write_gradient(loss, parameters, gradient);
    return loss.detach();
  }

  Tensor generator_gradient(const Tensor& rho, const Tensor& w, const Tensor& returns, Tensor& gradient) override {
    const at::AutoGradMode grad(true);
    const NamedViews parameters = generator(rho, true);
    const auto policies =
        gogepo::generate(returns, parameters, generator_layout, architecture);  // the stored returns as commands
    const Tensor loss = (predict(policies, critic(w, false)) - returns).square().mean();
    write_gradient(loss, parameters, gradient);
    return loss.detach();
  }

  Tensor value_gradient(const Tensor& w, const Tensor& theta, Tensor& gradient) override {
    const at::AutoGradMode grad(true);
    const Tensor leaf = theta.detach().clone().requires_grad_(true);
    const Tensor value = predict(unflatten(leaf.unsqueeze(0), policy_layout), critic(w, false)).squeeze(0);
    gradient.copy_(torch::autograd::grad({value}, {leaf}).front());
    return value.detach();
  }

  Tensor regression_gradient(const Tensor& rho, const std::vector<Tensor>& theta, const Tensor& returns,
                             Tensor& gradient) override {
    const at::AutoGradMode grad(true);
    const NamedViews parameters = generator(rho, true);
    const Tensor generated = flatten(gogepo::generate(returns, parameters, generator_layout, architecture));
    const Tensor loss = (generated - at::stack(theta).to(device_)).square().mean();
    write_gradient(loss, parameters, gradient);
    return loss.detach();
  }

  void adam(Parameters& p, const Tensor& gradient, double learning_rate) override {
    const at::NoGradGuard no_grad;
    p.updates += 1;
    p.first_moment.mul_(0.9).add_(gradient, 1 - 0.9);
    p.second_moment.mul_(0.999).addcmul_(gradient, gradient, 1 - 0.999);
    const double correction1 = 1 - std::pow(0.9, double(p.updates)),
                 correction2 = 1 - std::pow(0.999, double(p.updates));
    p.values.addcdiv_(p.first_moment, p.second_moment.sqrt().div_(std::sqrt(correction2)).add_(1e-8),
                      -learning_rate / correction1);
  }

  at::Device device() const override { return device_; }

 private:
  NamedViews generator(const Tensor& rho, bool requires_grad) const {
    return {rho, generator_layout.tensors, requires_grad};
  }
  NamedViews critic(const Tensor& w, bool requires_grad) const { return {w, critic_layout.tensors, requires_grad}; }
  Tensor predict(const std::vector<PolicyTensors>& policies, const NamedViews& w) const {
    return gogepo::value(policies, w, critic_layout, architecture);
  }

  static void write_gradient(const Tensor& loss, const NamedViews& parameters, Tensor& gradient) {
    std::vector<Tensor> flat;
    for (const Tensor& g : torch::autograd::grad({loss}, parameters.all())) flat.push_back(g.flatten());
    const at::NoGradGuard no_grad;
    at::cat_out(gradient, flat);
  }

  const at::Device device_;
};

}  // namespace

std::unique_ptr<Backend> make_reference_backend(const Architecture& a, at::Device device) {
  return std::make_unique<ReferenceBackend>(a, device);
}

}  // namespace gogepo
