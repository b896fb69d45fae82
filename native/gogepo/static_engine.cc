#include <ATen/TensorOperators.h>
#include <ATen/core/grad_mode.h>
#include <ATen/ops/_fused_adam.h>
#include <ATen/ops/stack.h>
#include <ATen/ops/tensor.h>
#include <ATen/ops/zeros.h>
#include <ATen/ops/zeros_like.h>

#include <algorithm>
#include <functional>
#include <stdexcept>

#include "cuda_part.h"
#include "engine.h"
#include "passes.h"
#include "products.h"

namespace gogepo {
namespace {

using at::Tensor;

// Updates of one network in memory that stays where it is: one update, recorded once, is replayed as often as a fit
// wants. Which draws it takes, its Adam step and where its loss goes are read from the device, so that every replay is
// the next update.
struct Fit {
  int64_t batch = 0;                                     // entries of a draw; 0 before anything has been made
  Tensor values, first_moment, second_moment, gradient;  // (n) each
  Tensor step, rate;                                     // Adam's count and the learning rate, one number each
  Tensor cursor;                                         // (1): the update that is next
  Tensor returns, losses;                                // (most_updates, batch), (most_updates)
  Tensor thetas;                                         // (batch, |theta|), of the update that is next; of the critic
  std::vector<Tensor> parts[4];                          // views of values, gradient and moments, for Adam
  std::function<void()> update;
  std::unique_ptr<Graph> recording;  // of it, where that can be made
};

class StaticEngine final : public Engine {
 public:
  StaticEngine(const Architecture& a, at::Device device, bool tf32, CudaPart* cuda)
      : Engine(a),
        device_(device),
        products_(device, tf32),
        cuda_(cuda),
        scale_(at::tensor(a.action.scale, at::kFloat).to(device)),
        center_(at::tensor(a.action.center, at::kFloat).to(device)) {
    if (a.generator_hidden.empty())
      throw std::invalid_argument("generatorHidden: expected at least one hidden layer, got none");
  }

  Tensor generate(const Tensor& rho, const Tensor& commands) override {
    const at::NoGradGuard no_grad;
    return flatten(GeneratorPass(generator_layout, architecture).forward(rho, commands));
  }

  Tensor value(const Tensor& w, const std::vector<Tensor>& theta) override {
    const at::NoGradGuard no_grad;
    return critic_pass().forward(w, unflatten(at::stack(theta).to(device_), policy_layout));
  }

  Tensor critic_gradient(const Tensor& w, const std::vector<Tensor>& theta, const Tensor& returns,
                         Tensor& gradient) override {
    const at::NoGradGuard no_grad;
    return critic_loss(w, at::stack(theta).to(device_), returns, gradient);
  }

  Tensor generator_gradient(const Tensor& rho, const Tensor& w, const Tensor& returns, Tensor& gradient) override {
    const at::NoGradGuard no_grad;
    return generator_loss(rho, w, returns, gradient);
  }

  void adam(Parameters& p, const Tensor& gradient, double learning_rate) override {
    const at::NoGradGuard no_grad;
    const Tensor step = at::zeros({}, gradient.options()).fill_(double(++p.updates));
    adam_step({p.values}, {gradient}, {p.first_moment}, {p.second_moment}, step,
              at::zeros({}, gradient.options()).fill_(learning_rate));
  }

  Tensor critic_updates(Parameters& critic, const Draws& draws, double learning_rate,
                        const std::atomic<bool>& stop) override {
    const at::NoGradGuard no_grad;
    Fit& f = critic_;
    prepare(f, critic, draws.batch, true, [this, &f] {
      return critic_loss(f.values, f.thetas, f.returns.index_select(0, f.cursor).view({f.batch}), f.gradient);
    });
    return run(f, critic, draws, learning_rate, stop, [&](int64_t i) { gather(draws.thetas_of(i), f.thetas); });
  }

  Tensor generator_updates(Parameters& generator, const Tensor& w, const Draws& draws, double learning_rate,
                           const std::atomic<bool>& stop) override {
    const at::NoGradGuard no_grad;
    if (!w_.defined()) w_ = at::zeros_like(w);
    Fit& f = generator_;
    prepare(f, generator, draws.batch, false, [this, &f] {
      return generator_loss(f.values, w_, f.returns.index_select(0, f.cursor).view({f.batch}), f.gradient);
    });
    w_.copy_(w);
    return run(f, generator, draws, learning_rate, stop, [](int64_t) {});
  }

  at::Device device() const override { return device_; }

 private:
  CriticPass critic_pass() const { return {critic_layout, architecture, scale_, center_}; }

  Tensor critic_loss(const Tensor& w, const Tensor& thetas, const Tensor& returns, const Tensor& gradient) const {
    CriticPass pass = critic_pass();
    const auto policies = unflatten(thetas, policy_layout);
    const Tensor error = pass.forward(w, policies) - returns;
    pass.backward_critic(w, policies, error * (2.0 / double(error.numel())), gradient);
    return error.square().mean();
  }

