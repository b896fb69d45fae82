// What the updates share: the networks, and memory for each thread, each share of a batch and each row of one.
#pragma once
#include <deque>

#include "generator.h"
#include "pool.h"
#include "probing.h"
#include "updates.h"
#include "value_network.h"

namespace gogepo {

constexpr int64_t kChunk = kernels::kMostCommands;  // policies worked on at a time
// The commands of a generator update are dealt out to this many sums, each in order. It decides the order of the
// additions, so it must not depend on the number of threads; fewer than a batch has commands would leave threads
// without work.
constexpr int64_t kShares = 16;
// Rows of the value network that are worked on together.
constexpr int64_t kValueRows = 4;

struct Updates::Parts {
  Parts(const Architecture&, int threads, const kernels::Kernels&);

  const kernels::Kernels& kernels;
  const bool fingerprints;  // or a critic that reads theta itself
  const int64_t theta_size;
  const CriticLayout critic;
  kernels::Pool pool;
  kernels::Generator generator;
  kernels::Probing probing;
  kernels::ValueNetwork network;
  kernels::Matrix states;  // (N, O)

  struct Thread {
    std::vector<kernels::Generator::Work> networks;
    kernels::Probing::Work probing;
    kernels::Probing::Activations activations;
    kernels::ValueNetwork::Rows row;  // one policy
    kernels::Memory theta_gradient;   // (|theta|)
  };
  std::vector<Thread> threads;
  std::vector<kernels::Generator::Work> deferred;  // of the command whose way back comes last
  kernels::ValueNetwork::Rows rows;                // a chunk of policies
  int64_t row_capacity = 0;

  // made when first needed
  struct Slot {  // one policy of a critic update's chunk
    kernels::Probing::Activations activations;
    kernels::Matrix states_gradient;  // (N, O)
  };
  std::deque<Slot> slots;
  std::deque<kernels::Generator::Share> shares;
  std::vector<std::deque<kernels::Generator::Work>> groups;  // by network, where it works on several commands
  kernels::Memory thetas;                                    // (chunk, |theta|)
  int64_t theta_capacity = 0;

  struct Group {  // of commands that one network works on together
    int64_t network, index, first, count;
  };
  std::vector<Group> groups_of(int64_t commands) const;  // of all networks

  void pack_generator(const float* rho);
  void pack_critic(const float* w);
  void make_rows(int64_t count);
  void make_thetas(int64_t count);
  // Into the value network's input: policy b's fingerprint, or theta itself.
  void write_input(const float* theta, kernels::Probing::Work&, kernels::Probing::Activations&,
                   const kernels::Panels& to, int64_t row);
};

}  // namespace gogepo
