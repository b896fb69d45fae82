#include "updates.h"

#include <cmath>
#include <stdexcept>
#include <string>

#include "parts.h"

namespace gogepo {

int64_t workspace_bytes() { return kernels::memory_in_use; }

Updates::Updates(const Architecture& architecture, int threads, kernels::Isa isa) {
  if (threads < 1) throw std::invalid_argument("threads: expected at least 1, got " + std::to_string(threads));
  if (!kernels::has_isa(isa))
    throw std::invalid_argument("instruction set: expected one that this CPU has, got another");
  parts_ = std::make_unique<Parts>(architecture, threads, kernels::kernels_for(isa));
}

Updates::~Updates() = default;

void Updates::generate(const float* rho, const float* commands, int64_t batch, float* thetas) {
  Parts& p = *parts_;
  p.pack_generator(rho);
  const std::vector<Parts::Group> groups = p.groups_of(batch);
  p.pool.run(int64_t(groups.size()), [&](int64_t piece, int thread) {
    const Parts::Group& g = groups[piece];
    p.generator.forward(g.network, commands + g.first, g.count, p.threads[thread].networks[g.network],
                        thetas + g.first * p.theta_size);
  });
}

void Updates::value(const float* w, const float* const* thetas, int64_t batch, float* values) {
  Parts& p = *parts_;
  p.pack_critic(w);
  for (int64_t first = 0; first < batch; first += kChunk) {
    const int64_t count = std::min(kChunk, batch - first);
    p.make_rows(count);
    p.pool.run(count, [&](int64_t b, int thread) {
      p.write_input(thetas[first + b], p.threads[thread].probing, p.threads[thread].activations, p.rows.inputs[0], b);
    });
    p.pool.run((count + kValueRows - 1) / kValueRows, [&](int64_t piece, int) {
      p.network.forward(p.rows, piece * kValueRows, std::min(kValueRows, count - piece * kValueRows));
    });
    for (int64_t b = 0; b < count; ++b) values[first + b] = *at(p.rows.values, p.kernels.width, b, 0);
  }
}

void Updates::adam(float* parameters, float* m, float* v, const float* gradient, int64_t size, int64_t step,
                   double learning_rate) {
  Parts& p = *parts_;
  constexpr int64_t kPiece = 16384;  // floats
  const kernels::AdamStep factors{float(learning_rate / (1 - std::pow(0.9, double(step)))),
                                  float(1 / std::sqrt(1 - std::pow(0.999, double(step))))};
  p.pool.run((size + kPiece - 1) / kPiece, [&](int64_t piece, int) {
    const int64_t i = piece * kPiece;
    p.kernels.adam(parameters + i, m + i, v + i, gradient + i, std::min(kPiece, size - i), factors);
  });
}

}  // namespace gogepo
