#include "updates.h"

#include <stdexcept>
#include <string>

#include "workspace.h"

namespace gogepo {

int64_t workspace_bytes() { return kernels::bytes_in_use; }

Updates::Updates(const Architecture& architecture, int threads, kernels::Isa isa) {
  if (threads < 1) throw std::invalid_argument("threads: expected at least 1, got " + std::to_string(threads));
  if (!kernels::has_isa(isa)) throw std::invalid_argument("instruction set: expected one that this CPU supports");
  workspace_ = std::make_unique<Workspace>(architecture, threads, kernels::kernels_for(isa));
}

Updates::~Updates() = default;

void Updates::generate(const float* rho, const float* commands, int64_t batch, float* thetas) {
  Workspace& ws = *workspace_;
  ws.pack_generator(rho);
  const std::vector<Workspace::Group> groups = ws.groups_of(batch);
  ws.pool.run(int64_t(groups.size()), [&](int64_t piece, int thread) {
    const Workspace::Group& g = groups[piece];
    ws.generator.forward(g.network, commands + g.first, g.count, ws.threads[thread].networks[g.network],
                         thetas + g.first * ws.theta_size);
  });
}

void Updates::value(const float* w, const float* const* thetas, int64_t batch, float* values) {
  Workspace& ws = *workspace_;
  ws.pack_critic(w);
  for (int64_t first = 0; first < batch; first += kChunk) {
    const int64_t count = std::min(kChunk, batch - first);
    ws.reserve_rows(count);
    // The critic's input, one policy per piece.
    ws.pool.run(count, [&](int64_t b, int thread) {
      ws.write_input(thetas[first + b], ws.threads[thread].fingerprint, ws.threads[thread].activations,
                     ws.rows.inputs[0], b);
    });
    // The value network, a few rows per piece.
    ws.pool.run((count + kValueRows - 1) / kValueRows, [&](int64_t piece, int) {
      ws.network.forward(ws.rows, piece * kValueRows, std::min(kValueRows, count - piece * kValueRows));
    });
    for (int64_t b = 0; b < count; ++b) values[first + b] = *at(ws.rows.outputs, ws.kernels.width, b, 0);
  }
}

void Updates::adam(float* parameters, float* m, float* v, const float* gradient, int64_t size, int64_t step,
                   double learning_rate) {
  Workspace& ws = *workspace_;
  const kernels::AdamStep factors = kernels::adam_step(step, learning_rate);
  ws.pool.split(size, [&](int64_t i, int64_t count) {
    ws.kernels.adam(parameters + i, m + i, v + i, gradient + i, count, factors);
  });
}

}  // namespace gogepo
