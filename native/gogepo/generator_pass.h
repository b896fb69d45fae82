// The generator, forward and backward, written by hand. Shapes are fixed, and nothing is copied between host and
// device, so a CUDA graph can capture all of it; autograd would bring threads and streams of its own. LibTorch computes
// the large matrix multiplications, device_ops.h the rest. Networks that do not depend on each other run on separate
// lanes. B policies, T tiles of all layers of one kind, G output tiles of those layers, h width, d embedding size.
#pragma once
#include <ATen/core/Tensor.h>

#include <vector>

#include "layout.h"
#include "policy_tensors.h"
#include "work.h"

namespace gogepo {

// The lanes of a policy layer: for what leads to its weights, for what leads to its biases, and for the gradients of
// the parameters of either.
struct LayerLanes {
  int weight = 0, bias = 0, weight_parameters = 0, bias_parameters = 0;
};

// G(c). forward() keeps what backward() needs.
class GeneratorPass {
 public:
  GeneratorPass(const GeneratorLayout& layout, const Architecture& a, Work& work)
      : layout_(layout), a_(a), work_(work) {}
  // commands (B), divided by the return range -> the policies, layer by layer
  std::vector<PolicyTensors> forward(const at::Tensor& rho, const at::Tensor& commands);
  // From the gradient with respect to the policies, whose layers are queued on their lanes, to the gradient with
  // respect to rho, which is overwritten.
  void backward(const at::Tensor& rho, const std::vector<PolicyTensors>& grad_policies, const at::Tensor& gradient);

  // The lanes of each policy layer: those of its kind.
  std::vector<LayerLanes> lanes() const;
  // Waits until forward() has generated a policy layer.
  void wait_for(size_t layer) {
    for (const int point : ready_[layer]) work_.wait_for(point);
  }

 private:
  struct KindPass {
    at::Tensor z;                                       // (T, d)
    at::Tensor slice_hidden, bias_hidden;               // (B*T, h) outputs of the first layers
    std::vector<at::Tensor> slice_inputs, bias_inputs;  // inputs of the layers that follow
    at::Tensor bias_output;                             // (B*T, h) before the bias network's last layer
    at::Tensor bias_mean;                               // (B*G, h) the same, averaged over the input tiles
  };
  // The gradients of a first layer's output, summed over the batch.
  struct FirstSums {
    at::Tensor sum;  // (T, h)
    const float* weight;
  };
  struct OwnLayer {  // a policy layer among those of its kind
    size_t index;
    ops::Tiling tiling;
    int first_output;  // among the G output tiles
  };
  std::vector<OwnLayer> layers_of(size_t kind, int& tiles, int& outputs) const;
  at::Tensor embeddings(size_t kind, const at::Tensor& flat) const;
  static LayerLanes lanes_of(size_t kind) {
    const int first = 1 + 4 * int(kind);
    return {first, first + 1, first + 2, first + 3};
  }
  void generate_weights(size_t kind, const at::Tensor& rho, std::vector<PolicyTensors>& policies);
  void generate_biases(size_t kind, const at::Tensor& rho, std::vector<PolicyTensors>& policies);
  at::Tensor first_layer(const at::Tensor& z, const Dense& dense, const at::Tensor& rho);
  FirstSums first_gradient(const at::Tensor& grad_output, const at::Tensor& output, const at::Tensor& z,
                           const Dense& dense, const at::Tensor& rho, const at::Tensor& gradient, int parameters_lane);

  const GeneratorLayout& layout_;
  const Architecture& a_;
  Work& work_;
  at::Tensor commands_;  // (B)
  std::vector<KindPass> kinds_;
  std::vector<std::vector<int>> ready_;  // by policy layer: when it has been generated
};

}  // namespace gogepo
