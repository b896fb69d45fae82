// The hand-written updates against a naive implementation: the losses in double precision, element by element, and
// their gradients by finite differences.
#include <functional>

#include "check.h"
#include "matrix.h"
#include "pool.h"
#include "random.h"
#include "small_architecture.h"
#include "updates.h"

using namespace gogepo;
using kernels::Isa;

namespace {

using Doubles = std::vector<double>;

struct Problem {
  const char* name;
  Architecture a;
  int64_t batch = 3;
  bool repeats = false;  // the last half of the batch repeats the first
};

Architecture small(int observations, int actions, std::vector<int> hidden, int slice_size) {
  Architecture a;
  a.policy = small_policy(observations, actions, std::move(hidden));
  a.slice_size = slice_size;
  a.embedding_size = 3;
  a.generator_hidden = {7, 5};
  a.output_scale = 2;
  a.probing_states = 4;
  a.critic_hidden = {12, 9};
  a.return_min = -10;
  a.return_max = 30;
  return a;
}

std::vector<Problem> problems() {
  std::vector<Problem> all;
  all.push_back({"one hidden layer, one action", small(2, 1, {4}, 2), 1});
  all.push_back({"two hidden layers", small(3, 2, {8, 4}, 4), 3});
  all.push_back({"four unequal hidden layers", small(2, 3, {4, 8, 2, 6}, 2), 2});
  all.push_back({"repeated returns", small(3, 2, {4, 4}, 2), 6, true});
  Problem many{"seventeen actions, asymmetric", small(5, 17, {6, 9}, 3), 2};
  Doubles center, half_range;
  for (int i = 0; i < 17; ++i) center.push_back(0.1 * i), half_range.push_back(1 + 0.2 * i);
  set_bounds(many.a.policy, center, half_range);
  all.push_back(many);
  Problem discrete{"discrete", small(4, 3, {4, 4}, 4), 3};
  make_discrete(discrete.a.policy);
  all.push_back(discrete);
  Problem shallow{"shallow generator and linear critic", small(3, 2, {4, 4}, 2), 3};
  shallow.a.generator_hidden = {70};
  shallow.a.critic_hidden = {};
  shallow.a.embedding_size = 1;
  all.push_back(shallow);
  Problem deep{"deep generator and critic", small(2, 1, {4, 4}, 4), 3};
  deep.a.generator_hidden = {5, 4, 6};
  deep.a.critic_hidden = {9, 8, 10};
  all.push_back(deep);
  Problem parameters{"a critic that reads theta", small(3, 2, {4, 4}, 2), 5, true};
  parameters.a.critic_kind = CriticKind::parameters;
  all.push_back(parameters);
  return all;
}

Doubles dense(const Mlp& mlp, const double* p, Doubles x) {
  for (size_t i = 0; i < mlp.size(); ++i) {
    Doubles y(mlp[i].out);
    for (int o = 0; o < mlp[i].out; ++o) {
      y[o] = p[mlp[i].bias + o];
      for (int k = 0; k < mlp[i].in; ++k) y[o] += p[mlp[i].weight + int64_t(o) * mlp[i].in + k] * x[k];
      if (i + 1 < mlp.size()) y[o] = std::max(y[o], 0.0);
    }
    x = y;
  }
  return x;
}

Doubles slow_theta(const Architecture& a, const Doubles& rho, double command) {
  const GeneratorLayout layout(a);
  const PolicyLayout policy(a.policy);
  Doubles theta(policy.size);
  for (size_t j = 0; j < layout.layers.size(); ++j) {
    const GeneratedLayer& made = layout.layers[j];
    const Kind& kind = layout.kinds[made.kind];
    const PolicyLayer& layer = policy.layers[j];
    for (int m = 0; m < made.tiles_in; ++m)
      for (int n = 0; n < made.tiles_out; ++n) {
        const double* z = rho.data() + made.embedding + (int64_t(m) * made.tiles_out + n) * a.embedding_size;
        Doubles x(z, z + a.embedding_size);
        x.push_back(command / (a.return_max - a.return_min));
        const Doubles slice = dense(kind.slice, rho.data(), x), bias = dense(kind.bias, rho.data(), x);
        for (int o = 0; o < kind.slice_out; ++o) {
          for (int i = 0; i < kind.slice_in; ++i)
            theta[layer.weight + int64_t(n * kind.slice_out + o) * layer.in + m * kind.slice_in + i] =
                made.scale * slice[o * kind.slice_in + i];
          theta[layer.bias + n * kind.slice_out + o] += made.scale * bias[o] / made.tiles_in;
        }
      }
  }
  return theta;
}

double slow_value(const Architecture& a, const Doubles& w, const Doubles& theta) {
  const CriticLayout layout(a);
  if (a.critic_kind == CriticKind::parameters) return dense(layout.value, w.data(), theta)[0];
  const PolicyLayout policy(a.policy);
  Doubles fingerprint;
  for (int n = 0; n < a.probing_states; ++n) {
    const double* state = w.data() + layout.probing_states + int64_t(n) * a.policy.observation_size;
    Doubles x(state, state + a.policy.observation_size);
    for (const PolicyLayer& layer : policy.layers) {
      Doubles y(layer.out);
      for (int o = 0; o < layer.out; ++o) {
        y[o] = theta[layer.bias + o];
        for (int i = 0; i < layer.in; ++i) y[o] += theta[layer.weight + int64_t(o) * layer.in + i] * x[i];
        y[o] = std::tanh(y[o]);
      }
      x = y;
    }
    const ActionScaling scaling(a.policy);
    for (int i = 0; i < a.policy.action_size; ++i) fingerprint.push_back(scaling.center[i] + scaling.scale[i] * x[i]);
  }
  return dense(layout.value, w.data(), fingerprint)[0];
}

Doubles slow_gradient(const std::function<double(const Doubles&)>& loss, Doubles at) {
  Doubles gradient(at.size());
  for (size_t i = 0; i < at.size(); ++i) {
    const double here = at[i], step = 1e-5;
    at[i] = here + step;
    const double above = loss(at);
    at[i] = here - step;
    gradient[i] = (above - loss(at)) / (2 * step);
    at[i] = here;
  }
  return gradient;
}

double relative(const std::vector<float>& x, const Doubles& y) {
  double difference = 0, size = 0;
  for (size_t i = 0; i < y.size(); ++i) difference += (x[i] - y[i]) * (x[i] - y[i]), size += y[i] * y[i];
  return std::sqrt(difference / size);
}

std::vector<float> normals(int64_t size, Purpose purpose, uint64_t seed, double scale) {
  std::vector<float> all(size);
  Stream stream(seed, purpose, 0);
  for (float& x : all) x = float(scale * stream.normal());
  return all;
}

struct Setting {  // everything that an update reads
  explicit Setting(const Problem& problem) : a(problem.a), batch(problem.batch) {
    rho = normals(GeneratorLayout(a).size, Purpose::generator_init, 1, 0.4);
    w = normals(CriticLayout(a).size, Purpose::critic_init, 5, 0.4);
    returns = normals(batch, Purpose::strategy, 3, 8);
    if (problem.repeats) std::copy_n(returns.begin(), batch / 2, returns.end() - batch / 2);
    const int64_t size = PolicyLayout(a.policy).size;
    thetas = normals(batch * size, Purpose::parameter_noise, 4, 0.5);
    for (int64_t b = 0; b < batch; ++b) rows.push_back(thetas.data() + b * size);
  }
  Doubles theta(int64_t b) const {
    const int64_t size = int64_t(thetas.size()) / batch;
    return {thetas.begin() + b * size, thetas.begin() + (b + 1) * size};
  }

