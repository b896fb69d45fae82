// One dense layer's weights as right operands: (in, out) for the way forward, (out, in) for the way back.
#pragma once
#include "layout.h"
#include "matrix.h"

namespace gogepo::kernels {

struct PackedDense {
  Matrix forward, backward;
  std::vector<float> bias;  // in whole panels
  int64_t ld = 0;           // floats from one row of the packed weights to the next

  PackedDense() = default;
  PackedDense(int width, int64_t in, int64_t out, int64_t row_step)
      : forward(width, in, out), backward(width, out, in), bias(whole_panels(out, width)), ld(row_step) {}

  // A panel at a time, so that threads can share the work.
  int64_t pieces(int width) const { return panel_count(forward, width) + panel_count(backward, width); }
  void pack_piece(const Kernels& k, const float* weight, const float* new_bias, int64_t piece) {
    const int64_t ways_forward = panel_count(forward, k.width);
    if (piece < ways_forward)
      pack_forward_panel(k, weight, new_bias, piece);
    else
      k.pack(weight + (piece - ways_forward) * k.width, ld, panel_of(backward, k.width, piece - ways_forward));
  }
  void pack_forward(const Kernels& k, const float* weight, const float* new_bias) {
    for (int64_t p = 0; p < panel_count(forward, k.width); ++p) pack_forward_panel(k, weight, new_bias, p);
  }
  void pack_backward(const Kernels& k, const float* weight) { k.pack(weight, ld, backward); }

 private:
  void pack_forward_panel(const Kernels& k, const float* weight, const float* new_bias, int64_t panel) {
    const Panels part = panel_of(forward, k.width, panel);
    k.pack_transposed(weight + panel * k.width * ld, ld, part);
    std::copy_n(new_bias + panel * k.width, part.cols, bias.data() + panel * k.width);
  }
};

}  // namespace gogepo::kernels
