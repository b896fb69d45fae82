// Everything an update works with: the networks, and buffers per thread, per gradient sum and per batch row. Buffers
// are kept between updates, so a training loop allocates only at its start.
#pragma once
#include <deque>

#include "fingerprint.h"
#include "generator.h"
#include "mlp_network.h"
#include "pool.h"
#include "updates.h"

namespace gogepo {

constexpr int64_t kChunk = kernels::kMaxCommands;  // policies processed at a time
// Number of partial gradient sums in a generator update. It determines the order of the floating-point additions, so it
// must not depend on the number of threads. It also limits parallelism: with fewer sums than a batch has commands,
// threads would run out of work.
constexpr int64_t kGradientSums = 16;
// Rows per piece of the value network.
constexpr int64_t kValueRows = 4;

struct Updates::Workspace {
  Workspace(const Architecture&, int threads, const kernels::Kernels&);

  const kernels::Kernels& kernels;
  const bool uses_fingerprint;  // false: the critic reads theta directly
  const int64_t theta_size;
  const CriticLayout critic;
  kernels::Pool pool;
  kernels::Generator generator;
  kernels::Fingerprint fingerprint;
  kernels::MlpNetwork network;
  kernels::Matrix states;  // (N, O), the probing states

  struct Thread {
    std::vector<kernels::Generator::Scratch> networks;  // by generator network
    kernels::Fingerprint::Scratch fingerprint;
    kernels::Fingerprint::Activations activations;
    kernels::MlpNetwork::Rows row;          // of a single policy
    kernels::AlignedBuffer theta_gradient;  // (|theta|)
  };
  std::vector<Thread> threads;
  std::vector<kernels::Generator::Scratch> deferred;  // by network; see generator_update.cc
  kernels::MlpNetwork::Rows rows;                     // of a chunk of policies
  int64_t row_capacity = 0;

  // The rest is allocated when first needed.
  struct Slot {  // one policy in a critic update
    kernels::Fingerprint::Activations activations;
    kernels::Matrix states_gradient;  // (N, O)
  };
  std::deque<Slot> slots;
  std::deque<kernels::Generator::GradientSum> gradient_sums;
  std::vector<std::deque<kernels::Generator::Scratch>> groups;  // by network, for group > 1
  kernels::AlignedBuffer thetas;                                // (chunk, |theta|)
  int64_t theta_capacity = 0;

  // `count` commands, starting at `first`, that one network processes together.
  struct Group {
    int64_t network, index, first, count;
  };
  std::vector<Group> groups_of(int64_t commands) const;  // for all networks

  // Copy the weights into the layout the kernels read. Call once per update.
  void pack_generator(const float* rho);
  void pack_critic(const float* w);

  void reserve_rows(int64_t count);
  void reserve_thetas(int64_t count);

  // Writes the critic's input for one policy into `row` of `to`: its fingerprint, or theta itself.
  void write_input(const float* theta, kernels::Fingerprint::Scratch&, kernels::Fingerprint::Activations&,
                   const kernels::Panels& to, int64_t row);
};

}  // namespace gogepo