  Architecture a;
  int64_t batch;
  std::vector<float> rho, w, returns, thetas;
  std::vector<const float*> rows;
};

struct Results {
  std::vector<float> thetas, values, w_gradient, rho_gradient;
  double critic_loss = 0, generator_loss = 0;
  bool operator==(const Results&) const = default;
};

Results compute(const Setting& s, Updates& updates) {
  Results r;
  r.thetas.assign(s.thetas.size(), NAN);
  r.values.assign(s.batch, NAN);
  r.w_gradient.assign(s.w.size(), NAN);
  r.rho_gradient.assign(s.rho.size(), NAN);
  updates.generate(s.rho.data(), s.returns.data(), s.batch, r.thetas.data());
  updates.value(s.w.data(), s.rows.data(), s.batch, r.values.data());
  r.critic_loss = updates.critic_gradient(s.w.data(), s.rows.data(), s.returns.data(), s.batch, r.w_gradient.data());
  r.generator_loss =
      updates.generator_gradient(s.rho.data(), s.w.data(), s.returns.data(), s.batch, r.rho_gradient.data());
  return r;
}
Results compute(const Setting& s, int threads, Isa isa) {
  Updates updates(s.a, threads, isa);
  return compute(s, updates);
}

std::vector<Isa> isas() {
  std::vector<Isa> all;
  for (Isa isa : {Isa::sse2, Isa::avx2, Isa::avx512})
    if (kernels::has_isa(isa)) all.push_back(isa);
  return all;
}

}  // namespace

