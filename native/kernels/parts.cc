#include "parts.h"

namespace gogepo {

Updates::Parts::Parts(const Architecture& a, int thread_count, const kernels::Kernels& k)
    : kernels(k),
      fingerprints(a.critic_kind == CriticKind::fingerprint),
      theta_size(PolicyLayout(a.policy_sizes()).size),
      critic(a),
      pool(thread_count),
      generator(k, a),
      probing(k, a),
      network(k, critic.value),
      states(probing.states()) {
  for (int i = 0; i < pool.threads(); ++i) {
    threads.push_back(
        {{}, probing.work(), probing.activations(), network.rows(fingerprints ? 1 : 0), kernels::Memory(theta_size)});
    for (int64_t n = 0; n < generator.networks(); ++n) threads.back().networks.push_back(generator.work(n));
  }
  groups.resize(generator.networks());
}

std::vector<Updates::Parts::Group> Updates::Parts::groups_of(int64_t commands) const {
  std::vector<Group> all;
  for (int64_t n = 0; n < generator.networks(); ++n)
    for (int64_t i = 0, size = generator.group(n); i * size < commands; ++i)
      all.push_back({n, i, i * size, std::min(size, commands - i * size)});
  return all;
}

void Updates::Parts::pack_generator(const float* rho) {
  pool.run(generator.pack_pieces(), [&](int64_t piece, int) { generator.pack_piece(rho, piece); });
  pool.run(generator.networks(), [&](int64_t n, int) { generator.embed(n); });
}

void Updates::Parts::pack_critic(const float* w) {
  pool.run(network.pack_pieces(), [&](int64_t piece, int) { network.pack_piece(w, piece); });
  if (fingerprints) kernels.pack(w + critic.probing_states, states->cols, states);
}

void Updates::Parts::make_rows(int64_t count) {
  if (count <= row_capacity) return;
  rows = network.rows(count);
  row_capacity = count;
}

void Updates::Parts::make_thetas(int64_t count) {
  if (count <= theta_capacity) return;
  thetas = kernels::Memory(count * theta_size);
  theta_capacity = count;
}

void Updates::Parts::write_input(const float* theta, kernels::Probing::Work& work,
                                 kernels::Probing::Activations& activations, const kernels::Panels& to, int64_t row) {
  if (fingerprints) {
    probing.forward(theta, states, work, activations);
    probing.write_fingerprint(activations, to, row);
  } else {
    kernels.pack(theta, theta_size, rows_of(to, kernels.width, row, 1));
  }
}

}  // namespace gogepo
