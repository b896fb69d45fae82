// Loss and gradient of the critic update; value and gradient of one policy. In the critic update, the fingerprint runs
// one policy at a time, the value network a few rows at a time. Only the value network and the probing states are
// trained, so no gradient with respect to theta is computed.
#include "workspace.h"

namespace gogepo {

double Updates::critic_gradient(const float* w, const float* const* thetas, const float* returns, int64_t batch,
                                float* gradient) {
  Workspace& ws = *workspace_;
  const int width = ws.kernels.width;

  // Pack the weights and allocate what this batch size needs.
  ws.pack_critic(w);
  ws.reserve_rows(std::min(batch, kChunk));
  if (ws.uses_fingerprint)
    while (int64_t(ws.slots.size()) < std::min(batch, kChunk))
      ws.slots.push_back({ws.fingerprint.make_activations(), ws.fingerprint.make_states()});

  double loss = 0;
  for (int64_t first = 0; first < batch; first += kChunk) {
    const int64_t count = std::min(kChunk, batch - first);
    const bool add = first > 0;

    // Fingerprints, one policy per piece; the activations are kept for the backward pass.
    ws.pool.run(count, [&](int64_t b, int thread) {
      Workspace::Thread& mine = ws.threads[thread];
      ws.write_input(thetas[first + b], mine.fingerprint,
                     ws.uses_fingerprint ? ws.slots[b].activations : mine.activations, ws.rows.inputs[0], b);
    });

    // Value network forward and backward, a few rows per piece. dL/dV = 2 (V - r) / B.
    ws.pool.run((count + kValueRows - 1) / kValueRows, [&](int64_t piece, int) {
      const int64_t from = piece * kValueRows, size = std::min(kValueRows, count - from);
      ws.network.forward(ws.rows, from, size);
      for (int64_t b = from; b < from + size; ++b) {
        const float error = *at(ws.rows.outputs, width, b, 0) - returns[first + b];
        *at(ws.rows.deltas.back(), width, b, 0) = 2 * error / float(batch);
      }
      ws.network.backward(ws.rows, from, size, ws.uses_fingerprint);
    });

    // Accumulate the loss in float64, in the order of the batch.
    for (int64_t b = 0; b < count; ++b) {
      const double error = double(*at(ws.rows.outputs, width, b, 0)) - returns[first + b];
      loss += error * error;
    }

    // Backward to the probing states, one policy per piece; the value network's weight gradients are further pieces.
    const int64_t policies = ws.uses_fingerprint ? count : 0;
    ws.pool.run(policies + ws.network.gradient_pieces(), [&](int64_t piece, int thread) {
      if (piece < policies) {
        const int64_t b = policies - 1 - piece;  // newest first: its activations are still in the cache
        ws.fingerprint.backward_to_states(thetas[first + b], ws.slots[b].activations, ws.rows.input_delta, b,
                                          ws.threads[thread].fingerprint, ws.slots[b].states_gradient);
      } else {
        ws.network.gradient_piece(ws.rows, count, piece - policies, add, gradient);
      }
    });

    // Sum the probing states' gradients over the batch, in a fixed order.
    if (!ws.uses_fingerprint) continue;
    float* to = gradient + ws.critic.probing_states;
    for (int64_t n = 0; n < ws.states->rows; ++n)
      for (int64_t i = 0; i < ws.states->cols; ++i, ++to) {
        float total = add ? *to : 0;
        for (int64_t b = 0; b < count; ++b) total += *at(ws.slots[b].states_gradient, width, n, i);
        *to = total;
      }
  }
  return loss / double(batch);
}

double Updates::value_gradient(const float* w, const float* theta, float* gradient) {
  Workspace& ws = *workspace_;
  ws.pack_critic(w);
  ws.reserve_rows(1);
  Workspace::Thread& mine = ws.threads.front();
  kernels::MlpNetwork::Rows& rows = ws.rows;
  ws.write_input(theta, mine.fingerprint, mine.activations, rows.inputs[0], 0);
  ws.network.forward(rows, 0, 1);
  const double value = *at(rows.outputs, ws.kernels.width, 0, 0);
  *at(rows.deltas.back(), ws.kernels.width, 0, 0) = 1;
  ws.network.backward(rows, 0, 1, true);
  if (ws.uses_fingerprint)
    ws.fingerprint.backward_to_theta(theta, ws.states, mine.activations, rows.input_delta, 0, mine.fingerprint,
                                     gradient);
  else
    kernels::for_each_span(rows.input_delta, ws.kernels.width, 0, 0, ws.theta_size,
                           [&](const float* x, int64_t done, int64_t size) { std::copy_n(x, size, gradient + done); });
  return value;
}

}  // namespace gogepo
