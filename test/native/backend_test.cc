// The reference backend against finite differences, and the other backends against the reference.
#include "backend.h"

#include <ATen/Context.h>
#include <ATen/Parallel.h>
#include <ATen/TensorOperators.h>
#include <ATen/core/grad_mode.h>
#include <ATen/ops/empty_like.h>
#include <ATen/ops/linalg_vector_norm.h>
#include <ATen/ops/stack.h>
#include <ATen/ops/tensor.h>

#include <algorithm>
#include <array>

#include "check.h"
#include "cuda_part.h"
#include "fit.h"
#include "networks.h"
#include "small_architecture.h"
#include "tf32_guard.h"

using namespace gogepo;
using at::Tensor;

namespace {

struct Problem {
  const char* name;
  Architecture a;
  int64_t stored = 6;  // pairs in the buffer, with distinct returns unless one_return
  bool one_return = false;
};

std::vector<Problem> problems() {
  std::vector<Problem> all;
  all.push_back({"one hidden layer, one action", small_architecture(2, 1, {4}, 2)});
  all.push_back({"two hidden layers", small_architecture(3, 2, {8, 4}, 4)});
  all.push_back({"four unequal hidden layers", small_architecture(2, 3, {4, 8, 2, 6}, 2)});
  all.push_back({"one pair", small_architecture(3, 2, {4, 4}, 2), 1});
  all.push_back({"one return", small_architecture(3, 2, {4, 4}, 4), 20, true});
  all.push_back({"more pairs than a batch", small_architecture(3, 2, {6, 3}, 3), 40});
  Problem asymmetric{"many actions, asymmetric", small_architecture(4, 9, {6, 9}, 3)};
  std::vector<double> center, half_range;
  for (int i = 0; i < 9; ++i) center.push_back(0.1 * i), half_range.push_back(1 + 0.2 * i);
  set_bounds(asymmetric.a.policy, center, half_range);
  all.push_back(asymmetric);
  Problem discrete{"discrete", small_architecture(4, 3, {4, 4}, 4)};
  make_discrete(discrete.a.policy);
  all.push_back(discrete);
  Problem parameters{"a critic that reads theta", small_architecture(3, 2, {4, 4}, 2)};
  parameters.a.critic_kind = CriticKind::parameters;
  all.push_back(parameters);
  Problem deep{"deep generator, shallow critic", small_architecture(2, 1, {4, 4}, 4)};
  deep.a.generator_hidden = {5, 4, 6};
  deep.a.critic_hidden = {7};
  all.push_back(deep);
  return all;
}

Tensor normals(at::IntArrayRef shape, double scale, uint64_t seed) {
  const Tensor out = at::empty(shape, at::kFloat);
  Stream stream(seed, Purpose::strategy, 0);
  for (int64_t i = 0; i < out.numel(); ++i) out.mutable_data_ptr<float>()[i] = float(scale * stream.normal());
  return out;
}

struct Pairs {
  explicit Pairs(const Problem& p) {
    thetas = normals({p.stored, PolicyLayout(p.a.policy).size}, 0.5, 3);
    returns = normals({p.stored}, 8, 4);
    if (p.one_return) returns.fill_(7.5);
  }
  Tensor thetas, returns;
};

double length(const Tensor& x) { return at::linalg_vector_norm(x.to(at::kDouble)).item<double>(); }
Tensor part(const Tensor& flat, const NamedTensor& t) { return flat.narrow(0, t.offset, t.size); }

void blame(size_t failures_before, const char* name) {
  for (size_t i = failures_before; i < check::failures().size(); ++i)
    check::failures()[i] += std::string("  [") + name + "]";
}

// Compares `gradient` with the slope of `loss` along a random direction, in double precision, in every tensor of
// `flat`.
void check_slopes(const std::function<double(const Tensor&)>& loss, const Tensor& flat, const Tensor& gradient,
                  const std::vector<NamedTensor>& tensors) {
  CHECK(length(gradient) > 0);
  for (uint64_t seed : {1, 2})
    for (const NamedTensor& t : tensors) {
      const Tensor direction = normals({t.size}, 1, seed).to(at::kDouble), g = part(gradient, t).to(at::kDouble);
      const auto beside = [&](double step) {
        Tensor moved = flat.to(at::kDouble, false, true);
        part(moved, t).add_(direction, step);
        return loss(moved);
      };
      const double step = 1e-6, slope = (beside(step) - beside(-step)) / (2 * step);
      check::expect(std::abs((g * direction).sum().item<double>() - slope) <=
                        2e-5 * length(g) * length(direction) + 1e-7 * length(gradient),
                    __FILE__, __LINE__, t.name);
    }
}

}  // namespace

