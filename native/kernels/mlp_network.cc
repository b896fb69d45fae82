#include "mlp_network.h"

namespace gogepo::kernels {

MlpNetwork::MlpNetwork(const Kernels& kernels, const Mlp& mlp) : kernels_(kernels), mlp_(mlp) {
  for (size_t i = 0; i < mlp_.size(); ++i) {
    layers_.emplace_back(kernels_.width, mlp_[i].in, mlp_[i].out, mlp_[i].in);
    for (int64_t p = 0; p < panel_count(layers_[i].forward, kernels_.width); ++p) gradient_pieces_.push_back({i, p});
  }
  pack_pieces_ = gradient_pieces_;  // the panels of the forward pass
  forward_pack_pieces_ = int64_t(pack_pieces_.size());
  for (size_t i = 0; i < mlp_.size(); ++i)
    for (int64_t p = panel_count(layers_[i].forward, kernels_.width); p < layers_[i].pieces(kernels_.width); ++p)
      pack_pieces_.push_back({i, p});
}

MlpNetwork::Rows MlpNetwork::make_rows(int64_t capacity) const {
  Rows rows;
  for (const Dense& dense : mlp_) {
    rows.inputs.emplace_back(kernels_.width, capacity, dense.in);
    rows.deltas.emplace_back(kernels_.width, capacity, dense.out);
  }
  rows.outputs = Matrix(kernels_.width, capacity, mlp_.back().out);
  rows.input_delta = Matrix(kernels_.width, capacity, mlp_[0].in);
  return rows;
}

void MlpNetwork::pack_piece(const float* w, int64_t piece) {
  const auto [layer, index] = pack_pieces_[piece];
  layers_[layer].pack_piece(kernels_, w + mlp_[layer].weight, w + mlp_[layer].bias, index);
}

void MlpNetwork::forward(Rows& rows, int64_t first, int64_t count) const {
  for (size_t i = 0; i < mlp_.size(); ++i) {
    const bool last = i + 1 == mlp_.size();
    kernels_.multiply(rows_of(rows.inputs[i], kernels_.width, first, count), layers_[i].forward,
                      rows_of(last ? rows.outputs : rows.inputs[i + 1], kernels_.width, first, count),
                      layers_[i].bias.data(), last ? Epilogue::none : Epilogue::relu, {});
  }
}

void MlpNetwork::backward(Rows& rows, int64_t first, int64_t count, bool to_input) const {
  const auto rows_in = [&](const Panels& m) { return rows_of(m, kernels_.width, first, count); };
  for (size_t i = mlp_.size() - 1; i > 0; --i)
    kernels_.multiply(rows_in(rows.deltas[i]), layers_[i].backward, rows_in(rows.deltas[i - 1]), nullptr,
                      Epilogue::relu_derivative, rows_in(rows.inputs[i]));
  if (to_input)
    kernels_.multiply(rows_in(rows.deltas[0]), layers_[0].backward, rows_in(rows.input_delta), nullptr, Epilogue::none,
                      {});
}

void MlpNetwork::gradient_piece(const Rows& rows, int64_t count, int64_t piece, bool add, float* gradient) const {
  const auto [layer, panel] = gradient_pieces_[piece];
  const Dense& dense = mlp_[layer];
  const Panels delta = rows_of(panel_of(rows.deltas[layer], kernels_.width, panel), kernels_.width, 0, count);
  const int64_t first = panel * kernels_.width;

  // Weights: delta^T input, for the output columns in this panel.
  kernels_.multiply_transposed(delta, rows_of(rows.inputs[layer], kernels_.width, 0, count),
                               gradient + dense.weight + first * dense.in, dense.in, add);

  // Bias: delta summed over the rows.
  float sums[kMaxPanelWidth];
  kernels_.column_sums(delta, sums);
  for (int64_t i = 0; i < delta.cols; ++i) {
    float& to = gradient[dense.bias + first + i];
    to = add ? to + sums[i] : sums[i];
  }
}

}  // namespace gogepo::kernels