  Tensor generator_loss(const Tensor& rho, const Tensor& w, const Tensor& returns, const Tensor& gradient) const {
    GeneratorPass generator(generator_layout, architecture);
    CriticPass critic = critic_pass();
    const auto policies = generator.forward(rho, returns);
    const Tensor error = critic.forward(w, policies) - returns;
    generator.backward(rho, critic.backward_policies(w, policies, error * (2.0 / double(error.numel()))), gradient);
    return error.square().mean();
  }

  using Parts = std::vector<Tensor>;
  static void adam_step(const Parts& values, const Parts& gradient, const Parts& first, const Parts& second,
                        const Tensor& step, const Tensor& rate) {
    at::_fused_adam_(values, gradient, first, second, {}, Parts(values.size(), step), rate, 0.9, 0.999, 0, 1e-8, false,
                     false);
  }

  // LibTorch's Adam on a CUDA device takes 65,536 numbers a block, which leaves most of a device idle, in one launch
  // for up to 36 tensors; it reads four numbers at once where a tensor begins at, and has, a multiple of four.
  static Parts in_parts(const Tensor& flat) {
    const int64_t size = (flat.numel() + 35) / 36;
    return flat.split((size + 3) / 4 * 4);
  }

  // In one copy where the buffer is on the device; else from its pinned memory, row by row.
  void gather(const std::vector<Tensor>& thetas, Tensor& batch) const {
    if (thetas.front().device() == device_)
      at::stack_out(batch, thetas);
    else
      for (size_t i = 0; i < thetas.size(); ++i) batch[int64_t(i)].copy_(thetas[i], true);
  }

  // Makes the fit's memory where it is of another shape than is wanted now, and records its update where that can be.
  template <class Loss>
  void prepare(Fit& f, const Parameters& p, int64_t batch, bool with_thetas, Loss loss) {
    if (f.batch == batch) return;
    f = {};
    const auto options = p.values.options();
    f.values = at::zeros_like(p.values), f.gradient = at::zeros_like(p.values);
    f.first_moment = at::zeros_like(p.values), f.second_moment = at::zeros_like(p.values);
    f.parts[0] = in_parts(f.values), f.parts[1] = in_parts(f.gradient), f.parts[2] = in_parts(f.first_moment),
    f.parts[3] = in_parts(f.second_moment);
    f.step = at::zeros({}, options), f.rate = at::zeros({}, options);
    f.cursor = at::zeros({1}, options.dtype(at::kLong));
    f.returns = at::zeros({most_updates, batch}, options), f.losses = at::zeros({most_updates}, options);
    if (with_thetas) f.thetas = at::zeros({batch, policy_layout.size}, options);
    f.update = [&f, loss] {
      const Tensor value = loss();
      f.losses.index_copy_(0, f.cursor, value.view({1}));
      f.step.add_(1);
      adam_step(f.parts[0], f.parts[1], f.parts[2], f.parts[3], f.step, f.rate);
      f.cursor.add_(1);
    };
    f.batch = batch;  // read by the update
    if (cuda_ == nullptr) return;
    try {
      f.recording = cuda_->record(f.update);  // is tried on zeros, with a learning rate of zero
    } catch (...) {
      f = {};  // made anew the next time
      throw;
    }
  }

  // before(i): what update i needs and its recording does not do.
  template <class Before>
  Tensor run(Fit& f, Parameters& p, const Draws& draws, double learning_rate, const std::atomic<bool>& stop,
             Before before) {
    f.values.copy_(p.values);
    f.first_moment.copy_(p.first_moment);
    f.second_moment.copy_(p.second_moment);
    f.step.fill_(double(p.updates));
    f.rate.fill_(learning_rate);
    f.cursor.zero_();
    f.losses.zero_();
    f.returns.narrow(0, 0, draws.updates).copy_(draws.returns);
    int64_t made = 0;
    for (; made < draws.updates && !stop; ++made) {
      before(made);
      if (f.recording)
        f.recording->replay();
      else
        f.update();
    }
    p.values.copy_(f.values);
    p.first_moment.copy_(f.first_moment);
    p.second_moment.copy_(f.second_moment);
    p.updates += made;
    return f.losses.narrow(0, 0, draws.updates).clone();
  }

  const at::Device device_;
  const Products products_;
  CudaPart* const cuda_;         // null: updates are made, not replayed
  const Tensor scale_, center_;  // (A)
  Fit critic_, generator_;
  Tensor w_;  // the critic that the generator's updates see
};

}  // namespace

std::unique_ptr<Engine> make_static_engine(const Architecture& a, at::Device device, bool tf32, CudaPart* cuda) {
  return std::make_unique<StaticEngine>(a, device, tf32, cuda);
}

}  // namespace gogepo
