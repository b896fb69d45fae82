// The generator: for each kind of policy layer, a slice network and a bias network that run over all tiles. Forward
// from commands to theta; backward from the gradient with respect to theta to the gradient with respect to rho, summed
// over commands.
//
// A network processes a group of commands at a time, one if it has many tiles, several if it has few, so that its
// matrix multiplications are large enough to run at full speed.
//
// Three identities save most of the arithmetic:
//   - The first layer reads (z, c). Its product with the embeddings z is the same for all commands, so it is computed
//     once per update; a command only adds a multiple of one column.
//   - A bias is the average of proposals that pass through a last linear layer, so the average is taken before it.
//   - In the backward pass, the first layer's gradients are summed over commands before they are multiplied by the
//     embeddings and the weights.
#pragma once
#include <vector>

#include "packed_dense.h"

namespace gogepo::kernels {

// Upper limit on the commands processed at a time, so that memory does not grow with the batch.
constexpr int64_t kMaxCommands = 64;

class Generator {
 public:
  Generator(const Kernels&, const Architecture&);

  // Buffers of one network for a group of C commands. Per command there are R rows (tiles) and G output tiles; rows are
  // ordered by command.
  struct Scratch {
    std::vector<Matrix> hidden;  // (C R, width) per hidden layer: after ReLU; in backward(), the gradient before ReLU
    Matrix average;              // (C G, width): last hidden layer, averaged over input tiles (bias networks only)
    Matrix out;                  // (C R, slice) or (C G, slice_out): the output, then its gradient
    std::vector<float> column_sums;
  };
  Scratch make_scratch(int64_t network) const;

  // A partial sum over commands of the gradient with respect to rho.
  struct GradientSum {
    AlignedBuffer flat;         // laid out like rho; embeddings and the first layers' weights for them stay 0
    std::vector<Matrix> first;  // (R, width) per network: the gradient before the first ReLU
  };
  GradientSum make_gradient_sum() const;

  const GeneratorLayout& layout() const { return layout_; }
  int64_t networks() const { return int64_t(networks_.size()); }

  // Call for each new rho: all pack pieces, then embed() for each network.
  int64_t pack_pieces() const { return int64_t(pack_pieces_.size()); }
  void pack_piece(const float* rho, int64_t piece);
  void embed(int64_t network);

  // The number of commands this network processes together.
  int64_t group(int64_t network) const { return networks_[network].group; }

  // Writes one network's part of `thetas` (C, |theta|) for up to group() commands.
  void forward(int64_t network, const float* commands, int64_t count, Scratch&, float* thetas) const;
  // After forward(): set the gradient with respect to theta (|theta|,) of each command in the group, then call
  // backward(). `add` is false for the first group of a gradient sum, which overwrites it.
  void set_output_gradient(int64_t network, int64_t command, const float* theta_gradient, Scratch&) const;
  void backward(int64_t network, const float* commands, int64_t count, Scratch&, bool add, GradientSum&) const;

  // The final gradient, from the first counts[n] gradient sums of each network n: all sum pieces, then
  // finish_first_layer() for each network, then write_embedding_gradient().
  int64_t sum_pieces() const { return int64_t(sum_pieces_.size()); }
  void sum_piece(const std::vector<const GradientSum*>&, const std::vector<int64_t>& counts, int64_t piece,
                 float* gradient);
  void finish_first_layer(int64_t network, float* gradient);
  void write_embedding_gradient(float* gradient) const;

 private:
  struct Tiles {         // the tiles of one policy layer
    int64_t layer;       // index of the policy layer
    int64_t row;         // first row in the network's matrices
    int64_t output_row;  // first row in the averaged matrices of the bias network
    int64_t in, out;     // number of input and output tiles
  };
  struct Network {
    Mlp mlp;
    int kind = 0;
    bool is_bias = false;               // bias network: averages over input tiles
    int64_t rows = 0, output_rows = 0;  // R; output_rows is G for a bias network, else R
    int64_t group = 1;                  // commands processed together
    std::vector<PackedDense> layers;    // the first one without the command column
    std::vector<float> command_column;  // first-layer weights of the command, padded
    Matrix z, embedded;                 // (R, d); (R, width): first layer before ReLU at command 0
    Matrix first_gradient, z_gradient;  // (R, width), (R, d)
  };
  struct PackPiece {
    size_t network, layer;
    int64_t index;
  };
  struct SumPiece {
    int64_t network, first, size;  // a range of the flat gradient; size 0: GradientSum::first
  };
  template <class Visit>
  void for_each_average(const Network&, const Scratch&, int64_t count, const Visit&) const;
  template <class Visit>
  void for_each_theta_span(const Network&, const Panels& out, int64_t command, const Visit&) const;

  const Kernels& kernels_;
  const GeneratorLayout layout_;
  const PolicyLayout policy_;
  const int64_t embedding_size_;
  const float return_range_;
  std::vector<std::vector<Tiles>> tiles_;  // by kind
  std::vector<Network> networks_;
  std::vector<PackPiece> pack_pieces_;
  std::vector<SumPiece> sum_pieces_;
};

}  // namespace gogepo::kernels