TEST("the reference backend's gradients match finite differences in every tensor") {
  const at::NoGradGuard no_grad;
  at::set_num_threads(1);  // fastest for such small tensors
  for (const Problem& problem : problems()) {
    const size_t before = check::failures().size();
    const Architecture& a = problem.a;
    const Pairs pairs(problem);
    const auto backend = make_reference_backend(a, at::kCPU);
    const Tensor rho = initial_generator(backend->generator_layout, 1, at::kCPU).values,
                 w = initial_critic(backend->critic_layout, 2, at::kCPU).values;
    const Tensor returns = pairs.returns.to(at::kDouble);
    const auto mean_error = [&](const std::vector<PolicyTensors>& policies, const Tensor& at) {
      return (value(policies, NamedViews(at, backend->critic_layout.tensors, false), backend->critic_layout, a) -
              returns)
          .square()
          .mean()
          .item<double>();
    };

    Tensor gradient = at::empty_like(w);
    const auto critic_loss = [&](const Tensor& at) {
      return mean_error(unflatten(pairs.thetas.to(at::kDouble), backend->policy_layout), at);
    };
    const double loss = backend->critic_gradient(w, pairs.thetas.unbind(0), pairs.returns, gradient).item<double>();
    CHECK_NEAR(loss / critic_loss(w.to(at::kDouble)), 1, 1e-5);
    check_slopes(critic_loss, w, gradient, backend->critic_layout.tensors);

    gradient = at::empty_like(rho);
    const Tensor still = w.to(at::kDouble);
    const auto generator_loss = [&](const Tensor& at) {
      return mean_error(
          generate(returns, NamedViews(at, backend->generator_layout.tensors, false), backend->generator_layout, a),
          still);
    };
    const Tensor w_before = w.clone();
    const double own = backend->generator_gradient(rho, w, pairs.returns, gradient).item<double>();
    CHECK_NEAR(own / generator_loss(rho.to(at::kDouble)), 1, 1e-5);
    check_slopes(generator_loss, rho, gradient, backend->generator_layout.tensors);
    CHECK(w.equal(w_before));
    blame(before, problem.name);
  }
}

TEST("the reference backend's Adam matches its definition") {
  const at::NoGradGuard no_grad;
  const auto backend = make_reference_backend(problems()[0].a, at::kCPU);
  Parameters p = initial_critic(backend->critic_layout, 1, at::kCPU);
  Tensor x = p.values.to(at::kDouble), m = at::zeros_like(x), v = at::zeros_like(x);
  for (int step = 1; step <= 5; ++step) {
    const Tensor gradient = normals(x.sizes(), 3, uint64_t(step)), g = gradient.to(at::kDouble);
    backend->adam(p, gradient, 1e-2);
    m = 0.9 * m + 0.1 * g;
    v = 0.999 * v + 0.001 * g * g;
    x = x - 1e-2 * (m / (1 - std::pow(0.9, step))) / ((v / (1 - std::pow(0.999, step))).sqrt() + 1e-8);
  }
  CHECK(p.updates == 5);
  CHECK((p.values - x).abs().max().item<double>() < 2e-6);
}

