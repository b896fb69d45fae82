// Losses and gradients of the generator: of V(G(r)) -> r, and of G(r) -> theta.
//
// Networks with few tiles ("narrow") run several commands at a time, before and after everything else. Between those
// two passes, each distinct command runs the rest of the chain forward and backward (wide networks, and what turns
// theta into a loss: the policy on the probing states and the value network, or a comparison) on one thread, in memory
// that stays in that thread's cache. Threads share nothing but the gradient sums.
#include <algorithm>
#include <atomic>
#include <thread>

#include "workspace.h"

namespace gogepo {
namespace {

struct DistinctCommands {
  std::vector<float> values;
  std::vector<std::vector<int64_t>> places;  // where in the batch each value occurs
};

DistinctCommands distinct(const float* commands, int64_t batch) {
  DistinctCommands all;
  for (int64_t b = 0; b < batch; ++b) {
    const size_t i = size_t(std::find(all.values.begin(), all.values.end(), commands[b]) - all.values.begin());
    if (i == all.values.size()) {
      all.values.push_back(commands[b]);
      all.places.emplace_back();
    }
    all.places[i].push_back(b);
  }
  return all;
}

double sum(const std::vector<double>& values) {
  double total = 0;
  for (double value : values) total += value;
  return total;
}

}  // namespace

// prepare(first, chunk, wide_forward): called once per chunk, when the narrow networks' parts of its thetas are there;
// wide_forward(c, thread) completes theta c, for a `prepare` that needs it before the main pass.
// gradient_of_theta(first, c, thread, theta, gradient): of command first + c, on that thread.
template <class Prepare, class GradientOfTheta>
void Updates::through_generator(const float* rho, const std::vector<float>& all, float* gradient,
                                const Prepare& prepare, const GradientOfTheta& gradient_of_theta) {
  Workspace& ws = *workspace_;
  kernels::Generator& generator = ws.generator;
  const int64_t count = int64_t(all.size()), max_chunk = std::min(kChunk, count), networks = generator.networks();

  // Allocate what this batch size needs. Group i of a network adds to gradient sum i % kGradientSums.
  std::vector<int64_t> sums_used, wide;
  for (int64_t n = 0; n < networks; ++n) {
    const int64_t groups = (max_chunk + generator.group(n) - 1) / generator.group(n);
    sums_used.push_back(std::min(kGradientSums, groups));
    if (generator.group(n) == 1)
      wide.push_back(n);
    else
      while (int64_t(ws.groups[n].size()) < groups) ws.groups[n].push_back(generator.make_scratch(n));
  }
  while (int64_t(ws.gradient_sums.size()) < std::min(kGradientSums, count))
    ws.gradient_sums.push_back(generator.make_gradient_sum());
  while (int64_t(ws.deferred.size()) < networks)
    ws.deferred.push_back(generator.make_scratch(int64_t(ws.deferred.size())));
  ws.reserve_thetas(max_chunk);

  // Pack the weights once for the whole batch.
  ws.pack_generator(rho);

  for (int64_t first = 0; first < count; first += kChunk) {
    const int64_t chunk = std::min(kChunk, count - first);
    const float* commands = all.data() + first;
    const auto theta = [&](int64_t c) { return ws.thetas.data() + c * ws.theta_size; };
    const auto wide_forward = [&](int64_t c, std::vector<kernels::Generator::Scratch>& scratch) {
      for (int64_t n : wide) generator.forward(n, commands + c, 1, scratch[n], theta(c));
    };

    // Forward pass of the narrow networks, one group of commands per piece.
    std::vector<Workspace::Group> narrow = ws.groups_of(chunk);
    std::erase_if(narrow, [&](const Workspace::Group& g) { return generator.group(g.network) == 1; });
    ws.pool.run(int64_t(narrow.size()), [&](int64_t piece, int) {
      const Workspace::Group& g = narrow[piece];
      generator.forward(g.network, commands + g.first, g.count, ws.groups[g.network][g.index], theta(g.first));
    });
    prepare(first, chunk, [&](int64_t c, int thread) {
      wide_forward(c, ws.threads[thread].networks);
      return static_cast<const float*>(theta(c));
    });

    // Main pass: piece i handles commands i, i + kGradientSums, ... and adds to gradient sum i. The wide networks'
    // backward pass of the first command is deferred to extra pieces at the end, one per network, which idle threads
    // pick up: this balances the load when the number of threads does not divide the number of commands.
    const bool defers = chunk > 1 && chunk <= kGradientSums;
    std::atomic<bool> deferred_ready{false};
    ws.pool.run(std::min(kGradientSums, chunk) + (defers ? int64_t(wide.size()) : 0), [&](int64_t piece, int thread) {
      if (piece >= std::min(kGradientSums, chunk)) {
        const int64_t n = wide[size_t(piece - chunk)];
        // Spinning is safe: the pool starts pieces in order, so another thread is already computing command 0.
        while (!deferred_ready.load(std::memory_order_acquire)) std::this_thread::yield();
        generator.backward(n, commands, 1, ws.deferred[n], first > 0, ws.gradient_sums[0]);
        return;
      }
      Workspace::Thread& mine = ws.threads[thread];
      float* theta_gradient = mine.theta_gradient.data();
      for (int64_t c = piece; c < chunk; c += kGradientSums) {
        const bool is_deferred = defers && c == 0;
        std::vector<kernels::Generator::Scratch>& scratch = is_deferred ? ws.deferred : mine.networks;

        // Forward through the wide networks, which completes theta; then back to dL/dtheta.
        wide_forward(c, scratch);
        gradient_of_theta(first, c, thread, theta(c), theta_gradient);

        // Distribute dL/dtheta to the networks' outputs, and run the wide networks backward.
        for (int64_t n = 0; n < networks; ++n) {
          const int64_t size = generator.group(n);
          if (size > 1) {
            generator.set_output_gradient(n, c % size, theta_gradient, ws.groups[n][c / size]);
          } else {
            generator.set_output_gradient(n, 0, theta_gradient, scratch[n]);
            if (!is_deferred)
              generator.backward(n, commands + c, 1, scratch[n], first > 0 || c >= kGradientSums,
                                 ws.gradient_sums[piece]);
          }
        }
        if (is_deferred) deferred_ready.store(true, std::memory_order_release);
      }
    });

    // Backward pass of the narrow networks. A piece owns one gradient sum of one network, so the order of additions
    // does not depend on the threads.
    ws.pool.run(networks * kGradientSums, [&](int64_t piece, int) {
      for (const Workspace::Group& g : narrow)
        if (g.network == piece / kGradientSums && g.index % kGradientSums == piece % kGradientSums)
          generator.backward(g.network, commands + g.first, g.count, ws.groups[g.network][g.index],
                             first > 0 || g.index >= kGradientSums, ws.gradient_sums[piece % kGradientSums]);
    });
  }

  // Add up the gradient sums, then finish what is computed only once per batch: first layers and embeddings.
  std::vector<const kernels::Generator::GradientSum*> sums;
  for (const auto& sum : ws.gradient_sums) sums.push_back(&sum);
  ws.pool.run(generator.sum_pieces(),
              [&](int64_t piece, int) { generator.sum_piece(sums, sums_used, piece, gradient); });
  ws.pool.run(networks, [&](int64_t n, int) { generator.finish_first_layer(n, gradient); });
  generator.write_embedding_gradient(gradient);
}

double Updates::generator_gradient(const float* rho, const float* w, const float* returns, int64_t batch,
                                   float* gradient) {
  Workspace& ws = *workspace_;
  const DistinctCommands all = distinct(returns, batch);
  const int64_t count = int64_t(all.values.size());
  if (!ws.uses_fingerprint) ws.reserve_rows(std::min(kChunk, count));
  ws.pack_critic(w);

  // The loss of a command and its derivative with respect to V, weighted by how often it occurs in the batch.
  std::vector<double> losses(count);
  const auto store_error = [&](kernels::MlpNetwork::Rows& rows, int64_t row, int64_t command) {
    const float error = *at(rows.outputs, ws.kernels.width, row, 0) - all.values[command],
                times = float(all.places[command].size());
    *at(rows.deltas.back(), ws.kernels.width, row, 0) = 2 * error * times / float(batch);
    losses[command] = double(error) * double(error) * double(times);
  };

  // A critic that reads theta directly has far more weights than a cache holds. Run it on all policies at once, so that
  // its weights are read once; the price is recomputing the wide networks' activations for the backward pass.
  const auto prepare = [&](int64_t first, int64_t chunk, const auto& wide_forward) {
    if (ws.uses_fingerprint) return;
    ws.pool.run(chunk, [&](int64_t c, int thread) {
      const float* theta = wide_forward(c, thread);
      ws.write_input(theta, ws.threads[thread].fingerprint, ws.threads[thread].activations, ws.rows.inputs[0], c);
    });
    ws.pool.run((chunk + kValueRows - 1) / kValueRows, [&](int64_t piece, int) {
      const int64_t from = piece * kValueRows, size = std::min(kValueRows, chunk - from);
      ws.network.forward(ws.rows, from, size);
      for (int64_t c = from; c < from + size; ++c) store_error(ws.rows, c, first + c);
      ws.network.backward(ws.rows, from, size, true);
    });
  };

  // From theta to V and back to dL/dtheta; a critic without fingerprint has already done this above.
  const auto gradient_of_theta = [&](int64_t first, int64_t c, int thread, const float* theta, float* theta_gradient) {
    Workspace::Thread& mine = ws.threads[thread];
    if (ws.uses_fingerprint) {
      ws.write_input(theta, mine.fingerprint, mine.activations, mine.row.inputs[0], 0);
      ws.network.forward(mine.row, 0, 1);
      store_error(mine.row, 0, first + c);
      ws.network.backward(mine.row, 0, 1, true);
      ws.fingerprint.backward_to_theta(theta, ws.states, mine.activations, mine.row.input_delta, 0, mine.fingerprint,
                                       theta_gradient);
    } else {
      kernels::for_each_span(
          ws.rows.input_delta, ws.kernels.width, c, 0, ws.theta_size,
          [&](const float* x, int64_t done, int64_t size) { std::copy_n(x, size, theta_gradient + done); });
    }
  };
  through_generator(rho, all.values, gradient, prepare, gradient_of_theta);
  return sum(losses) / double(batch);
}

double Updates::regression_gradient(const float* rho, const float* const* thetas, const float* returns, int64_t batch,
                                    float* gradient) {
  const int64_t theta_size = workspace_->theta_size;
  const DistinctCommands all = distinct(returns, batch);
  std::vector<double> losses(all.values.size());

  // The sum over the batch's places of this command of (G - theta)^2, and its gradient.
  const auto gradient_of_theta = [&](int64_t first, int64_t c, int, const float* theta, float* theta_gradient) {
    const float factor = float(2.0 / (double(batch) * double(theta_size)));
    std::fill_n(theta_gradient, theta_size, 0.0f);
    for (const int64_t place : all.places[first + c]) {
      double square = 0;
      for (int64_t i = 0; i < theta_size; ++i) {
        const float error = theta[i] - thetas[place][i];
        square += double(error) * double(error);
        theta_gradient[i] += factor * error;
      }
      losses[first + c] += square;
    }
  };
  through_generator(rho, all.values, gradient, [](int64_t, int64_t, const auto&) {}, gradient_of_theta);
  return sum(losses) / (double(batch) * double(theta_size));
}

}  // namespace gogepo
