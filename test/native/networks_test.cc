#include "networks.h"

#include <ATen/TensorOperators.h>

#include <set>

#include "check.h"
#include "small_architecture.h"

using namespace gogepo;
using at::Tensor;

namespace {

Architecture usual() {
  Architecture a = small_architecture(8, 2, {256, 256}, 16);
  a.embedding_size = 8;
  a.generator_hidden = a.critic_hidden = {256, 256};
  a.probing_states = 200;
  return a;
}

// Compares mean and variance with those of a distribution with this variance and fourth central moment.
void check_moments(const Tensor& x, double mean, double variance, double fourth, const std::string& name) {
  const Tensor centered = x.to(at::kDouble) - mean;
  const double root = std::sqrt(double(x.numel()));
  check::expect(std::abs(centered.mean().item<double>()) < 5 * std::sqrt(variance) / root, __FILE__, __LINE__,
                "mean of " + name);
  check::expect(
      std::abs(centered.square().mean().item<double>() - variance) < 5 * std::sqrt(fourth - variance * variance) / root,
      __FILE__, __LINE__, "variance of " + name);
}

void check_dense(const Parameters& p, const Mlp& mlp, const std::string& name) {
  for (const Dense& d : mlp)
    for (const auto& [offset, size] : {std::pair{d.weight, int64_t(d.out) * d.in}, std::pair{d.bias, int64_t(d.out)}}) {
      const Tensor x = p.values.narrow(0, offset, size);
      const double bound = 1 / std::sqrt(double(d.in)), largest = x.abs().max().item<double>();
      check::expect(largest <= bound && (size < 100 || largest > 0.9 * bound), __FILE__, __LINE__, "bound of " + name);
      check_moments(x, 0, bound * bound / 3, std::pow(bound, 4) / 5, name);
    }
}

}  // namespace

TEST("networks start like PyTorch's Linear layers, embeddings normal, probing states uniform") {
  const GeneratorLayout generator_layout(usual());
  const CriticLayout critic_layout(usual());
  const Parameters generator = initial_generator(generator_layout, 1, at::kCPU),
                   critic = initial_critic(critic_layout, 1, at::kCPU);
  for (const Kind& kind : generator_layout.kinds) {
    check_dense(generator, kind.slice, kind.name + ".slice");
    check_dense(generator, kind.bias, kind.name + ".bias");
  }
  check_dense(critic, critic_layout.value, "value");
  for (const NamedTensor& t : generator_layout.tensors)
    if (t.name.starts_with("embedding")) check_moments(generator.values.narrow(0, t.offset, t.size), 0, 1, 3, t.name);
  const Tensor probing = critic.values.narrow(0, critic_layout.probing_states, 200 * 8);
  CHECK(probing.min().item<float>() >= 0 && probing.max().item<float>() < 1);
  check_moments(probing, 0.5, 1.0 / 12, 1.0 / 80, "probing states");
}

TEST("every element is sampled: no two tensors begin alike; moments and updates start at zero") {
  const GeneratorLayout generator_layout(usual());
  const CriticLayout critic_layout(usual());
  const Parameters networks[] = {initial_generator(generator_layout, 1, at::kCPU),
                                 initial_critic(critic_layout, 1, at::kCPU)};
  const std::vector<NamedTensor>* const tensors[] = {&generator_layout.tensors, &critic_layout.tensors};
  for (int i : {0, 1}) {
    std::set<float> ratios;  // of the first two elements: equal if two tensors shared a stream, whatever the bounds
    for (const NamedTensor& t : *tensors[i])
      if (t.size > 1) ratios.insert((networks[i].values[t.offset] / networks[i].values[t.offset + 1]).item<float>());
    CHECK(ratios.size() >= tensors[i]->size() - 1);
    CHECK(networks[i].first_moment.count_nonzero().item<int64_t>() +
              networks[i].second_moment.count_nonzero().item<int64_t>() ==
          0);
    CHECK(networks[i].first_moment.numel() == networks[i].values.numel() && networks[i].updates == 0);
  }
}

TEST("values depend on the seed, and a critic that reads theta has no probing states") {
  Architecture a = small_architecture(3, 2, {4, 4}, 2);
  const GeneratorLayout layout(a);
  CHECK(initial_generator(layout, 7, at::kCPU).values.equal(initial_generator(layout, 7, at::kCPU).values));
  CHECK(!initial_generator(layout, 7, at::kCPU).values.equal(initial_generator(layout, 8, at::kCPU).values));
  a.critic_kind = CriticKind::parameters;
  const CriticLayout critic_layout(a);
  check_dense(initial_critic(critic_layout, 1, at::kCPU), critic_layout.value, "value");
}
