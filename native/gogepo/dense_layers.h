// Dense layers with ReLUs between them, forward and backward: the generator's slice and bias networks, and the critic's
// value network. `flat` holds a network's parameters, `gradient` the gradient with respect to them. R rows, C columns.
#pragma once
#include <ATen/core/Tensor.h>

#include <vector>

#include "layout.h"
#include "work.h"

namespace gogepo {

// x (R, in) -> (R, out)
at::Tensor dense_layer(Work& work, const at::Tensor& x, const Dense& dense, const at::Tensor& flat, bool activation);

// Layers begin to end of a network, with ReLU after each layer except the network's last. Stores the input of each
// layer in `inputs`.
at::Tensor forward_layers(Work& work, at::Tensor x, const Mlp& mlp, size_t begin, size_t end, const at::Tensor& flat,
                          std::vector<at::Tensor>& inputs);

inline constexpr int no_lane = -1;

// Backward through layers begin to end, from the gradient with respect to the last layer's output before its ReLU.
// Writes the gradients of the layers' parameters, on a lane of their own, unless that is no_lane. Returns the gradient
// with respect to the input of the first layer if wants_input, not through the ReLU that it came out of.
at::Tensor backward_layers(Work& work, at::Tensor grad_output, const Mlp& mlp, size_t begin, size_t end,
                           const at::Tensor& flat, const std::vector<at::Tensor>& inputs, const at::Tensor& gradient,
                           int parameters_lane, bool wants_input);

// x (R, C) -> the sums of its columns over each `chunk` of rows (chunks, C), written to `out` if that is given
at::Tensor column_sums(Work& work, const at::Tensor& x, int64_t chunk, at::Tensor out = {});

}  // namespace gogepo
