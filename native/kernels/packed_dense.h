// A dense layer's weights packed as right operands: (in, out) for the forward pass, (out, in) for the backward pass.
#pragma once
#include "layout.h"
#include "matrix.h"

namespace gogepo::kernels {

struct PackedDense {
  Matrix forward, backward;
  std::vector<float> bias;  // padded to whole panels
  int64_t ld = 0;           // leading dimension of the unpacked weights

  PackedDense() = default;
  PackedDense(int width, int64_t in, int64_t out, int64_t row_step)
      : forward(width, in, out), backward(width, out, in), bias(padded(out, width)), ld(row_step) {}

  // Packing is split into one piece per panel, so that threads can share the work.
  int64_t pieces(int width) const { return panel_count(forward, width) + panel_count(backward, width); }
  void pack_piece(const Kernels& k, const float* weight, const float* bias_values, int64_t piece) {
    const int64_t forward_panels = panel_count(forward, k.width);
    if (piece < forward_panels)
      pack_forward_panel(k, weight, bias_values, piece);
    else
      k.pack(weight + (piece - forward_panels) * k.width, ld, panel_of(backward, k.width, piece - forward_panels));
  }
  void pack_forward(const Kernels& k, const float* weight, const float* bias_values) {
    for (int64_t p = 0; p < panel_count(forward, k.width); ++p) pack_forward_panel(k, weight, bias_values, p);
  }
  void pack_backward(const Kernels& k, const float* weight) { k.pack(weight, ld, backward); }

 private:
  void pack_forward_panel(const Kernels& k, const float* weight, const float* bias_values, int64_t panel) {
    const Panels part = panel_of(forward, k.width, panel);
    k.pack_transposed(weight + panel * k.width * ld, ld, part);
    std::copy_n(bias_values + panel * k.width, part.cols, bias.data() + panel * k.width);
  }
};

}  // namespace gogepo::kernels
