// What an update on a CUDA device does besides large matrix multiplications: each struct is one kernel, and its
// operator() the work of one thread, or of one warp whose threads add up together. NVRTC compiles this file for the
// device that is used; the C++ compiler compiles it for tests on the CPU. So it includes nothing.
//
// ReLUs let NaN through, so that a diverged network is noticed. Tensors are contiguous; a `stride` is the distance
// between policies. B policies (`batch`), T tiles of all layers of a kind, h width of a first layer, d embedding size,
// N probing states.
#pragma once

#ifdef __CUDACC__
#define GOGEPO_DEVICE __device__ __forceinline__
#define GOGEPO_UNROLL _Pragma("unroll 8")
#else
#define GOGEPO_DEVICE inline
#define GOGEPO_UNROLL
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

// The sums of term(j, i) over j < n for up to eight neighboring columns i, which one warp reads together.
template <class Term, class Store>
__device__ __forceinline__ void eight_sums(int n, int columns, Term term, Store store) {
  const int lane = int(threadIdx.x % 32), i = lane % 8;
  float sum = 0;
  if (i < columns) {
#pragma unroll 8
    for (int j = lane / 8; j < n; j += 4) sum += term(j, i);
  }
  sum += __shfl_xor_sync(0xffffffffu, sum, 8);
  sum += __shfl_xor_sync(0xffffffffu, sum, 16);
  if (lane < 8 && i < columns) store(i, sum);
}
#else
template <class Term>
float warp_sum(int n, Term term) {
  float sum = 0;
  for (int i = 0; i < n; ++i) sum += term(i);
  return sum;
}
inline bool writes() { return true; }
template <class Term, class Store>
void eight_sums(int n, int columns, Term term, Store store) {
  for (int i = 0; i < 8 && i < columns; ++i) {
    float sum = 0;
    for (int j = 0; j < n; ++j) sum += term(j, i);
    store(i, sum);
  }
}
inline float tanhf(float x) { return __builtin_tanhf(x); }
inline float sqrtf(float x) { return __builtin_sqrtf(x); }
inline double pow(double x, double y) { return __builtin_pow(x, y); }
inline double sqrt(double x) { return __builtin_sqrt(x); }
#endif

GOGEPO_DEVICE float relu(float x) { return x < 0 ? 0 : x; }
GOGEPO_DEVICE float relu_gradient(float gradient, float output) { return output <= 0 ? 0 : gradient; }
GOGEPO_DEVICE float tanh_gradient(float gradient, float output) { return gradient * (1 - output * output); }

// store(i, load(i)) for each i < n: eight loads at once before their stores, since a compiler that does not know that
// the stores go elsewhere would wait for each.
template <class Load, class Store>
GOGEPO_DEVICE void move(int n, Load load, Store store) {
  for (int first = 0; first < n; first += 8) {
    float values[8];
    GOGEPO_UNROLL
    for (int i = 0; i < 8; ++i) values[i] = first + i < n ? load(first + i) : 0;
    GOGEPO_UNROLL
    for (int i = 0; i < 8; ++i)
      if (first + i < n) store(first + i, values[i]);
  }
}

// n / 8 and n / 4, rounded up.
GOGEPO_DEVICE unsigned eighths(unsigned n) { return (n + 7) / 8; }
GOGEPO_DEVICE unsigned quarter(unsigned n) { return (n + 3) / 4; }

// move() for the elements e, e + q, e + 2q and e + 3q below n, where q is a quarter of n.
template <class Load, class Store>
GOGEPO_DEVICE void move_quarters(unsigned e, unsigned n, Load load, Store store) {
  const int count = int((n - e + quarter(n) - 1) / quarter(n));
  move(
      count, [&](int k) { return load(e + unsigned(k) * quarter(n)); },
      [&](int k, float x) { store(e + unsigned(k) * quarter(n), x); });
}

// ---------------------------------------------------------------- one update

// Copies the returns of the next update. Over B.
struct Begin {
  static constexpr int threads = 1;
  const long long* cursor;  // index of the update within the fit
  const float* returns;     // (updates, B)
  float *target, *command;  // (B): the returns, and divided by `range`
  int batch;
  float range;
  GOGEPO_DEVICE void operator()(unsigned b) const {
    const float value = returns[*cursor * batch + b];
    target[b] = value;
    command[b] = value / range;
  }
};

