// The critic's update: forward through the probing states policy by policy, through the value network a few rows at a
// time, and back the same way. Only the value network and the probing states learn, so no gradient at theta is formed.
#include "parts.h"

namespace gogepo {

double Updates::critic_gradient(const float* w, const float* const* thetas, const float* returns, int64_t batch,
                                float* gradient) {
  Parts& p = *parts_;
  const int width = p.kernels.width;
  p.pack_critic(w);
  p.make_rows(std::min(batch, kChunk));
  if (p.fingerprints)
    while (int64_t(p.slots.size()) < std::min(batch, kChunk))
      p.slots.push_back({p.probing.activations(), p.probing.states()});

  double loss = 0;
  for (int64_t first = 0; first < batch; first += kChunk) {
    const int64_t count = std::min(kChunk, batch - first);
    const bool add = first > 0;

    p.pool.run(count, [&](int64_t b, int thread) {
      Parts::Thread& mine = p.threads[thread];
      p.write_input(thetas[first + b], mine.probing, p.fingerprints ? p.slots[b].activations : mine.activations,
                    p.rows.inputs[0], b);
    });

    p.pool.run((count + kValueRows - 1) / kValueRows, [&](int64_t piece, int) {
      const int64_t from = piece * kValueRows, size = std::min(kValueRows, count - from);
      p.network.forward(p.rows, from, size);
      for (int64_t b = from; b < from + size; ++b) {
        const float error = *at(p.rows.values, width, b, 0) - returns[first + b];
        *at(p.rows.deltas.back(), width, b, 0) = 2 * error / float(batch);
      }
      p.network.backward(p.rows, from, size, p.fingerprints);
    });
    for (int64_t b = 0; b < count; ++b) {
      const double error = double(*at(p.rows.values, width, b, 0)) - returns[first + b];
      loss += error * error;
    }

    const int64_t policies = p.fingerprints ? count : 0;
    p.pool.run(policies + p.network.gradient_pieces(), [&](int64_t piece, int thread) {
      if (piece < policies) {
        const int64_t b = policies - 1 - piece;  // the last ones forward are still in the cache
        p.probing.backward_to_states(thetas[first + b], p.slots[b].activations, p.rows.input_delta, b,
                                     p.threads[thread].probing, p.slots[b].states_gradient);
      } else {
        p.network.gradient_piece(p.rows, count, piece - policies, add, gradient);
      }
    });

    if (!p.fingerprints) continue;
    float* to = gradient + p.critic.probing_states;
    for (int64_t n = 0; n < p.states->rows; ++n)
      for (int64_t i = 0; i < p.states->cols; ++i, ++to) {
        float total = add ? *to : 0;
        for (int64_t b = 0; b < count; ++b) total += *at(p.slots[b].states_gradient, width, n, i);
        *to = total;
      }
  }
  return loss / double(batch);
}

}  // namespace gogepo
