// The critic's dense network, from a fingerprint (or from theta itself) to a return.
#pragma once
#include <vector>

#include "packed_dense.h"

namespace gogepo::kernels {

class ValueNetwork {
 public:
  ValueNetwork(const Kernels&, const Mlp&);

  struct Rows {                  // a batch on its way through
    std::vector<Matrix> inputs;  // (B, in) of each layer
    Matrix values;               // (B, 1)
    std::vector<Matrix> deltas;  // (B, out): gradients at each layer's output, before its ReLU
    Matrix input_delta;          // (B, in of the first layer)
  };
  Rows rows(int64_t capacity) const;

  int64_t pack_pieces() const { return int64_t(pieces_.size()); }
  void pack_piece(const float* w, int64_t piece);

  // For `count` rows from `first` on; any split into such parts gives the same bits.
  void forward(Rows&, int64_t first, int64_t count) const;
  // From deltas.back() down to deltas[0], and to input_delta where that is wanted.
  void backward(Rows&, int64_t first, int64_t count, bool to_input) const;

  // The gradient of the weights, summed over rows [0, count), a piece at a time; = or += in the flat vector.
  int64_t gradient_pieces() const { return int64_t(gradients_.size()); }
  void gradient_piece(const Rows&, int64_t count, int64_t piece, bool add, float* gradient) const;

 private:
  struct Piece {
    size_t layer;
    int64_t index;
  };
  const Kernels& kernels_;
  const Mlp mlp_;
  std::vector<PackedDense> layers_;
  std::vector<Piece> pieces_, gradients_;
};

}  // namespace gogepo::kernels
