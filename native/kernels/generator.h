// The generator: the slice and the bias networks over all tiles of a kind of layer, forward from one command to theta, and back
// from the gradient at theta to sums over commands of the gradient at rho.
//
// Three things make it less work than it looks. The first layer reads (z, c): what it makes of the embeddings z is the same for
// all commands, and a command adds a multiple of one column. A bias is the average of proposals that go through one linear
// layer: averaging comes first. And the gradient at the embeddings' share of the first layer is summed over the commands before
// it is multiplied by anything.
#pragma once
#include <vector>

#include "packed_dense.h"

namespace gogepo::kernels {

class Generator {
 public:
  Generator(const Kernels&, const Architecture&);

  struct NetworkWork {
    std::vector<Matrix> hidden;                   // (R, width) of each hidden layer, ReLU taken
    Matrix average;                               // (G, width): the last of them, averaged over input tiles (bias networks)
    Matrix out;                                   // (R, slice) or (G, slice_out): the output, then the gradient at it
    std::vector<Matrix> deltas;                   // (R, width): gradients before each ReLU
    Matrix average_delta;
  };
  struct Work {                                   // one thread's
    std::vector<NetworkWork> networks;
    std::vector<float> sums;
  };
  Work work() const;

  struct Share {                                  // the gradient's sum over some commands
    Memory flat;                                  // rho's layout; the embeddings and their weights stay 0
    std::vector<Matrix> first;                    // (R, width): each network's gradient before its first ReLU
  };
  Share share() const;

  const GeneratorLayout& layout() const { return layout_; }
  int64_t networks() const { return int64_t(networks_.size()); }

  // Once for each rho: all pack pieces, then embed() for each network.
  int64_t pack_pieces() const { return int64_t(pieces_.size()); }
  void pack_piece(const float* rho, int64_t piece);
  void embed(int64_t network);

  // One network's part of theta.
  void forward(int64_t network, float command, Work&, float* theta) const;
  // After forward() of the same command. The first command of a share overwrites what is there.
  void backward(int64_t network, float command, const float* theta_gradient, Work&, bool add, Share&) const;

  // The sum over the shares: all pieces, then finish() for each network, then write_embeddings().
  int64_t sum_pieces() const;
  void sum_piece(const std::vector<const Share*>&, int64_t piece, float* gradient);
  void finish(int64_t network, float* gradient);
  void write_embeddings(float* gradient) const;

 private:
  struct Tiles {                                  // the tiles of one policy layer among the rows of its kind
    int64_t layer, row, output_row;               // first row; first row of the averages
    int64_t in, out;
  };
  struct Network {
    Mlp mlp;
    int kind = 0;
    bool averages = false;                        // a bias network
    int64_t rows = 0, output_rows = 0;            // R; and R, or the number G of output tiles
    std::vector<PackedDense> layers;              // the first one without the command's column
    std::vector<float> command_column;            // in whole panels
    Matrix z, embedded;                           // (R, d); (R, width) before the first ReLU, command 0
    Matrix first_gradient, z_gradient;            // (R, width), (R, d)
  };
  struct Piece {
    size_t network, layer;
    int64_t index;
  };
  void write_theta(const Network&, const Panels& out, float* theta) const;
  void read_theta_gradient(const Network&, const float* theta_gradient, const Panels& out) const;
  template <class Visit>
  void along_theta(const Network&, const Panels& out, const Visit&) const;

  const Kernels& kernels_;
  const GeneratorLayout layout_;
  const PolicyLayout policy_;
  const int64_t embedding_size_;
  const float range_;
  std::vector<std::vector<Tiles>> tiles_;         // by kind
  std::vector<Network> networks_;
  std::vector<Piece> pieces_;
};

}  // namespace gogepo::kernels
