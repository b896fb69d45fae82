// The generator: the slice and the bias networks over all tiles of a kind of layer, forward from one command to theta,
// and back from the gradient at theta to sums over commands of the gradient at rho.
//
// A network works on a group of commands at a time: one where its tiles are many, several where they are few, so that
// no product is too small to be fast.
//
// Three things make it less work than it looks. The first layer reads (z, c): what it makes of the embeddings z is the
// same for all commands, and a command adds a multiple of one column. A bias is the average of proposals that go
// through one linear layer: averaging comes first. And the gradient at the embeddings' share of the first layer is
// summed over the commands before it is multiplied by anything.
#pragma once
#include <vector>

#include "packed_dense.h"

namespace gogepo::kernels {

// The most commands worked on at a time, so that memory does not grow with the batch.
constexpr int64_t kMostCommands = 64;

class Generator {
 public:
  Generator(const Kernels&, const Architecture&);

  struct Work {                  // one network's, for one group of C commands; rows command by command
    std::vector<Matrix> hidden;  // (C R, width) of each hidden layer, ReLU taken; on the way back gradients before it
    Matrix average;              // (C G, width): the last of them, averaged over input tiles (bias networks)
    Matrix out;                  // (C R, slice) or (C G, slice_out): the output, then the gradient at it
    std::vector<float> sums;
  };
  Work work(int64_t network) const;

  struct Share {                // the gradient's sum over some commands
    Memory flat;                // rho's layout; the embeddings and their weights stay 0
    std::vector<Matrix> first;  // (R, width): each network's gradient before its first ReLU
  };
  Share share() const;

  const GeneratorLayout& layout() const { return layout_; }
  int64_t networks() const { return int64_t(networks_.size()); }

  // Once for each rho: all pack pieces, then embed() for each network.
  int64_t pack_pieces() const { return int64_t(pieces_.size()); }
  void pack_piece(const float* rho, int64_t piece);
  void embed(int64_t network);

  int64_t group(int64_t network) const { return networks_[network].group; }

  // One network's part of theta for up to group() commands; thetas (C, |theta|).
  void forward(int64_t network, const float* commands, int64_t count, Work&, float* thetas) const;
  // After forward(): the gradient at theta for one of the commands, then, when all have theirs, back. The first group
  // that a share gets overwrites what is there.
  void take_gradient(int64_t network, int64_t command, const float* theta_gradient, Work&) const;
  void backward(int64_t network, const float* commands, int64_t count, Work&, bool add, Share&) const;

  // The sum over the first counts[n] shares of network n: all pieces, then finish() for each network, then
  // write_embeddings().
  int64_t sum_pieces() const { return int64_t(sums_.size()); }
  void sum_piece(const std::vector<const Share*>&, const std::vector<int64_t>& counts, int64_t piece, float* gradient);
  void finish(int64_t network, float* gradient);
  void write_embeddings(float* gradient) const;

 private:
  struct Tiles {                     // the tiles of one policy layer among the rows of its kind
    int64_t layer, row, output_row;  // first row; first row of the averages
    int64_t in, out;
  };
  struct Network {
    Mlp mlp;
    int kind = 0;
    bool averages = false;              // a bias network
    int64_t rows = 0, output_rows = 0;  // R; and R, or the number G of output tiles
    int64_t group = 1;                  // commands worked on together
    std::vector<PackedDense> layers;    // the first one without the command's column
    std::vector<float> command_column;  // in whole panels
    Matrix z, embedded;                 // (R, d); (R, width) before the first ReLU, command 0
    Matrix first_gradient, z_gradient;  // (R, width), (R, d)
  };
  struct Piece {
    size_t network, layer;
    int64_t index;
  };
  struct Sum {
    int64_t network, first, size;  // floats of the flat gradient; size 0: the network's Share::first
  };
  template <class Visit>
  void along_averages(const Network&, const Work&, int64_t count, const Visit&) const;
  template <class Visit>
  void along_theta(const Network&, const Panels& out, int64_t command, const Visit&) const;

  const Kernels& kernels_;
  const GeneratorLayout layout_;
  const PolicyLayout policy_;
  const int64_t embedding_size_;
  const float range_;
  std::vector<std::vector<Tiles>> tiles_;  // by kind
  std::vector<Network> networks_;
  std::vector<Piece> pieces_;
  std::vector<Sum> sums_;
};

}  // namespace gogepo::kernels
