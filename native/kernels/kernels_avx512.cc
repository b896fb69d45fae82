// The kernels, compiled for AVX-512.
#include "adam.h"
#include "elementwise.h"
#include "gemm.h"
#include "kernels.h"
#include "packing.h"

namespace gogepo::kernels {

extern const Kernels avx512_kernels;
const Kernels avx512_kernels{Isa::avx512,
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
