// The generator's update: one distinct command at a time through the whole chain and back (generator, policy in the probing
// states, value), by one thread and in memory that stays in its cache; nothing is shared but the sums.
#include "parts.h"

namespace gogepo {
namespace {

struct Command {
  float value;
  int64_t times;                 // how often it occurs in the batch
};

std::vector<Command> distinct(const float* commands, int64_t batch) {
  std::vector<Command> all;
  for (int64_t b = 0; b < batch; ++b) {
    const auto same = std::find_if(all.begin(), all.end(), [&](const Command& c) { return c.value == commands[b]; });
    if (same == all.end()) all.push_back({commands[b], 1});
    else ++same->times;
  }
  return all;
}

}  // namespace

double Updates::generator_gradient(const float* rho, const float* w, const float* returns, int64_t batch, float* gradient) {
  Parts& p = *parts_;
  const int width = p.kernels.width;
  const std::vector<Command> commands = distinct(returns, batch);
  const int64_t count = int64_t(commands.size()), shares = std::min(kShares, count), networks = p.generator.networks();
  while (int64_t(p.shares.size()) < shares) p.shares.push_back(p.generator.share());
  p.pack_generator(rho);
  p.pack_critic(w);

  std::vector<double> losses(count);
  const auto put_error = [&](kernels::ValueNetwork::Rows& rows, int64_t row, int64_t c) {
    const float error = *at(rows.values, width, row, 0) - commands[c].value;
    *at(rows.deltas.back(), width, row, 0) = 2 * error * float(commands[c].times) / float(batch);
    losses[c] = double(error) * double(error) * double(commands[c].times);
  };

  if (p.fingerprints) {
    p.pool.run(shares, [&](int64_t share, int thread) {
      Parts::Thread& mine = p.threads[thread];
      float *theta = mine.theta.data(), *theta_gradient = mine.theta_gradient.data();
      for (int64_t c = share; c < count; c += shares) {
        for (int64_t n = 0; n < networks; ++n) p.generator.forward(n, commands[c].value, mine.generator, theta);
        p.write_input(theta, mine.probing, mine.activations, mine.row.inputs[0], 0);
        p.network.forward(mine.row, 0, 1);
        put_error(mine.row, 0, c);
        p.network.backward(mine.row, 0, 1, true);
        p.probing.backward_to_theta(theta, p.states, mine.activations, mine.row.input_delta, 0, mine.probing, theta_gradient);
        for (int64_t n = 0; n < networks; ++n)
          p.generator.backward(n, commands[c].value, theta_gradient, mine.generator, c != share, p.shares[share]);
      }
    });
  } else {
    // The first layer's weights are many times larger than any cache: they are read once for a whole chunk of policies, and
    // the generator's activations are computed again on the way back.
    const int64_t chunk = std::min(kChunk, count);
    p.make_rows(chunk);
    for (int64_t first = 0; first < count; first += kChunk) {
      const int64_t here = std::min(kChunk, count - first);
      p.pool.run(here, [&](int64_t b, int thread) {
        Parts::Thread& mine = p.threads[thread];
        for (int64_t n = 0; n < networks; ++n) p.generator.forward(n, commands[first + b].value, mine.generator, mine.theta.data());
        p.write_input(mine.theta.data(), mine.probing, mine.activations, p.rows.inputs[0], b);
      });
      p.pool.run((here + kValueRows - 1) / kValueRows, [&](int64_t piece, int) {
        const int64_t from = piece * kValueRows, size = std::min(kValueRows, here - from);
        p.network.forward(p.rows, from, size);
        for (int64_t b = from; b < from + size; ++b) put_error(p.rows, b, first + b);
        p.network.backward(p.rows, from, size, true);
      });
      p.pool.run(shares, [&](int64_t share, int thread) {
        Parts::Thread& mine = p.threads[thread];
        float *theta = mine.theta.data(), *theta_gradient = mine.theta_gradient.data();
        for (int64_t c = share; c < count; c += shares) {
          if (c < first || c >= first + here) continue;
          kernels::along_row(p.rows.input_delta, width, c - first, 0, p.theta_size,
                             [&](const float* x, int64_t done, int64_t size) { std::copy_n(x, size, theta_gradient + done); });
          for (int64_t n = 0; n < networks; ++n) {
            p.generator.forward(n, commands[c].value, mine.generator, theta);
            p.generator.backward(n, commands[c].value, theta_gradient, mine.generator, c != share, p.shares[share]);
          }
        }
      });
    }
  }

  std::vector<const kernels::Generator::Share*> sums;
  for (int64_t i = 0; i < shares; ++i) sums.push_back(&p.shares[i]);
  p.pool.run(p.generator.sum_pieces(), [&](int64_t piece, int) { p.generator.sum_piece(sums, piece, gradient); });
  p.pool.run(networks, [&](int64_t n, int) { p.generator.finish(n, gradient); });
  p.generator.write_embeddings(gradient);

  double loss = 0;
  for (double l : losses) loss += l;
  return loss / double(batch);
}

}  // namespace gogepo
