// One theta acting on one observation, as fast as one core can and with the same bits on every x86-64.
#pragma once
#include <vector>

#include "layout.h"
#include "policy_kernel.h"

namespace gogepo {

struct PolicyKernel {
  const char* name;
  DenseTanh dense_tanh;
};
std::vector<PolicyKernel> policy_kernels();  // those that this CPU runs, narrowest vectors first

class PolicyRunner {
 public:
  PolicyRunner(const PolicyLayout& layout, const ActionScaling& scaling,
               const PolicyKernel& kernel = policy_kernels().back());
  void load(const float* theta);  // (|theta|), copied
  // (O) -> (A). Discrete: one number, that of the first largest output. Allocates nothing.
  void act(const float* observation, float* action);

 private:
  struct alignas(64) Block {
    float values[16];
  };
  PolicyLayout layout_;
  ActionScaling scaling_;
  DenseTanh dense_tanh_;
  std::vector<Block> packed_;          // the layers one after another, as policy_kernel.h says
  std::vector<Block> activations_[2];  // of a layer and of the one before it
};

}  // namespace gogepo
