// Update backends: forward passes, gradients and Adam steps on flat vectors. `reference` is plain LibTorch with
// autograd on any device, slow and obvious, and the oracle of the others: `fast`, the hand-written CPU kernels, and
// `static`, hand-written backpropagation and kernels in fixed buffers, for CUDA devices.
#pragma once
#include <ATen/core/Tensor.h>

#include <atomic>
#include <memory>
#include <vector>

#include "layout.h"
#include "parameters.h"

namespace gogepo {

class CudaPart;

inline constexpr int64_t most_updates = 256;  // per call of critic_updates or generator_updates

// The batches of consecutive updates of one network, sampled ahead: entries i * batch to (i + 1) * batch are update
// i's.
struct Samples {
  int64_t updates = 0, batch = 0;
  std::vector<at::Tensor> thetas;  // (|theta|) each, views of the buffer; empty for generator updates
  at::Tensor returns;              // (updates, batch), on the backend's device

  std::vector<at::Tensor> thetas_of(int64_t update) const {
    return {thetas.begin() + update * batch, thetas.begin() + (update + 1) * batch};
  }
};

class Backend {
 public:
  explicit Backend(const Architecture& a)
      : architecture(a), policy_layout(a.policy), generator_layout(a), critic_layout(a) {}
  virtual ~Backend() = default;

  // commands (B), in return units -> theta (B, |theta|)
  virtual at::Tensor generate(const at::Tensor& rho, const at::Tensor& commands) = 0;
  // theta: B rows of (|theta|) -> predicted returns (B)
  virtual at::Tensor value(const at::Tensor& w, const std::vector<at::Tensor>& theta) = 0;
  // Writes the gradient of the critic loss, mean (V(theta) - r)^2, with respect to w. Returns the loss as a scalar
  // tensor, without waiting for it.
  virtual at::Tensor critic_gradient(const at::Tensor& w, const std::vector<at::Tensor>& theta,
                                     const at::Tensor& returns, at::Tensor& gradient) = 0;
  // Writes the gradient of the generator loss, mean (V(G(r)) - r)^2, with respect to rho.
  virtual at::Tensor generator_gradient(const at::Tensor& rho, const at::Tensor& w, const at::Tensor& returns,
                                        at::Tensor& gradient) = 0;
  // theta (|theta|) -> the predicted return as a scalar tensor. Writes its gradient with respect to theta.
  virtual at::Tensor value_gradient(const at::Tensor& w, const at::Tensor& theta, at::Tensor& gradient) = 0;
  // Writes the gradient of the regression loss, mean (G(r) - theta)^2 over the batch and the elements of theta, with
  // respect to rho. theta: B rows of (|theta|), returns (B)
  virtual at::Tensor regression_gradient(const at::Tensor& rho, const std::vector<at::Tensor>& theta,
                                         const at::Tensor& returns, at::Tensor& gradient) = 0;
  // One Adam step with bias correction, betas 0.9 and 0.999, epsilon 1e-8.
  virtual void adam(Parameters& parameters, const at::Tensor& gradient, double learning_rate) = 0;

  // Makes up to most_updates updates of a network, one after another, until *stop is set. Returns the loss before each
  // update, (updates), without waiting for it. The default computes a gradient and an Adam step per update.
  virtual at::Tensor critic_updates(Parameters& critic, const Samples& samples, double learning_rate,
                                    const std::atomic<bool>& stop);
  virtual at::Tensor generator_updates(Parameters& generator, const at::Tensor& w, const Samples& samples,
                                       double learning_rate, const std::atomic<bool>& stop);
  // The same for G(r) -> theta, which needs the samples' thetas.
  at::Tensor regression_updates(Parameters& generator, const Samples& samples, double learning_rate,
                                const std::atomic<bool>& stop);
  // Ascends V: `updates` Adam steps of theta uphill. Returns V(theta) before each step.
  at::Tensor value_updates(Parameters& theta, const at::Tensor& w, int64_t updates, double learning_rate,
                           const std::atomic<bool>& stop);

  virtual at::Device device() const = 0;

  const Architecture architecture;
  const PolicyLayout policy_layout;
  const GeneratorLayout generator_layout;
  const CriticLayout critic_layout;
};

std::unique_ptr<Backend> make_reference_backend(const Architecture& a, at::Device device);
// cuda: captures an update as a CUDA graph and launches it for every update; on the CPU it may be null.
// Throws std::runtime_error if its kernels do not compile.
std::unique_ptr<Backend> make_static_backend(const Architecture& a, at::Device device, CudaPart* cuda);
std::unique_ptr<Backend> make_fast_backend(const Architecture& a, int threads);
int64_t fast_workspace_bytes();  // of all fast backends in this process

}  // namespace gogepo