// theta, values, losses, gradients, and parameters after 200 updates of each network
static void check_against_reference(const std::function<std::unique_ptr<Backend>(const Architecture&)>& make) {
  const at::NoGradGuard no_grad;
  for (const Problem& problem : problems()) {
    const size_t before = check::failures().size();
    const Pairs pairs(problem);
    const std::unique_ptr<Backend> backends[] = {make_reference_backend(problem.a, at::kCPU), make(problem.a)};
    struct Outcome {
      Tensor thetas, values, critic_gradient, generator_gradient, losses;
      Parameters critic, generator;
    } outcomes[2];
    for (int i : {0, 1}) {
      Backend& backend = *backends[i];
      Outcome& o = outcomes[i];
      o.generator = initial_generator(backend.generator_layout, 1, at::kCPU);
      o.critic = initial_critic(backend.critic_layout, 2, at::kCPU);
      o.thetas = backend.generate(o.generator.values, pairs.returns);
      o.values = backend.value(o.critic.values, pairs.thetas.unbind(0));
      o.critic_gradient = at::empty_like(o.critic.values);
      o.generator_gradient = at::empty_like(o.generator.values);
      backend.critic_gradient(o.critic.values, pairs.thetas.unbind(0), pairs.returns, o.critic_gradient);
      backend.generator_gradient(o.generator.values, o.critic.values, pairs.returns, o.generator_gradient);
      ReplayBuffer buffer(pairs.thetas.size(1), 30, 1.1, 0, at::kCPU);
      buffer.push(pairs.thetas, pairs.returns.const_data_ptr<float>());
      const Fitted generator = fit(backend, o.critic, o.generator, buffer, {0, 200, 16, 5e-3, 1e-4, 9}, false),
                   critic = fit(backend, o.critic, o.generator, buffer, {200, 0, 16, 5e-3, 1e-4, 9}, false);
      o.losses = at::stack({at::tensor(critic.critic_losses), at::tensor(generator.generator_losses)});
    }
    const auto& [slow, fast] = outcomes;
    const auto relative = [](const Tensor& x, const Tensor& y) { return length(x - y) / length(y); };
    const auto furthest = [](const Tensor& x, const Tensor& y) {
      return ((x - y).abs().max() / y.abs().max()).item<double>();
    };
    CHECK_NEAR(furthest(fast.thetas, slow.thetas), 0, 1e-5);
    CHECK_NEAR(furthest(fast.values, slow.values), 0, 1e-5);
    CHECK_NEAR(relative(fast.critic_gradient, slow.critic_gradient), 0, 2e-5);
    CHECK_NEAR(relative(fast.generator_gradient, slow.generator_gradient), 0, 2e-5);
    for (int64_t network : {0, 1}) CHECK_NEAR(relative(fast.losses[network], slow.losses[network]), 0, 2e-5);
    CHECK(length(slow.critic.values - initial_critic(backends[0]->critic_layout, 2, at::kCPU).values) > 0.1);
    CHECK(length(slow.generator.values - initial_generator(backends[0]->generator_layout, 1, at::kCPU).values) > 0.1);
    const auto check_tensors = [](const Parameters& x, const Parameters& y, const std::vector<NamedTensor>& tensors,
                                  double way) {
      CHECK(x.updates == 200 && y.updates == 200);
      for (const NamedTensor& t : tensors) {
        const Tensor astray = (part(x.values, t) - part(y.values, t)).abs() > 0.02 * way;
        check::expect(astray.sum().item<int64_t>() * 100 <= t.size, __FILE__, __LINE__, t.name + " went elsewhere");
      }
    };
    check_tensors(fast.critic, slow.critic, backends[0]->critic_layout.tensors, 200 * 5e-3);
    check_tensors(fast.generator, slow.generator, backends[0]->generator_layout.tensors, 200 * 1e-4);
    blame(before, problem.name);
  }
}

