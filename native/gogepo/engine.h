// What computes: forward passes, gradients and Adam steps on flat vectors. `reference` is plain LibTorch with autograd on any
// device, slow and obvious, and the oracle of `fast`, the hand-written CPU kernels.
#pragma once
#include <ATen/core/Tensor.h>

#include <memory>
#include <vector>

#include "layout.h"
#include "parameters.h"

namespace gogepo {

class Engine {
 public:
  explicit Engine(const Architecture& a) : architecture(a), policy_layout(a.policy_sizes()), generator_layout(a), critic_layout(a) {}
  virtual ~Engine() = default;

  // commands (B), in return units -> theta (B, |theta|)
  virtual at::Tensor generate(const at::Tensor& rho, const at::Tensor& commands) = 0;
  // theta: B rows of (|theta|) -> predicted returns (B)
  virtual at::Tensor value(const at::Tensor& w, const std::vector<at::Tensor>& theta) = 0;
  // mean (V(theta) - r)^2; writes its gradient by w. Returns the loss without reading it: a tensor of one number.
  virtual at::Tensor critic_gradient(const at::Tensor& w, const std::vector<at::Tensor>& theta, const at::Tensor& returns, at::Tensor& gradient) = 0;
  // mean (V(G(r)) - r)^2; writes its gradient by rho.
  virtual at::Tensor generator_gradient(const at::Tensor& rho, const at::Tensor& w, const at::Tensor& returns, at::Tensor& gradient) = 0;
  // One Adam step with bias correction, beta 0.9 and 0.999, epsilon 1e-8.
  virtual void adam(Parameters& parameters, const at::Tensor& gradient, double learning_rate) = 0;

  virtual at::Device device() const = 0;

  const Architecture architecture;
  const PolicyLayout policy_layout;
  const GeneratorLayout generator_layout;
  const CriticLayout critic_layout;
};

std::unique_ptr<Engine> make_reference_engine(const Architecture& a, at::Device device);
std::unique_ptr<Engine> make_fast_engine(const Architecture& a, int threads);
int64_t fast_workspace_bytes();   // of all fast engines of this process

}  // namespace gogepo