TEST("theta, values, losses and gradients agree with the naive implementation in double precision") {
  for (const Problem& problem : problems()) {
    const Setting s(problem);
    Doubles rho(s.rho.begin(), s.rho.end()), w(s.w.begin(), s.w.end()), thetas, values;
    for (int64_t b = 0; b < s.batch; ++b) {
      for (double x : slow_theta(s.a, rho, s.returns[b])) thetas.push_back(x);
      values.push_back(slow_value(s.a, w, s.theta(b)));
    }
    const auto critic_loss = [&](const Doubles& at) {
      double sum = 0;
      for (int64_t b = 0; b < s.batch; ++b) sum += std::pow(slow_value(s.a, at, s.theta(b)) - s.returns[b], 2);
      return sum / double(s.batch);
    };
    const auto generator_loss = [&](const Doubles& at) {
      double sum = 0;
      for (int64_t b = 0; b < s.batch; ++b)
        sum += std::pow(slow_value(s.a, w, slow_theta(s.a, at, s.returns[b])) - s.returns[b], 2);
      return sum / double(s.batch);
    };
    const Doubles w_gradient = slow_gradient(critic_loss, w), rho_gradient = slow_gradient(generator_loss, rho);
    for (Isa isa : isas()) {
      const size_t before = check::failures().size();
      const Results r = compute(s, 2, isa);
      CHECK_NEAR(relative(r.thetas, thetas), 0, 1e-6);
      CHECK_NEAR(relative(r.values, values), 0, 2e-6);
      CHECK_NEAR(r.critic_loss / critic_loss(w), 1, 2e-6);
      CHECK_NEAR(r.generator_loss / generator_loss(rho), 1, 2e-6);
      CHECK_NEAR(relative(r.w_gradient, w_gradient), 0, 3e-6);
      CHECK_NEAR(relative(r.rho_gradient, rho_gradient), 0, 5e-6);
      for (size_t i = before; i < check::failures().size(); ++i)
        check::failures()[i] +=
            std::string("  [") + problem.name + ", instruction set " + std::to_string(int(isa)) + "]";
    }
  }
}

TEST("the bits are the same for 1, 2 and 3 threads, for AVX2 and AVX-512, and from a reused object") {
  std::vector<Problem> all = problems();
  all.push_back({"several panels and blocks of sums", small(11, 3, {48, 32}, 16), 70});
  all.back().a.generator_hidden = {80, 300};
  all.back().a.critic_hidden = {300, 70};
  all.back().a.probing_states = 101;
  for (const Problem& problem : all) {
    const Setting s(problem);
    for (Isa isa : isas()) {
      const Results one = compute(s, 1, isa);
      for (int threads : {2, 3}) CHECK(compute(s, threads, isa) == one);
      Updates used(s.a, 2, isa);
      compute(s, used);
      CHECK(compute(s, used) == one);
      if (isa == Isa::avx512) CHECK(compute(s, 1, Isa::avx2) == one);
      if (isa == Isa::avx2) {
        const Results plain = compute(s, 1, Isa::sse2);
        CHECK_NEAR(relative(plain.w_gradient, Doubles(one.w_gradient.begin(), one.w_gradient.end())), 0, 3e-6);
        CHECK_NEAR(relative(plain.rho_gradient, Doubles(one.rho_gradient.begin(), one.rho_gradient.end())), 0, 2e-5);
      }
    }
  }
}

TEST("a large batch gives the mean of its parts, for both kinds of critic") {
  for (CriticKind kind : {CriticKind::fingerprint, CriticKind::parameters}) {
    Problem problem{"large", small(3, 2, {8, 8}, 4), 150};
    problem.a.critic_kind = kind;
    const Setting whole(problem);
    const Results r = compute(whole, 2, kernels::best_isa());
    Doubles w_mean(whole.w.size()), rho_mean(whole.rho.size());
    for (int64_t b = 0; b < whole.batch; ++b) {
      Setting part = whole;
      part.batch = 1;
      part.returns = {whole.returns[b]};
      const Doubles theta = whole.theta(b);
      part.thetas.assign(theta.begin(), theta.end());
      part.rows = {part.thetas.data()};
      const Results one = compute(part, 1, kernels::best_isa());
      for (size_t i = 0; i < w_mean.size(); ++i) w_mean[i] += one.w_gradient[i] / double(whole.batch);
      for (size_t i = 0; i < rho_mean.size(); ++i) rho_mean[i] += one.rho_gradient[i] / double(whole.batch);
    }
    CHECK_NEAR(relative(r.w_gradient, w_mean), 0, 3e-6);
    CHECK_NEAR(relative(r.rho_gradient, rho_mean), 0, 3e-6);
  }
}