// Lanes that know what each of them has waited for.
class CheckedLanes final : public Lanes {
 public:
  void enter(int lane) override { current_ = size_t(lane), ++reached_[current_][current_]; }
  int point() override {
    points_.push_back(reached_[current_]);
    return int(points_.size()) - 1;
  }
  void wait_for(int point) override {
    CHECK(point >= 0 && point < int(points_.size()));
    for (size_t lane = 0; lane < most; ++lane)
      reached_[current_][lane] = std::max(reached_[current_][lane], points_.at(size_t(point))[lane]);
    waited_[current_] = true;
  }
  // Whether the work has ended on lane 0, which has waited for all others, and each of these began by waiting for it.
  bool joined() const {
    bool all = current_ == 0;
    for (size_t lane = 1; lane < most; ++lane)
      all = all && reached_[0][lane] == reached_[lane][lane] && waited_[lane] == (reached_[lane][lane] > 0);
    return all;
  }
  int forked() const { return int(std::count(waited_.begin() + 1, waited_.end(), true)); }

 private:
  using Clock = std::array<int, most>;  // how often each lane has been entered
  size_t current_ = 0;
  std::array<Clock, most> reached_ = {};
  std::array<bool, most> waited_ = {};
  std::vector<Clock> points_;
};

// A stand-in for native/cuda on a machine without CUDA: keeps the captured work and runs it at each launch.
class FakeCuda final : public CudaPart {
 public:
  struct FakeGraph final : Graph {
    FakeGraph(std::function<void(Lanes&)> work, int& launches) : work(std::move(work)), launches(launches) {}
    void launch() override { ++launches, work(lanes); }
    std::function<void(Lanes&)> work;
    int& launches;
    Lanes lanes;
  };
  CudaDevice describe(int) override { return {}; }
  void prepare(int) override {}
  void launch(const char*, const void*, int, int64_t) override {}  // on the CPU, kernels are called directly
  std::unique_ptr<Graph> capture(const std::function<void(Lanes&)>& work) override {
    ++captures;
    for (int i = 0; i < 3; ++i) {
      CheckedLanes lanes;
      work(lanes);
      CHECK(lanes.joined());
      most_forked = std::max(most_forked, lanes.forked());
    }
    if (fails) throw std::runtime_error("no room for a graph");
    return std::make_unique<FakeGraph>(work, launches);
  }
  int captures = 0, launches = 0, most_forked = 0;
  bool fails = false;
};

TEST("the fast backend agrees with the reference over 200 updates") {
  check_against_reference([](const Architecture& a) { return make_fast_backend(a, 2); });
}

TEST("the static backend agrees with the reference over 200 updates") {
  at::set_num_threads(1);
  check_against_reference([](const Architecture& a) { return make_static_backend(a, at::kCPU, nullptr); });
}

TEST("a captured update is launched for every update, and captured again for another batch size") {
  const at::NoGradGuard no_grad;
  FakeCuda cuda;
  const Problem problem{"", small_architecture(3, 2, {8, 4}, 4), 20};
  const Pairs pairs(problem);
  const auto plain = make_static_backend(problem.a, at::kCPU, nullptr),
             captured = make_static_backend(problem.a, at::kCPU, &cuda);
  std::vector<Tensor> results;
  for (Backend* backend : {plain.get(), captured.get()}) {
    Parameters generator = initial_generator(backend->generator_layout, 1, at::kCPU),
               critic = initial_critic(backend->critic_layout, 2, at::kCPU);
    Parameters other =
        initial_generator(backend->generator_layout, 7, at::kCPU);  // two networks of one backend, alternating
    ReplayBuffer buffer(pairs.thetas.size(1), 30, 1.1, 0, at::kCPU);
    std::vector<Tensor> out;
    for (int64_t i = 0; i < 20; ++i) {
      buffer.push(pairs.thetas.narrow(0, i, 1), pairs.returns.const_data_ptr<float>() + i);
      for (Parameters* p : {&generator, &other}) {
        const Fitted fitted = fit(*backend, critic, *p, buffer, {i < 18 ? 4 : 300, 19, 16, 5e-3, 1e-4, 9}, false);
        for (const auto& losses : {fitted.critic_losses, fitted.generator_losses}) out.push_back(at::tensor(losses));
      }
      if (i == 15) CHECK(backend == plain.get() || cuda.captures == 2 * 16);  // batches of 1 to 16
    }
    CHECK(critic.updates == 2 * (18 * 4 + 2 * 300) && generator.updates == 20 * 19);
    for (const Tensor& x :
         {generator.values, generator.second_moment, other.values, critic.values, critic.first_moment})
      out.push_back(x);
    results.push_back(at::cat(out));
  }
  CHECK(results[1].equal(results[0]));
  CHECK(cuda.captures == 2 * 16);
  CHECK(cuda.launches == 2 * (18 * 4 + 2 * 300) + 2 * 20 * 19);
  CHECK(cuda.most_forked == 3 * 4 + 1);  // four lanes for each kind of layer, and Adam's schedule
}