// Counts an Adam step and computes what it needs. One thread.
struct Schedule {
  static constexpr int threads = 1;
  long long* step;
  const float* rate;  // learning rate
  float* schedule;    // (2): rate / (1 - beta1^step), sqrt(1 - beta2^step)
  GOGEPO_DEVICE void operator()(unsigned) const {
    *step += 1;
    schedule[0] = float(double(*rate) / (1 - pow(0.9, double(*step))));
    schedule[1] = float(sqrt(1 - pow(0.999, double(*step))));
  }
};

// Squared error of the predictions, averaged over B, and its gradient. One warp.
struct Loss {
  static constexpr int threads = 32;
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
  static constexpr int threads = 1;
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

// relu(W (z, c) + b) of every tile and command. Over T * h.
struct FirstLayer {
  static constexpr int threads = 1;
  const float *z, *command;            // (T, d), (B)
  const float *weight, *bias;          // (h, d + 1), (h)
  float* out;                          // (B, T, h)
  int batch, tiles, embedding, width;  // B, T, d, h
  GOGEPO_DEVICE void operator()(unsigned e) const {
    const unsigned j = e % unsigned(width), t = e / unsigned(width);
    const float* const w = weight + j * unsigned(embedding + 1);
    const float* const input = z + t * unsigned(embedding);
    float sum = bias[j];
    for (int i = 0; i < embedding; ++i) sum += w[i] * input[i];
    const float of_command = w[embedding];
    float* const at = out + e;
    const long long stride = (long long)tiles * width;
    move(
        batch, [&](int b) { return command[b]; }, [&](int b, float c) { at[b * stride] = relu(sum + of_command * c); });
  }
};

// Its gradient with respect to what it adds up, summed over B, and the same weighted by the commands. Over T * h.
struct TileGradient {
  static constexpr int threads = 1;
  const float *gradient, *output, *command;  // (B, T, h) twice, (B)
  float *sum, *weighted;                     // (T, h)
  int batch, size;                           // B, T * h
  GOGEPO_DEVICE void operator()(unsigned e) const {
    float s = 0, w = 0;
    GOGEPO_UNROLL
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

// From there to its parameters. Over (d + 2) * eighths(h): the weights of the embedding, that of the command, the bias.
struct FirstParameterGradient {
  static constexpr int threads = 32;
  const float *sum, *weighted, *z;  // (T, h) twice, (T, d)
  float *weight, *bias;             // gradients: (h, d + 1), (h)
  int tiles, embedding, width;
  GOGEPO_DEVICE void operator()(unsigned e) const {
    const int groups = int(eighths(unsigned(width))), input = int(e) / groups, first = int(e) % groups * 8;
    const float* const from = (input == embedding ? weighted : sum) + first;
    eight_sums(
        tiles, width - first,
        [&](int t, int j) { return from[t * width + j] * (input < embedding ? z[t * embedding + input] : 1); },
        [&](int j, float total) {
          if (input <= embedding)
            weight[(first + j) * (embedding + 1) + input] = total;
          else
            bias[first + j] = total;
        });
  }
};

// And to the embeddings, which a slice and a bias network read. Over T * d.
struct EmbeddingGradient {
  static constexpr int threads = 32;
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

// Slices to weights. Over weights.
struct Assemble {
  static constexpr int threads = 1;
  Tiling tiling;
  const float* slices;  // (B, T, slice_out * slice_in)
  float* weight;        // (B, out, in)
  int batch;
  float scale;
  GOGEPO_DEVICE void operator()(unsigned e) const {
    const unsigned from = tiling.slice_of(e);
    move(
        batch, [&](int b) { return slices[b * (long long)tiling.slices() + from]; },
        [&](int b, float x) { weight[b * (long long)tiling.weights() + e] = scale * x; });
  }
};

// The gradient of weights to that of their slices. Over weights.
struct Disassemble {
  static constexpr int threads = 1;
  Tiling tiling;
  const float* weight;
  long long stride;
  float* slices;
  int batch;
  float scale;
  GOGEPO_DEVICE void operator()(unsigned e) const {
    const unsigned to = tiling.slice_of(e);
    move(
        batch, [&](int b) { return weight[b * stride + e]; },
        [&](int b, float x) { slices[b * (long long)tiling.slices() + to] = scale * x; });
  }
};

// Rows of `size`, scaled: biases between a policy and its kind. Over B * size.
struct ScaleRows {
  static constexpr int threads = 1;
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
  static constexpr int threads = 1;
  Tiling tiling;
  const float* hidden;        // (B, T, h)
  float* mean;                // (B, G, h)
  int outputs, first, width;  // G; this layer's first among them; h
  GOGEPO_DEVICE void operator()(unsigned e) const {
    const unsigned j = e % unsigned(width), n = e / unsigned(width) % unsigned(tiling.tiles_out),
                   b = e / unsigned(width * tiling.tiles_out);
    const float* const at =
        hidden + ((unsigned long long)b * unsigned(tiling.tiles) + unsigned(tiling.first) + n) * unsigned(width) + j;
    float sum = 0;
    for (int m = 0; m < tiling.tiles_in; ++m) sum += at[m * tiling.tiles_out * width];
    mean[(b * unsigned(outputs) + unsigned(first) + n) * unsigned(width) + j] = sum / float(tiling.tiles_in);
  }
};

// Its gradient, through the ReLU that `hidden` came out of. Over tiles_in * tiles_out * h.
struct Spread {
  static constexpr int threads = 1;
  Tiling tiling;
  const float *hidden, *mean;
  float* gradient;  // (B, T, h)
  int batch, outputs, first, width;
  GOGEPO_DEVICE void operator()(unsigned e) const {
    const unsigned j = e % unsigned(width), tile = e / unsigned(width), n = tile % unsigned(tiling.tiles_out);
    const unsigned from = (unsigned(first) + n) * unsigned(width) + j,
                   to = (unsigned(tiling.first) + tile) * unsigned(width) + j;
    const float share = 1 / float(tiling.tiles_in);
    const long long stride = (long long)tiling.tiles * width;
    move(
        batch,
        [&](int b) { return relu_gradient(mean[b * (long long)outputs * width + from], hidden[b * stride + to]); },
        [&](int b, float x) { gradient[b * stride + to] = share * x; });
  }
};

// ---------------------------------------------------------------- policies in the probing states

// x = tanh(x + b). Over B * eighths(N) * out.
struct BiasTanh {
  static constexpr int threads = 1;
  float* x;           // (B, N, out)
  const float* bias;  // B rows of (out)
  long long stride;
  int states, width;  // N, out
  GOGEPO_DEVICE void operator()(unsigned e) const {
    const unsigned groups = eighths(unsigned(states)), j = e % unsigned(width), row = e / unsigned(width),
                   b = row / groups, n = row % groups * 8;
    const float shift = bias[b * stride + j];
    float* const at = x + (b * (long long)states + n) * width + j;
    const int left = states - int(n);
    move(
        left < 8 ? left : 8, [&](int i) { return at[i * width]; },
        [&](int i, float value) { at[i * width] = tanhf(value + shift); });
  }
};

// A policy's last layer, which has few outputs, and its actions: y = tanh(W x + b), center + scale * y. Over B * N.
struct OutputLayer {
  static constexpr int threads = 32;
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
  static constexpr int threads = 1;
  const float *gradient, *y, *scale;  // scale: null if the actions are y
  float* before;
  int out;
  GOGEPO_DEVICE void operator()(unsigned e) const {
    const float g = scale == nullptr ? gradient[e] : gradient[e] * scale[e % unsigned(out)];
    before[e] = tanh_gradient(g, y[e]);
  }
};

// From before the last layer's tanh to before the tanh of the layer below it. Over B * eighths(N) * in.
struct OutputLayerGradient {
  static constexpr int threads = 1;
  const float *gradient, *weight, *x;  // (B, N, out), B rows of (out, in), (B, N, in)
  long long stride;
  float* before;  // (B, N, in)
  int states, in, out;
  GOGEPO_DEVICE void operator()(unsigned e) const {
    const unsigned groups = eighths(unsigned(states)), i = e % unsigned(in), row = e / unsigned(in), b = row / groups,
                   n = row % groups * 8;
    const long long first = b * (long long)states + n;
    float sums[8] = {};
    const int left = states - int(n);
    for (int a = 0; a < out; ++a) {
      const float w = weight[b * stride + a * in + int(i)];
      GOGEPO_UNROLL
      for (int k = 0; k < 8; ++k)
        if (k < left) sums[k] += w * gradient[(first + k) * out + a];
    }
    const float* const from = x + first * in + i;
    float* const to = before + first * in + i;
    move(
        left < 8 ? left : 8, [&](int k) { return tanh_gradient(sums[k], from[k * in]); },
        [&](int k, float gradient) { to[k * in] = gradient; });
  }
};

// ---------------------------------------------------------------- dense layers

// The gradient with respect to an activation's output, to that with respect to its input. Over a quarter of the
// elements.
struct ActivationGradient {
  static constexpr int threads = 1;
  float* gradient;
  const float* output;
  unsigned size;
  bool tanh;  // otherwise ReLU
  GOGEPO_DEVICE void operator()(unsigned e) const {
    move_quarters(
        e, size,
        [&](unsigned i) {
          return tanh ? tanh_gradient(gradient[i], output[i]) : relu_gradient(gradient[i], output[i]);
        },
        [&](unsigned i, float x) { gradient[i] = x; });
  }
};

// The sums of the columns of x (R, C) over each `chunk` of rows -> (chunks, C). Over chunks * eighths(C).
struct ColumnSums {
  static constexpr int threads = 32;
  const float* x;
  float* sums;
  int rows, columns, chunk;
  GOGEPO_DEVICE void operator()(unsigned e) const {
    const int groups = int(eighths(unsigned(columns))), c = int(e) / groups, first = int(e) % groups * 8;
    const float* const from = x + (long long)c * chunk * columns + first;
    const int left = rows - c * chunk;
    eight_sums(
        left < chunk ? left : chunk, columns - first, [&](int r, int i) { return from[(long long)r * columns + i]; },
        [&](int i, float sum) { sums[(long long)c * columns + first + i] = sum; });
  }
};

// A dense layer of few rows R, for which cuBLAS takes several short kernels: W x + b, with a ReLU or without. Over
// R * out.
struct DenseLayer {
  static constexpr int threads = 32;
  const float *x, *weight, *bias;  // (R, in), (out, in), (out)
  float* y;                        // (R, out)
  int in, out;
  bool activation;
  GOGEPO_DEVICE void operator()(unsigned e) const {
    const float* const input = x + e / unsigned(out) * unsigned(in);
    const float* const row = weight + e % unsigned(out) * unsigned(in);
    const float sum = warp_sum(in, [&](int i) { return input[i] * row[i]; }) + bias[e % unsigned(out)];
    if (writes()) y[e] = activation ? relu(sum) : sum;
  }
};

// Its gradient with respect to x, through the ReLU that x came out of, if it did. Over R * eighths(in).
struct DenseInputGradient {
  static constexpr int threads = 32;
  const float *gradient, *weight, *x;  // (R, out), (out, in), (R, in); x: null without a ReLU
  float* out_gradient;                 // (R, in)
  int in, out;
  GOGEPO_DEVICE void operator()(unsigned e) const {
    const int groups = int(eighths(unsigned(in))), r = int(e) / groups, first = int(e) % groups * 8;
    const float *const g = gradient + r * out, *const w = weight + first;
    eight_sums(
        out, in - first, [&](int j, int i) { return g[j] * w[j * in + i]; },
        [&](int i, float sum) {
          const int at = r * in + first + i;
          out_gradient[at] = x == nullptr ? sum : relu_gradient(sum, x[at]);
        });
  }
};

// Its gradient with respect to W and b. Over out * (in + 1).
struct DenseParameterGradient {
  static constexpr int threads = 1;
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

// Every operation: each gets a name and a kernel.
#define GOGEPO_OPS(X)       \
  X(Begin)                  \
  X(Schedule)               \
  X(Loss)                   \
  X(Adam)                   \
  X(FirstLayer)             \
  X(TileGradient)           \
  X(FirstParameterGradient) \
  X(EmbeddingGradient)      \
  X(Assemble)               \
  X(Disassemble)            \
  X(ScaleRows)              \
  X(Average)                \
  X(Spread)                 \
  X(BiasTanh)               \
  X(OutputLayer)            \
  X(ActionGradient)         \
  X(OutputLayerGradient)    \
  X(ActivationGradient)     \
  X(ColumnSums)             \
  X(DenseLayer)             \
  X(DenseInputGradient)     \
  X(DenseParameterGradient)

#ifdef __CUDACC__
#define GOGEPO_KERNEL(Op)                                                               \
  extern "C" __global__ void __launch_bounds__(256) gogepo_##Op(Op op, unsigned n) {    \
    const unsigned e = (blockIdx.x * blockDim.x + threadIdx.x) / unsigned(Op::threads); \
    if (e < n) op(e);                                                                   \
  }
GOGEPO_OPS(GOGEPO_KERNEL)
#undef GOGEPO_KERNEL
#endif

}  // namespace gogepo::ops
