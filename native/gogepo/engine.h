// What computes: forward passes, gradients and Adam steps on flat vectors. `reference` is plain LibTorch with autograd
// on any device, slow and obvious, and the oracle of the others: `fast`, the hand-written CPU kernels, and `static`,
// hand-written passes of LibTorch's operators in fixed buffers, for CUDA devices.
#pragma once
#include <ATen/core/Tensor.h>

#include <atomic>
#include <memory>
#include <vector>

#include "layout.h"
#include "parameters.h"

namespace gogepo {

class CudaPart;

inline constexpr int64_t most_updates = 256;  // that an engine is given in one call

// What the updates of one network draw, made ahead; entries i * batch to (i + 1) * batch are update i's.
struct Draws {
  int64_t updates = 0, batch = 0;
  std::vector<at::Tensor> thetas;  // (|theta|) each, in the buffer; of the critic's draws
  at::Tensor returns;              // (updates, batch), where the engine computes

  std::vector<at::Tensor> thetas_of(int64_t update) const {
    return {thetas.begin() + update * batch, thetas.begin() + (update + 1) * batch};
  }
};

class Engine {
 public:
  explicit Engine(const Architecture& a)
      : architecture(a), policy_layout(a.policy_sizes()), generator_layout(a), critic_layout(a) {}
  virtual ~Engine() = default;

  // commands (B), in return units -> theta (B, |theta|)
  virtual at::Tensor generate(const at::Tensor& rho, const at::Tensor& commands) = 0;
  // theta: B rows of (|theta|) -> predicted returns (B)
  virtual at::Tensor value(const at::Tensor& w, const std::vector<at::Tensor>& theta) = 0;
  // mean (V(theta) - r)^2; writes its gradient by w. Returns the loss without reading it: a tensor of one number.
  virtual at::Tensor critic_gradient(const at::Tensor& w, const std::vector<at::Tensor>& theta,
                                     const at::Tensor& returns, at::Tensor& gradient) = 0;
  // mean (V(G(r)) - r)^2; writes its gradient by rho.
  virtual at::Tensor generator_gradient(const at::Tensor& rho, const at::Tensor& w, const at::Tensor& returns,
                                        at::Tensor& gradient) = 0;
  // One Adam step with bias correction, beta 0.9 and 0.999, epsilon 1e-8.
  virtual void adam(Parameters& parameters, const at::Tensor& gradient, double learning_rate) = 0;

  // These updates of a network, one after the other until no more are wanted. They return the loss before each,
  // (updates), not yet read. Here: a gradient and an Adam step at a time.
  virtual at::Tensor critic_updates(Parameters& critic, const Draws& draws, double learning_rate,
                                    const std::atomic<bool>& stop);
  virtual at::Tensor generator_updates(Parameters& generator, const at::Tensor& w, const Draws& draws,
                                       double learning_rate, const std::atomic<bool>& stop);

  virtual at::Device device() const = 0;

  const Architecture architecture;
  const PolicyLayout policy_layout;
  const GeneratorLayout generator_layout;
  const CriticLayout critic_layout;
};

// tf32: on a CUDA device, products of matrices with mantissas of 10 bits; engines that differ in it are not there
// together.
std::unique_ptr<Engine> make_reference_engine(const Architecture& a, at::Device device, bool tf32 = false);
// With `cuda` an update is recorded and replayed.
std::unique_ptr<Engine> make_static_engine(const Architecture& a, at::Device device, bool tf32, CudaPart* cuda);
std::unique_ptr<Engine> make_fast_engine(const Architecture& a, int threads);
int64_t fast_workspace_bytes();  // of all fast engines of this process

}  // namespace gogepo
