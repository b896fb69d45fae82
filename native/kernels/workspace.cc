#include "workspace.h"

namespace gogepo {

Updates::Workspace::Workspace(const Architecture& a, int thread_count, const kernels::Kernels& k)
    : kernels(k),
      uses_fingerprint(a.critic_kind == CriticKind::fingerprint),
      theta_size(PolicyLayout(a.policy).size),
      critic(a),
      pool(thread_count),
      generator(k, a),
      fingerprint(k, a),
      network(k, critic.value),
      states(fingerprint.make_states()) {
  for (int i = 0; i < pool.threads(); ++i) {
    threads.push_back({{},
                       fingerprint.make_scratch(),
                       fingerprint.make_activations(),
                       network.make_rows(uses_fingerprint ? 1 : 0),
                       kernels::AlignedBuffer(theta_size)});
    for (int64_t n = 0; n < generator.networks(); ++n) threads.back().networks.push_back(generator.make_scratch(n));
  }
  groups.resize(generator.networks());
}

std::vector<Updates::Workspace::Group> Updates::Workspace::groups_of(int64_t commands) const {
  std::vector<Group> all;
  for (int64_t n = 0; n < generator.networks(); ++n)
    for (int64_t i = 0, size = generator.group(n); i * size < commands; ++i)
      all.push_back({n, i, i * size, std::min(size, commands - i * size)});
  return all;
}

void Updates::Workspace::pack_generator(const float* rho) {
  pool.run(generator.pack_pieces(), [&](int64_t piece, int) { generator.pack_piece(rho, piece); });
  pool.run(generator.networks(), [&](int64_t n, int) { generator.embed(n); });
}

void Updates::Workspace::pack_critic(const float* w) {
  pool.run(network.pack_pieces(), [&](int64_t piece, int) { network.pack_piece(w, piece); });
  if (uses_fingerprint) kernels.pack(w + critic.probing_states, states->cols, states);
}

void Updates::Workspace::reserve_rows(int64_t count) {
  if (count <= row_capacity) return;
  rows = network.make_rows(count);
  row_capacity = count;
}

void Updates::Workspace::reserve_thetas(int64_t count) {
  if (count <= theta_capacity) return;
  thetas = kernels::AlignedBuffer(count * theta_size);
  theta_capacity = count;
}

void Updates::Workspace::write_input(const float* theta, kernels::Fingerprint::Scratch& scratch,
                                     kernels::Fingerprint::Activations& activations, const kernels::Panels& to,
                                     int64_t row) {
  if (uses_fingerprint) {
    fingerprint.forward(theta, states, scratch, activations);
    fingerprint.write_fingerprint(activations, to, row);
  } else {
    kernels.pack(theta, theta_size, rows_of(to, kernels.width, row, 1));
  }
}

}  // namespace gogepo
