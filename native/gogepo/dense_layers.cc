#include "dense_layers.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/_addmm_activation.h>
#include <ATen/ops/addmm.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/mm.h>

namespace gogepo {

using at::Tensor;

namespace {

Tensor weight(const Tensor& flat, const Dense& dense) {
  return flat.narrow(0, dense.weight, int64_t(dense.out) * dense.in).view({dense.out, dense.in});
}
Tensor bias(const Tensor& flat, const Dense& dense) { return flat.narrow(0, dense.bias, dense.out); }

// Whether a dense layer has so few rows that hand-written kernels beat a matrix multiplication.
bool few_rows(const Tensor& x, const Dense& dense) { return x.size(0) <= 32 && dense.in <= 4096 && dense.out <= 4096; }

// grad_output (R, out) -> the gradient with respect to x (R, in), through the ReLU that x came out of, if it did
Tensor dense_input_gradient(Work& work, const Tensor& grad_output, const Tensor& x, bool activation, const Dense& dense,
                            const Tensor& flat) {
  if (few_rows(x, dense)) {
    const Tensor out = work.keep(at::empty({x.size(0), dense.in}, x.options()));
    work.run(ops::DenseInputGradient{.gradient = read(grad_output),
                                     .weight = read(flat) + dense.weight,
                                     .x = activation ? read(x) : nullptr,
                                     .out_gradient = write(out),
                                     .in = dense.in,
                                     .out = dense.out},
             out.size(0) * ops::eighths(unsigned(dense.in)));
    return out;
  }
  const Tensor out = work.keep(grad_output.mm(weight(flat, dense)));
  if (activation)
    work.run(ops::ActivationGradient{.gradient = write(out), .output = read(x), .size = elements(out), .tanh = false},
             ops::quarter(elements(out)));
  return out;
}

// Writes the gradients of the layer's parameters.
void dense_parameter_gradient(Work& work, const Tensor& grad_output, const Tensor& x, const Dense& dense,
                              const Tensor& gradient) {
  if (few_rows(x, dense))
    return work.run(ops::DenseParameterGradient{.gradient = read(grad_output),
                                                .x = read(x),
                                                .weight = write(gradient) + dense.weight,
                                                .bias = write(gradient) + dense.bias,
                                                .rows = int(x.size(0)),
                                                .in = dense.in,
                                                .out = dense.out},
                    int64_t(dense.out) * (dense.in + 1));
  Tensor grad_weight = weight(gradient, dense);
  at::mm_out(grad_weight, grad_output.t(), x);
  constexpr int64_t chunk = 64;  // in two steps, so that there is enough to do at once
  const Tensor partial = column_sums(work, grad_output, chunk);
  column_sums(work, partial, partial.size(0), bias(gradient, dense));
}

}  // namespace

Tensor column_sums(Work& work, const Tensor& x, int64_t chunk, Tensor out) {
  const int64_t chunks = (x.size(0) + chunk - 1) / chunk;
  if (!out.defined()) out = work.keep(at::empty({chunks, x.size(1)}, x.options()));
  work.run(
      ops::ColumnSums{
          .x = read(x), .sums = write(out), .rows = int(x.size(0)), .columns = int(x.size(1)), .chunk = int(chunk)},
      chunks * ops::eighths(unsigned(x.size(1))));
  return out;
}

Tensor dense_layer(Work& work, const Tensor& x, const Dense& dense, const Tensor& flat, bool activation) {
  if (few_rows(x, dense)) {
    const Tensor y = work.keep(at::empty({x.size(0), dense.out}, x.options()));
    work.run(ops::DenseLayer{.x = read(x),
                             .weight = read(flat) + dense.weight,
                             .bias = read(flat) + dense.bias,
                             .y = write(y),
                             .in = dense.in,
                             .out = dense.out,
                             .activation = activation},
             y.numel());
    return y;
  }
  const Tensor W = weight(flat, dense).t(), b = bias(flat, dense);
  return work.keep(activation ? at::_addmm_activation(b, x, W) : at::addmm(b, x, W));
}

Tensor forward_layers(Work& work, Tensor x, const Mlp& mlp, size_t begin, size_t end, const Tensor& flat,
                      std::vector<Tensor>& inputs) {
  inputs.clear();
  for (size_t i = begin; i < end; ++i) {
    inputs.push_back(x);
    x = dense_layer(work, x, mlp[i], flat, i + 1 < mlp.size());
  }
  return x;
}

Tensor backward_layers(Work& work, Tensor grad_output, const Mlp& mlp, size_t begin, size_t end, const Tensor& flat,
                       const std::vector<Tensor>& inputs, const Tensor& gradient, int parameters_lane,
                       bool wants_input) {
  const int lane = work.lane();
  for (size_t i = end; i-- > begin;) {
    const Tensor& x = inputs[i - begin];
    if (parameters_lane != no_lane) {
      work.fork(parameters_lane);
      dense_parameter_gradient(work, grad_output, x, mlp[i], gradient);
      work.enter(lane);
    }
    if (i > begin || wants_input) grad_output = dense_input_gradient(work, grad_output, x, i > begin, mlp[i], flat);
  }
  return grad_output;
}

}  // namespace gogepo
