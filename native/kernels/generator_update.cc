// The generator's update. Networks with few tiles go first and last, several commands at a time. Between, one distinct
// command at a time goes through the rest of the chain and back (generator, policy in the probing states, value), by
// one thread and in memory that stays in its cache; nothing is shared but the sums.
#include <atomic>
#include <thread>

#include "parts.h"

namespace gogepo {
namespace {

struct Distinct {
  std::vector<float> commands, times;  // how often each occurs in the batch
};

Distinct distinct(const float* commands, int64_t batch) {
  Distinct all;
  for (int64_t b = 0; b < batch; ++b) {
    const size_t i = size_t(std::find(all.commands.begin(), all.commands.end(), commands[b]) - all.commands.begin());
    if (i < all.commands.size()) {
      ++all.times[i];
    } else {
      all.commands.push_back(commands[b]);
      all.times.push_back(1);
    }
  }
  return all;
}

}  // namespace

double Updates::generator_gradient(const float* rho, const float* w, const float* returns, int64_t batch,
                                   float* gradient) {
  Parts& p = *parts_;
  kernels::Generator& generator = p.generator;
  const Distinct all = distinct(returns, batch);
  const int64_t count = int64_t(all.commands.size()), most = std::min(kChunk, count), networks = generator.networks();

  // A network's group i goes into share i % kShares.
  std::vector<int64_t> shares_used, wide;
  for (int64_t n = 0; n < networks; ++n) {
    const int64_t groups = (most + generator.group(n) - 1) / generator.group(n);
    shares_used.push_back(std::min(kShares, groups));
    if (generator.group(n) == 1)
      wide.push_back(n);
    else
      while (int64_t(p.groups[n].size()) < groups) p.groups[n].push_back(generator.work(n));
  }
  while (int64_t(p.shares.size()) < std::min(kShares, count)) p.shares.push_back(generator.share());
  while (int64_t(p.deferred.size()) < networks) p.deferred.push_back(generator.work(int64_t(p.deferred.size())));
  p.make_thetas(most);
  if (!p.fingerprints) p.make_rows(most);
  p.pack_generator(rho);
  p.pack_critic(w);

  std::vector<double> losses(count);
  for (int64_t first = 0; first < count; first += kChunk) {
    const int64_t here = std::min(kChunk, count - first);
    const float* commands = all.commands.data() + first;
    const auto theta = [&](int64_t c) { return p.thetas.data() + c * p.theta_size; };
    const auto put_error = [&](kernels::ValueNetwork::Rows& rows, int64_t row, int64_t c) {
      const float error = *at(rows.values, p.kernels.width, row, 0) - commands[c], times = all.times[first + c];
      *at(rows.deltas.back(), p.kernels.width, row, 0) = 2 * error * times / float(batch);
      losses[first + c] = double(error) * double(error) * double(times);
    };
    const auto wide_forward = [&](int64_t c, std::vector<kernels::Generator::Work>& works) {
      for (int64_t n : wide) generator.forward(n, commands + c, 1, works[n], theta(c));
    };

    std::vector<Parts::Group> narrow = p.groups_of(here);
    std::erase_if(narrow, [&](const Parts::Group& g) { return generator.group(g.network) == 1; });
    p.pool.run(int64_t(narrow.size()), [&](int64_t piece, int) {
      const Parts::Group& g = narrow[piece];
      generator.forward(g.network, commands + g.first, g.count, p.groups[g.network][g.index], theta(g.first));
    });

    // A critic that reads theta itself has far more weights than a cache holds: they are read once for all policies,
    // and the wide networks' activations are computed again on the way back.
    if (!p.fingerprints) {
      p.pool.run(here, [&](int64_t c, int thread) {
        wide_forward(c, p.threads[thread].networks);
        p.write_input(theta(c), p.threads[thread].probing, p.threads[thread].activations, p.rows.inputs[0], c);
      });
      p.pool.run((here + kValueRows - 1) / kValueRows, [&](int64_t piece, int) {
        const int64_t from = piece * kValueRows, size = std::min(kValueRows, here - from);
        p.network.forward(p.rows, from, size);
        for (int64_t c = from; c < from + size; ++c) put_error(p.rows, c, c);
        p.network.backward(p.rows, from, size, true);
      });
    }

    // The first command's way back through the wide networks is left to the end, for whoever has nothing else to do:
    // threads whose number does not divide that of the commands then end together all the same.
    const bool defers = here > 1 && here <= kShares;
    std::atomic<bool> deferred{false};
    p.pool.run(std::min(kShares, here) + (defers ? int64_t(wide.size()) : 0), [&](int64_t piece, int thread) {
      if (piece >= std::min(kShares, here)) {
        const int64_t n = wide[size_t(piece - here)];
        while (!deferred.load(std::memory_order_acquire))
          std::this_thread::yield();  // pieces are begun in order: it is under way
        generator.backward(n, commands, 1, p.deferred[n], first > 0, p.shares[0]);
        return;
      }
      const int64_t share = piece;
      Parts::Thread& mine = p.threads[thread];
      float* theta_gradient = mine.theta_gradient.data();
      for (int64_t c = share; c < here; c += kShares) {
        const bool later = defers && c == 0;
        std::vector<kernels::Generator::Work>& works = later ? p.deferred : mine.networks;
        wide_forward(c, works);
        if (p.fingerprints) {
          p.write_input(theta(c), mine.probing, mine.activations, mine.row.inputs[0], 0);
          p.network.forward(mine.row, 0, 1);
          put_error(mine.row, 0, c);
          p.network.backward(mine.row, 0, 1, true);
          p.probing.backward_to_theta(theta(c), p.states, mine.activations, mine.row.input_delta, 0, mine.probing,
                                      theta_gradient);
        } else {
          kernels::along_row(
              p.rows.input_delta, p.kernels.width, c, 0, p.theta_size,
              [&](const float* x, int64_t done, int64_t size) { std::copy_n(x, size, theta_gradient + done); });
        }
        for (int64_t n = 0; n < networks; ++n) {
          const int64_t size = generator.group(n);
          if (size > 1) {
            generator.take_gradient(n, c % size, theta_gradient, p.groups[n][c / size]);
          } else {
            generator.take_gradient(n, 0, theta_gradient, works[n]);
            if (!later) generator.backward(n, commands + c, 1, works[n], first > 0 || c >= kShares, p.shares[share]);
          }
        }
        if (later) deferred.store(true, std::memory_order_release);
      }
    });

    p.pool.run(networks * kShares, [&](int64_t piece, int) {
      for (const Parts::Group& g : narrow)
        if (g.network == piece / kShares && g.index % kShares == piece % kShares)
          generator.backward(g.network, commands + g.first, g.count, p.groups[g.network][g.index],
                             first > 0 || g.index >= kShares, p.shares[piece % kShares]);
    });
  }

  std::vector<const kernels::Generator::Share*> sums;
  for (const auto& share : p.shares) sums.push_back(&share);
  p.pool.run(generator.sum_pieces(),
             [&](int64_t piece, int) { generator.sum_piece(sums, shares_used, piece, gradient); });
  p.pool.run(networks, [&](int64_t n, int) { generator.finish(n, gradient); });
  generator.write_embeddings(gradient);

  double loss = 0;
  for (double l : losses) loss += l;
  return loss / double(batch);
}

}  // namespace gogepo
