// The kernels, compiled for SSE2: the x86-64 baseline.
#include "adam.h"
#include "elementwise.h"
#include "gemm.h"
#include "kernels.h"
#include "packing.h"

namespace gogepo::kernels {

extern const Kernels sse2_kernels;
const Kernels sse2_kernels{Isa::sse2,
                           kPanelWidth,
                           multiply,
                           multiply_transposed,
                           pack,
                           pack_transposed,
                           relu_shifted,
                           gate,
                           gate_derivative,
                           column_sums,
                           add_to,
                           scale,
                           scale_by_relu_derivative,
                           sum,
                           approach,
                           adam};

}  // namespace gogepo::kernels
