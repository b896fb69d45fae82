// The kernels, compiled for AVX2 and FMA.
#include "adam.h"
#include "elementwise.h"
#include "gemm.h"
#include "kernels.h"
#include "packing.h"

namespace gogepo::kernels {

extern const Kernels avx2_kernels;
const Kernels avx2_kernels{Isa::avx2,
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
