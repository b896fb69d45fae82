// A dense network with ReLU between its layers and a linear end: GoGePo's value network, and actors and critics.
#pragma once
#include <vector>

#include "packed_dense.h"

namespace gogepo::kernels {

class MlpNetwork {
 public:
  MlpNetwork(const Kernels&, const Mlp&);

  struct Rows {                  // activations and gradients of a batch
    std::vector<Matrix> inputs;  // (B, in) per layer
    Matrix outputs;              // (B, out)
    std::vector<Matrix> deltas;  // (B, out) per layer: gradients before its ReLU
    Matrix input_delta;          // (B, input size): gradient with respect to the input
  };
  Rows make_rows(int64_t capacity) const;

  // The first pieces are what forward() needs; all of them are what backward() needs as well.
  int64_t forward_pack_pieces() const { return forward_pack_pieces_; }
  int64_t pack_pieces() const { return int64_t(pack_pieces_.size()); }
  void pack_piece(const float* w, int64_t piece);

  // Both process rows [first, first + count). Results are bit-identical however a batch is split.
  void forward(Rows&, int64_t first, int64_t count) const;
  // From deltas.back(), set by the caller, down to deltas[0], and to input_delta if `to_input`.
  void backward(Rows&, int64_t first, int64_t count, bool to_input) const;

  // Weight gradients summed over rows [0, count), split into pieces; written or added to the flat vector.
  int64_t gradient_pieces() const { return int64_t(gradient_pieces_.size()); }
  void gradient_piece(const Rows&, int64_t count, int64_t piece, bool add, float* gradient) const;

 private:
  struct Piece {
    size_t layer;
    int64_t index;
  };
  const Kernels& kernels_;
  const Mlp mlp_;
  std::vector<PackedDense> layers_;
  std::vector<Piece> pack_pieces_, gradient_pieces_;
  int64_t forward_pack_pieces_;
};

}  // namespace gogepo::kernels
