// What an update on a CUDA device does besides products of large matrices: each struct is one kernel, and its operator()
// the work of one thread, or of one warp where lanes add up. NVRTC compiles this file for the device that is used; the
// C++ compiler compiles it for tests on the CPU. So it includes nothing.
//
// ReLUs let NaN pass, so that a diverged network is noticed. Tensors are contiguous; a `stride` is the distance between
// policies. B policies (`batch`), T tiles of all layers of a kind, h width of a first layer, d embedding size, N probing
// states.
#pragma once

#ifdef __CUDACC__
#define GOGEPO_DEVICE __device__ __forceinline__
#else
#define GOGEPO_DEVICE inline
#endif

namespace gogepo::ops {

#ifdef __CUDACC__
// The sum of term(0) to term(n - 1), for every lane of the warp.
template <class Term>
__device__ __forceinline__ float warp_sum(int n, Term term) {
  float sum = 0;
  for (int i = int(threadIdx.x % 32); i < n; i += 32) sum += term(i);
  for (int offset = 16; offset > 0; offset /= 2) sum += __shfl_xor_sync(0xffffffffu, sum, offset);
  return sum;
}
__device__ __forceinline__ bool writes() { return threadIdx.x % 32 == 0; }  // one lane of a warp does
#else
template <class Term>
float warp_sum(int n, Term term) {
  float sum = 0;
  for (int i = 0; i < n; ++i) sum += term(i);
  return sum;
}
inline bool writes() { return true; }
inline float tanhf(float x) { return __builtin_tanhf(x); }
inline float sqrtf(float x) { return __builtin_sqrtf(x); }
inline double pow(double x, double y) { return __builtin_pow(x, y); }
inline double sqrt(double x) { return __builtin_sqrt(x); }
#endif

GOGEPO_DEVICE float relu(float x) { return x < 0 ? 0 : x; }
GOGEPO_DEVICE float relu_gradient(float gradient, float output) { return output <= 0 ? 0 : gradient; }

// ---------------------------------------------------------------- one update

// Copies the returns of the next update, and computes what its Adam step needs. Over B.
struct Begin {
  static constexpr int lanes = 1;
  const long long* cursor;  // index of the update within the fit
  const float* returns;     // (updates, B)
  float *target, *command;  // (B): the returns, and divided by `range`
  long long* step;          // Adam's step count
  const float* rate;        // learning rate
  float* schedule;          // (2): rate / (1 - beta1^step), sqrt(1 - beta2^step)
  int batch;
  float range;
  GOGEPO_DEVICE void operator()(unsigned b) const {
    const float value = returns[*cursor * batch + b];
    target[b] = value;
    command[b] = value / range;
    if (b > 0) return;
    *step += 1;
    schedule[0] = float(double(*rate) / (1 - pow(0.9, double(*step))));
    schedule[1] = float(sqrt(1 - pow(0.999, double(*step))));
  }
};

// Squared error of the predictions, averaged over B, and its gradient. One warp.
struct Loss {
  static constexpr int lanes = 32;
  const float *values, *target;  // (B)
  float *gradient, *loss;        // (B); the losses of the fit's updates
  const long long* cursor;       // which of them to write
  int batch;
  GOGEPO_DEVICE void operator()(unsigned) const {
    const float sum = warp_sum(batch, [&](int b) {
      const float error = values[b] - target[b];
      gradient[b] = 2 * error / float(batch);
      return error * error;
    });
    if (writes()) loss[*cursor] = sum / float(batch);
  }
};

// Adam with betas 0.9 and 0.999 and epsilon 1e-8; then the next update's turn. Over the parameters.
struct Adam {
  static constexpr int lanes = 1;
  float *values, *first, *second;
  const float *gradient, *schedule;
  long long* cursor;
  GOGEPO_DEVICE void operator()(unsigned i) const {
    const float g = gradient[i], m = first[i] + 0.1f * (g - first[i]), v = 0.999f * second[i] + 0.001f * g * g;
    first[i] = m;
    second[i] = v;
    values[i] -= schedule[0] * m / (sqrtf(v) / schedule[1] + 1e-8f);
    if (i == 0) *cursor += 1;
  }
};

// ---------------------------------------------------------------- generator

// relu(W (z, c) + b) of every tile and command. Over B * T * h.
struct FirstLayer {
  static constexpr int lanes = 1;
  const float *z, *command;     // (T, d), (B)
  const float *weight, *bias;   // (h, d + 1), (h)
  float* out;                   // (B, T, h)
  int tiles, embedding, width;  // T, d, h
  GOGEPO_DEVICE void operator()(unsigned e) const {
    const unsigned j = e % unsigned(width), row = e / unsigned(width), t = row % unsigned(tiles),
                   b = row / unsigned(tiles);
    const float* const w = weight + j * unsigned(embedding + 1);
    const float* const input = z + t * unsigned(embedding);
    float sum = bias[j];
    for (int i = 0; i < embedding; ++i) sum += w[i] * input[i];
    out[e] = relu(sum + w[embedding] * command[b]);
  }
};

// Its gradient with respect to what it adds up, summed over B, and the same weighted by the commands. Over T * h.
struct TileGradient {
  static constexpr int lanes = 1;
  const float *gradient, *output, *command;  // (B, T, h) twice, (B)
  float *sum, *weighted;                     // (T, h)
  int batch, size;                           // B, T * h
  GOGEPO_DEVICE void operator()(unsigned e) const {
    float s = 0, w = 0;
    for (int b = 0; b < batch; ++b) {
      const unsigned long long i = (unsigned long long)b * unsigned(size) + e;
      const float g = relu_gradient(gradient[i], output[i]);
      s += g;
      w += command[b] * g;
    }
    sum[e] = s;
    weighted[e] = w;
  }
};

// From there to its parameters. Over h * (d + 2): the weights of the embedding, that of the command, the bias.
struct FirstParameterGradient {
  static constexpr int lanes = 32;
  const float *sum, *weighted, *z;  // (T, h) twice, (T, d)
  float *weight, *bias;             // gradients: (h, d + 1), (h)
  int tiles, embedding, width;
  GOGEPO_DEVICE void operator()(unsigned e) const {
    const int i = int(e) % (embedding + 2), j = int(e) / (embedding + 2);
    const float total = warp_sum(tiles, [&](int t) {
      return i < embedding    ? sum[t * width + j] * z[t * embedding + i]
             : i == embedding ? weighted[t * width + j]
                              : sum[t * width + j];
    });
    if (!writes()) return;
    if (i <= embedding)
      weight[j * (embedding + 1) + i] = total;
    else
      bias[j] = total;
  }
};

// And to the embeddings, which a slice and a bias network read. Over T * d.
struct EmbeddingGradient {
  static constexpr int lanes = 32;
  const float *sum[2], *weight[2];  // of the two networks: (T, h), (h, d + 1)
  float* z;                         // gradient (T, d)
  int embedding, width;
  GOGEPO_DEVICE void operator()(unsigned e) const {
    const int i = int(e) % embedding, t = int(e) / embedding;
    const float total = warp_sum(width, [&](int j) {
      const int w = j * (embedding + 1) + i;
      return sum[0][t * width + j] * weight[0][w] + sum[1][t * width + j] * weight[1][w];
    });
    if (writes()) z[e] = total;
  }
};

// One generated layer among the tiles of its kind: input tile m and output tile n are tile first + m * tiles_out + n.
struct Tiling {
  int tiles, first, tiles_in, tiles_out, slice_out, slice_in;
  // Where the element e of a policy's weight (out, in) is in its kind's slices (T, slice_out * slice_in).
  GOGEPO_DEVICE unsigned slice_of(unsigned e) const {
    const unsigned in = unsigned(tiles_in * slice_in), row = e / in, column = e % in;
    const unsigned n = row / unsigned(slice_out), m = column / unsigned(slice_in);
    return ((unsigned(first) + m * unsigned(tiles_out) + n) * unsigned(slice_out) + row % unsigned(slice_out)) *
               unsigned(slice_in) +
           column % unsigned(slice_in);
  }
  GOGEPO_DEVICE unsigned weights() const { return unsigned(tiles_in * slice_in * tiles_out * slice_out); }
  GOGEPO_DEVICE unsigned slices() const { return unsigned(tiles * slice_out * slice_in); }
};

// Slices to weights. Over B * weights.
struct Assemble {
  static constexpr int lanes = 1;
  Tiling tiling;
  const float* slices;  // (B, T, slice_out * slice_in)
  float* weight;        // (B, out, in)
  float scale;
  GOGEPO_DEVICE void operator()(unsigned e) const {
    const unsigned b = e / tiling.weights();
    weight[e] = scale * slices[b * tiling.slices() + tiling.slice_of(e % tiling.weights())];
  }
};

// The gradient of weights to that of their slices. Over B * weights.
struct Disassemble {
  static constexpr int lanes = 1;
  Tiling tiling;
  const float* weight;
  long long stride;
  float* slices;
  float scale;
  GOGEPO_DEVICE void operator()(unsigned e) const {
    const unsigned b = e / tiling.weights(), i = e % tiling.weights();
    slices[b * tiling.slices() + tiling.slice_of(i)] = scale * weight[b * stride + i];
  }
};

// Rows of `size`, scaled: biases between a policy and its kind. Over B * size.
struct ScaleRows {
  static constexpr int lanes = 1;
  const float* from;
  float* to;
  long long from_stride, to_stride;
  int size;
  float scale;
  GOGEPO_DEVICE void operator()(unsigned e) const {
    const unsigned b = e / unsigned(size), i = e % unsigned(size);
    to[b * to_stride + i] = scale * from[b * from_stride + i];
  }
};

// What a bias network proposes for an output tile, averaged over the input tiles. Over B * tiles_out * h.
struct Average {
  static constexpr int lanes = 1;
  Tiling tiling;
  const float* hidden;        // (B, T, h)
  float* mean;                // (B, G, h)
  int outputs, first, width;  // G; this layer's first among them; h
  GOGEPO_DEVICE void operator()(unsigned e) const {
    const unsigned j = e % unsigned(width), n = e / unsigned(width) % unsigned(tiling.tiles_out),
                   b = e / unsigned(width * tiling.tiles_out);
    const float* const at = hidden + ((unsigned long long)b * unsigned(tiling.tiles) + unsigned(tiling.first) + n) *
                                         unsigned(width) + j;
    float sum = 0;
    for (int m = 0; m < tiling.tiles_in; ++m) sum += at[m * tiling.tiles_out * width];
    mean[(b * unsigned(outputs) + unsigned(first) + n) * unsigned(width) + j] = sum / float(tiling.tiles_in);
  }
};

// Its gradient, through the ReLU that `hidden` came out of. Over B * tiles_in * tiles_out * h.
struct Spread {
  static constexpr int lanes = 1;
  Tiling tiling;
  const float *hidden, *mean;
  float* gradient;  // (B, T, h)
  int outputs, first, width;
  GOGEPO_DEVICE void operator()(unsigned e) const {
    const unsigned j = e % unsigned(width), row = e / unsigned(width),
                   own = unsigned(tiling.tiles_in * tiling.tiles_out), tile = row % own, b = row / own,
                   n = tile % unsigned(tiling.tiles_out);
    const unsigned long long at =
        ((unsigned long long)b * unsigned(tiling.tiles) + unsigned(tiling.first) + tile) * unsigned(width) + j;
    const float share = mean[(b * unsigned(outputs) + unsigned(first) + n) * unsigned(width) + j];
    gradient[at] = relu_gradient(share / float(tiling.tiles_in), hidden[at]);
  }
};

// ---------------------------------------------------------------- policies in the probing states

// x = tanh(x + b). Over B * N * out.
struct BiasTanh {
  static constexpr int lanes = 1;
  float* x;           // (B, N, out)
  const float* bias;  // B rows of (out)
  long long stride;
  int states, width;  // N, out
  GOGEPO_DEVICE void operator()(unsigned e) const {
    const unsigned j = e % unsigned(width), b = e / unsigned(width * states);
    x[e] = tanhf(x[e] + bias[b * stride + j]);
  }
};

// A policy's last layer, which has few outputs, and its actions: y = tanh(W x + b), center + scale * y. Over B * N.
struct OutputLayer {
  static constexpr int lanes = 32;
  const float *x, *weight, *bias;  // (B, N, in), B rows of (out, in) and of (out)
  long long weight_stride, bias_stride;
  const float *scale, *center;  // (out); null: the actions are y
  float *y, *actions;           // (B, N, out)
  int states, in, out;
  GOGEPO_DEVICE void operator()(unsigned e) const {
    const unsigned b = e / unsigned(states);
    const float* const input = x + (unsigned long long)e * unsigned(in);
    for (int a = 0; a < out; ++a) {
      const float* const row = weight + b * weight_stride + a * in;
      const float sum = warp_sum(in, [&](int i) { return input[i] * row[i]; });
      if (!writes()) continue;
      const unsigned at = e * unsigned(out) + unsigned(a);
      y[at] = tanhf(sum + bias[b * bias_stride + a]);
      if (scale != nullptr) actions[at] = y[at] * scale[a] + center[a];
    }
  }
};

// The gradient with respect to the actions, to that before the last tanh. Over B * N * out.
struct ActionGradient {
  static constexpr int lanes = 1;
  const float *gradient, *y, *scale;  // scale: null if the actions are y
  float* before;
  int out;
  GOGEPO_DEVICE void operator()(unsigned e) const {
    const float g = scale == nullptr ? gradient[e] : gradient[e] * scale[e % unsigned(out)];
    before[e] = g * (1 - y[e] * y[e]);
  }
};

// From before the last layer's tanh to before the tanh of the layer below it. Over B * N * in.
struct OutputLayerGradient {
  static constexpr int lanes = 1;
  const float *gradient, *weight, *x;  // (B, N, out), B rows of (out, in), (B, N, in)
  long long stride;
  float* before;  // (B, N, in)
  int states, in, out;
  GOGEPO_DEVICE void operator()(unsigned e) const {
    const unsigned i = e % unsigned(in), row = e / unsigned(in), b = row / unsigned(states);
    float sum = 0;
    for (int a = 0; a < out; ++a)
      sum += gradient[row * unsigned(out) + unsigned(a)] * weight[b * stride + a * in + int(i)];
    before[e] = sum * (1 - x[e] * x[e]);
  }
};

// gradient *= 1 - y^2. Over all elements.
struct TanhGradient {
  static constexpr int lanes = 1;
  float* gradient;
  const float* y;
  GOGEPO_DEVICE void operator()(unsigned e) const { gradient[e] *= 1 - y[e] * y[e]; }
};

// ---------------------------------------------------------------- dense layers

// gradient = 0 where the ReLU's output is 0. Over all elements.
struct ReluGradient {
  static constexpr int lanes = 1;
  float* gradient;
  const float* output;
  GOGEPO_DEVICE void operator()(unsigned e) const { gradient[e] = relu_gradient(gradient[e], output[e]); }
};

// Layers of few rows R, which would leave a matrix product's kernels waiting for each other.
// W x + b, with a ReLU or without. Over R * out.
struct DenseLayer {
  static constexpr int lanes = 32;
  const float *x, *weight, *bias;  // (R, in), (out, in), (out)
  float* y;                        // (R, out)
  int in, out;
  bool activation;
  GOGEPO_DEVICE void operator()(unsigned e) const {
    const float *const input = x + e / unsigned(out) * unsigned(in), *const row = weight + e % unsigned(out) * unsigned(in);
    const float sum = warp_sum(in, [&](int i) { return input[i] * row[i]; }) + bias[e % unsigned(out)];
    if (writes()) y[e] = activation ? relu(sum) : sum;
  }
};

// Its gradient with respect to x, through the ReLU that x came out of, if it did. Over R * in.
struct DenseInputGradient {
  static constexpr int lanes = 1;
  const float *gradient, *weight, *x;  // (R, out), (out, in), (R, in); x: null without a ReLU
  float* out_gradient;                 // (R, in)
  int in, out;
  GOGEPO_DEVICE void operator()(unsigned e) const {
    const unsigned i = e % unsigned(in);
    const float* const g = gradient + e / unsigned(in) * unsigned(out);
    float sum = 0;
#ifdef __CUDACC__
#pragma unroll 16
#endif
    for (int j = 0; j < out; ++j) sum += g[j] * weight[unsigned(j * in) + i];
    out_gradient[e] = x == nullptr ? sum : relu_gradient(sum, x[e]);
  }
};

// Its gradient with respect to W and b. Over out * (in + 1).
struct DenseParameterGradient {
  static constexpr int lanes = 1;
  const float *gradient, *x;  // (R, out), (R, in)
  float *weight, *bias;       // gradients: (out, in), (out)
  int rows, in, out;
  GOGEPO_DEVICE void operator()(unsigned e) const {
    const int i = int(e % unsigned(in + 1)), j = int(e / unsigned(in + 1));
    float sum = 0;
    for (int r = 0; r < rows; ++r) sum += gradient[r * out + j] * (i < in ? x[r * in + i] : 1);
    if (i < in)
      weight[j * in + i] = sum;
    else
      bias[j] = sum;
  }
};

// Every operation, for the tables and kernels that list them.
#define GOGEPO_OPS(X)                                                                                                 \
  X(Begin) X(Loss) X(Adam) X(FirstLayer) X(TileGradient) X(FirstParameterGradient) X(EmbeddingGradient) X(Assemble)   \
  X(Disassemble) X(ScaleRows) X(Average) X(Spread) X(BiasTanh) X(OutputLayer) X(ActionGradient) X(OutputLayerGradient) \
  X(TanhGradient) X(ReluGradient) X(DenseLayer) X(DenseInputGradient) X(DenseParameterGradient)

#ifdef __CUDACC__
#define GOGEPO_KERNEL(Op)                                                             \
  extern "C" __global__ void __launch_bounds__(256) gogepo_##Op(Op op, unsigned n) {  \
    const unsigned e = (blockIdx.x * blockDim.x + threadIdx.x) / unsigned(Op::lanes); \
    if (e < n) op(e);                                                                 \
  }
GOGEPO_OPS(GOGEPO_KERNEL)
#undef GOGEPO_KERNEL
#endif

}  // namespace gogepo::ops