TEST("a NaN reaches the loss through ReLU, tanh and repeated commands") {
  for (Isa isa : isas()) {
    Setting s(problems()[1]);
    s.w.back() = NAN;
    CHECK(std::isnan(compute(s, 1, isa).critic_loss));
    s = Setting(problems()[1]);
    s.rho[0] = NAN;
    CHECK(std::isnan(compute(s, 1, isa).generator_loss));
    s = Setting(problems()[1]);
    s.returns[1] = NAN;
    CHECK(std::isnan(compute(s, 1, isa).generator_loss));
  }
}

TEST("parameters are split into pieces that cover each once") {
  kernels::Pool pool(3);
  for (const int64_t size : {0, 1, 16384, 16385, 50000}) {
    std::vector<int> visits(size_t(size), 0);
    pool.split(size, [&](int64_t first, int64_t count) {
      for (int64_t i = first; i < first + count; ++i) ++visits[size_t(i)];
    });
    CHECK(visits == std::vector<int>(size_t(size), 1));
  }
}

TEST("Adam matches its definition") {
  const int64_t size = 40003;
  for (Isa isa : isas()) {
    Updates updates(problems()[0].a, 2, isa);
    std::vector<float> x = normals(size, Purpose::strategy, 1, 1), m(size), v(size);
    Doubles slow_x(x.begin(), x.end()), slow_m(size), slow_v(size);
    for (int64_t step = 1; step <= 5; ++step) {
      const std::vector<float> gradient = normals(size, Purpose::critic_draw, uint64_t(step), 3);
      updates.adam(x.data(), m.data(), v.data(), gradient.data(), size, step, 1e-2);
      for (int64_t i = 0; i < size; ++i) {
        const double g = gradient[i];
        slow_m[i] = 0.9 * slow_m[i] + 0.1 * g;
        slow_v[i] = 0.999 * slow_v[i] + 0.001 * g * g;
        slow_x[i] -=
            1e-2 * slow_m[i] / (1 - std::pow(0.9, step)) / (std::sqrt(slow_v[i] / (1 - std::pow(0.999, step))) + 1e-8);
      }
    }
    double worst = 0;
    for (int64_t i = 0; i < size; ++i) worst = std::max(worst, std::abs(x[i] - slow_x[i]));
    CHECK_NEAR(worst, 0, 2e-6);
    CHECK(relative(m, slow_m) < 1e-6);
    CHECK(relative(v, slow_v) < 1e-6);
  }
}

TEST("a gate and its derivatives match their definitions, on every instruction set") {
  constexpr int64_t rows = 5, cols = 70;
  const std::vector<float> xs = normals(rows * cols, Purpose::strategy, 1, 2),
                           gs = normals(rows * cols, Purpose::strategy, 2, 2),
                           slopes = normals(rows * cols, Purpose::strategy, 3, 1);
  for (Isa isa : isas()) {
    const kernels::Kernels& k = kernels::kernels_for(isa);
    kernels::Matrix x(k.width, rows, cols), g(k.width, rows, cols), product(k.width, rows, cols),
        slope(k.width, rows, cols), to_x(k.width, rows, cols), to_g(k.width, rows, cols);
    k.pack(xs.data(), cols, x);
    k.pack(gs.data(), cols, g);
    k.pack(slopes.data(), cols, slope);
    k.gate(x, g, product);
    k.gate_derivative(slope, x, g, to_x, to_g);
    for (int64_t r = 0; r < rows; ++r)
      for (int64_t c = 0; c < cols; ++c) {
        const size_t i = size_t(r * cols + c);
        const double t = std::tanh(double(xs[i])), s = 1 / (1 + std::exp(-double(gs[i])));
        CHECK_NEAR(*kernels::at(product, k.width, r, c), t * s, 1e-6);
        CHECK_NEAR(*kernels::at(to_x, k.width, r, c), slopes[i] * s * (1 - t * t), 2e-6);
        CHECK_NEAR(*kernels::at(to_g, k.width, r, c), slopes[i] * t * s * (1 - s), 2e-6);
      }
  }
}

TEST("unusable arguments are refused") {
  Architecture a = small(2, 1, {5}, 2);
  CHECK_THROWS(Updates(a, 1));
  a = small(2, 1, {4}, 2);
  CHECK_THROWS(Updates(a, 0));
  a.generator_hidden = {};
  CHECK_THROWS(Updates(a, 1));
  a = small(2, 1, {4}, 2);
  a.policy.action_high = {};
  CHECK_THROWS(Updates(a, 1));
}