TEST("CUDA devices in use at the same time agree on TF32") {
  const at::Device gpu(at::kCUDA, 0);
  {
    const Tf32Guard one(gpu, false), two(gpu, false), on_cpu(at::kCPU, true);
    CHECK_THROWS(Tf32Guard(gpu, true));
  }
  const Tf32Guard other(gpu, true);
  CHECK(at::globalContext().allowTF32CuBLAS());
  CHECK_THROWS(Tf32Guard(gpu, false));
}

TEST("a capture that fails leaves the network as it was, and is tried again") {
  const at::NoGradGuard no_grad;
  FakeCuda cuda;
  const Problem problem{"", small_architecture(3, 2, {8, 4}, 4), 6};
  const Pairs pairs(problem);
  const auto backend = make_static_backend(problem.a, at::kCPU, &cuda);
  Parameters critic = initial_critic(backend->critic_layout, 2, at::kCPU),
             generator = initial_generator(backend->generator_layout, 1, at::kCPU);
  const Tensor before = critic.values.clone();
  ReplayBuffer buffer(pairs.thetas.size(1), 30, 1.1, 0, at::kCPU);
  buffer.push(pairs.thetas, pairs.returns.const_data_ptr<float>());
  cuda.fails = true;
  for (int i = 0; i < 2; ++i) CHECK_THROWS(fit(*backend, critic, generator, buffer, {4, 0, 16, 5e-3, 1e-4, 9}, false));
  CHECK(critic.values.equal(before) && critic.updates == 0 && cuda.launches == 0);
  cuda.fails = false;
  fit(*backend, critic, generator, buffer, {4, 0, 16, 5e-3, 1e-4, 9}, false);
  CHECK(critic.updates == 4 && cuda.launches == 4 && !critic.values.equal(before));
}

TEST("the fast backend gives the same bits for 1, 2 and 3 threads over 50 updates of each network") {
  const at::NoGradGuard no_grad;
  for (const Problem& problem : problems()) {
    const Pairs pairs(problem);
    std::vector<Tensor> results;
    for (int threads : {1, 2, 3}) {
      const auto backend = make_fast_backend(problem.a, threads);
      Parameters generator = initial_generator(backend->generator_layout, 1, at::kCPU),
                 critic = initial_critic(backend->critic_layout, 2, at::kCPU);
      ReplayBuffer buffer(pairs.thetas.size(1), 30, 1.1, 0, at::kCPU);
      buffer.push(pairs.thetas, pairs.returns.const_data_ptr<float>());
      fit(*backend, critic, generator, buffer, {50, 50, 16, 5e-3, 1e-4, 9}, false);
      results.push_back(at::cat({generator.values, generator.second_moment, critic.values, critic.second_moment}));
    }
    check::expect(results[1].equal(results[0]) && results[2].equal(results[0]), __FILE__, __LINE__, problem.name);
  }
}
