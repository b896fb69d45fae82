// The updates of UDRL's behavior function with a hand-written backward pass, on the kernels of native/kernels. Batches
// are split into rows, and gradients into panels, independently of the number of threads: results do not depend on it.
#include <algorithm>
#include <cmath>

#include "mlp_network.h"
#include "pool.h"
#include "udrl.h"

namespace gogepo {
namespace {

using kernels::at;
using kernels::MlpNetwork;
using kernels::rows_of;

constexpr int64_t kRows = 24;  // of a batch, per piece

class FastBehavior final : public BehaviorBackend {
 public:
  FastBehavior(const Behavior& behavior, int threads)
      : kernels_(kernels::kernels_for(kernels::best_isa())),
        width_(kernels_.width),
        scaling_(behavior.policy),
        pool_(threads),
        embedding_(kernels_, {behavior.layout.embedding}),
        gate_(kernels_, {behavior.layout.gate}),
        body_(kernels_, behavior.layout.body) {}

  double gradient(Behavior& behavior, const SegmentBatch& batch) override {
    reserve(batch.size);
    pack(behavior.parameters.values.data());
    const PolicySpec& policy = behavior.policy;
    pool_.run((batch.size + kRows - 1) / kRows, [&](int64_t piece, int) {
      const int64_t first = piece * kRows, count = std::min(kRows, batch.size - first);
      const auto rows = [&](const kernels::Panels& m) { return rows_of(m, width_, first, count); };
      // tanh(W o + b) * sigmoid(V c + d), and what follows.
      const int64_t o = policy.observation_size;
      kernels_.pack(batch.observations.data() + first * o, o, rows(embedding_rows_.inputs[0]));
      for (int64_t r = first; r < first + count; ++r) {
        const float* const asked = batch.commands.data() + r * kCommandSize;
        *at(gate_rows_.inputs[0], width_, r, 0) = float(asked[0] * policy.command->desired_return);
        *at(gate_rows_.inputs[0], width_, r, 1) = float(asked[1] * policy.command->horizon);
      }
      embedding_.forward(embedding_rows_, first, count);
      gate_.forward(gate_rows_, first, count);
      kernels_.gate(rows(embedding_rows_.outputs), rows(gate_rows_.outputs), rows(body_rows_.inputs[0]));
      body_.forward(body_rows_, first, count);
      // The loss of each row, and back.
      for (int64_t r = first; r < first + count; ++r)
        losses_[size_t(r)] = policy.discrete ? classify(policy, batch, r) : regress(policy, batch, r);
      body_.backward(body_rows_, first, count, true);
      kernels_.gate_derivative(rows(body_rows_.input_delta), rows(embedding_rows_.outputs), rows(gate_rows_.outputs),
                               rows(embedding_rows_.deltas[0]), rows(gate_rows_.deltas[0]));
    });
    // The gradients of the weights.
    float* const to = behavior.parameters.gradient.data();
    weights(body_, body_rows_, batch.size, to);
    weights(embedding_, embedding_rows_, batch.size, to);
    weights(gate_, gate_rows_, batch.size, to);
    double loss = 0;
    for (int64_t r = 0; r < batch.size; ++r) loss += losses_[size_t(r)] / double(batch.size);
    return loss;
  }

  void adam(Learned& parameters, double learning_rate) override {
    gogepo::adam(kernels_, pool_, parameters, learning_rate);
  }

 private:
  // Mean over the dimensions of (tanh(output) - u)^2.
  double regress(const PolicySpec& policy, const SegmentBatch& batch, int64_t row) {
    const int64_t actions = policy.action_size;
    double loss = 0;
    for (int64_t j = 0; j < actions; ++j) {
      const double t = std::tanh(double(*at(body_rows_.outputs, width_, row, j)));
      const double error = t - action_share(scaling_, j, batch.actions[size_t(row * actions + j)]);
      loss += error * error / double(actions);
      *at(body_rows_.deltas.back(), width_, row, j) = float(2 * error * (1 - t * t) / double(actions * batch.size));
    }
    return loss;
  }
  // -log softmax(outputs)[action].
  double classify(const PolicySpec& policy, const SegmentBatch& batch, int64_t row) {
    const int64_t choices = policy.action_size, chosen = int64_t(batch.actions[size_t(row)]);
    const auto output = [&](int64_t j) { return double(*at(body_rows_.outputs, width_, row, j)); };
    double highest = output(0), sum = 0;
    for (int64_t j = 1; j < choices; ++j) highest = std::max(highest, output(j));
    for (int64_t j = 0; j < choices; ++j) sum += std::exp(output(j) - highest);
    for (int64_t j = 0; j < choices; ++j)
      *at(body_rows_.deltas.back(), width_, row, j) =
          float((std::exp(output(j) - highest) / sum - (j == chosen)) / double(batch.size));
    return std::log(sum) + highest - output(chosen);
  }

  // The gradient of a network's weights, from its deltas.
  void weights(const MlpNetwork& network, const MlpNetwork::Rows& rows, int64_t count, float* gradient) {
    pool_.run(network.gradient_pieces(),
              [&](int64_t piece, int) { network.gradient_piece(rows, count, piece, false, gradient); });
  }

  // Copies weights into the layout that the kernels read. The first layers need no backward pass to their inputs.
  void pack(const float* flat) {
    const int64_t body = body_.pack_pieces(), embedding = embedding_.forward_pack_pieces();
    pool_.run(body + embedding + gate_.forward_pack_pieces(), [&](int64_t i, int) {
      if (i < body)
        body_.pack_piece(flat, i);
      else if (i < body + embedding)
        embedding_.pack_piece(flat, i - body);
      else
        gate_.pack_piece(flat, i - body - embedding);
    });
  }

  // Buffers for a batch; they are kept, so that a training loop allocates only at its start.
  void reserve(int64_t size) {
    if (size <= capacity_) return;
    embedding_rows_ = embedding_.make_rows(size);
    gate_rows_ = gate_.make_rows(size);
    body_rows_ = body_.make_rows(size);
    losses_.resize(size_t(size));
    capacity_ = size;
  }

  const kernels::Kernels& kernels_;
  const int width_;
  const ActionScaling scaling_;
  kernels::Pool pool_;
  MlpNetwork embedding_, gate_, body_;
  MlpNetwork::Rows embedding_rows_, gate_rows_, body_rows_;
  std::vector<double> losses_;  // (B)
  int64_t capacity_ = 0;
};

}  // namespace

std::unique_ptr<BehaviorBackend> make_fast_behavior(const Behavior& behavior, int threads) {
  return std::make_unique<FastBehavior>(behavior, threads);
}

}  // namespace gogepo
