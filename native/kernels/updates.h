// The two updates of the method, by hand: what `engine: 'fast'` computes where `engine: 'reference'` lets autograd do
// it. All vectors are flat float32 in the order of layout.h.
//
// One object serves one caller at a time. The same inputs give the same bits for any number of threads.
#pragma once
#include <cstdint>
#include <memory>

#include "kernels.h"
#include "layout.h"

namespace gogepo {

// Bytes of workspace that all Updates of this process hold.
int64_t workspace_bytes();

class Updates {
 public:
  // Throws std::invalid_argument for what the generator cannot make, or an instruction set that this CPU lacks.
  Updates(const Architecture&, int threads, kernels::Isa = kernels::best_isa());
  ~Updates();
  Updates(const Updates&) = delete;
  Updates& operator=(const Updates&) = delete;

  // commands (B), in return units -> thetas (B, |theta|)
  void generate(const float* rho, const float* commands, int64_t batch, float* thetas);
  // B pointers to theta -> values (B)
  void value(const float* w, const float* const* thetas, int64_t batch, float* values);

  // The mean of (V(theta) - r)^2 over the batch, and its gradient (|w|), which is overwritten.
  double critic_gradient(const float* w, const float* const* thetas, const float* returns, int64_t batch,
                         float* gradient);
  // The mean of (V(G(r)) - r)^2 over the batch, and its gradient at rho (|rho|), which is overwritten; w stays as it
  // is. A return that occurs several times is computed once.
  double generator_gradient(const float* rho, const float* w, const float* returns, int64_t batch, float* gradient);

  // One step of Adam with beta 0.9 and 0.999, epsilon 1e-8; `step` is 1 for the first.
  void adam(float* parameters, float* m, float* v, const float* gradient, int64_t size, int64_t step,
            double learning_rate);

 private:
  struct Parts;
  std::unique_ptr<Parts> parts_;
};

}  // namespace gogepo
