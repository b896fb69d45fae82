#include <ATen/TensorOperators.h>
#include <ATen/core/grad_mode.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/ones_like.h>
#include <ATen/ops/stack.h>
#include <ATen/ops/tensor.h>
#include <ATen/ops/zeros.h>
#include <ATen/ops/zeros_like.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <stdexcept>

#include "backend.h"
#include "critic_pass.h"
#include "cuda_part.h"
#include "generator_pass.h"

namespace gogepo {
namespace {

using at::Tensor;

// The buffers of one network's updates, at fixed addresses, so that one update can be captured once and launched as
// often as a fit needs. Which sample it uses, its Adam step count and where its loss goes are read from the device, so
// every launch is the next update.
struct Fit {
  int64_t batch = 0;                                     // batch size; 0 before anything has been allocated
  Tensor values, first_moment, second_moment, gradient;  // (n) each
  Tensor step, rate, schedule;                           // Adam's step count, learning rate, and what follows from both
  Tensor cursor;                                         // index of the next update
  Tensor returns, losses;                                // (most_updates, batch), (most_updates)
  Tensor target, commands, grad_values;                  // (batch) of the next update
  Tensor thetas;                                         // (batch, |theta|) of the next update; critic only
  std::function<void(Lanes&)> update;
  std::unique_ptr<Graph> captured;  // the update, if it is captured
};

class StaticBackend final : public Backend {
 public:
  StaticBackend(const Architecture& a, at::Device device, CudaPart* cuda)
      : Backend(a),
        device_(device),
        cuda_(cuda),
        kernels_(device.is_cuda() ? cuda : nullptr),
        range_(float(a.return_max - a.return_min)),
        scale_(at::tensor(ActionScaling(a.policy).scale, at::kFloat).to(device)),
        center_(at::tensor(ActionScaling(a.policy).center, at::kFloat).to(device)) {
    if (a.generator_hidden.empty())
      throw std::invalid_argument("generatorHidden: expected at least one hidden layer, got none.");
    if (device.is_cuda() && cuda == nullptr)
      throw std::logic_error("The static backend needs native/cuda on a CUDA device.");
    if (kernels_ != nullptr) kernels_->prepare(device.index());
  }

  Tensor generate(const Tensor& rho, const Tensor& commands) override {
    const at::NoGradGuard no_grad;
    Work work = in_order();
    return flatten(GeneratorPass(generator_layout, architecture, work).forward(rho, commands / range_));
  }

  Tensor value(const Tensor& w, const std::vector<Tensor>& theta) override {
    const at::NoGradGuard no_grad;
    Work work = in_order();
    return critic_pass(work).forward(w, unflatten(at::stack(theta).to(device_), policy_layout));
  }

  Tensor critic_gradient(const Tensor& w, const std::vector<Tensor>& theta, const Tensor& returns,
                         Tensor& gradient) override {
    const at::NoGradGuard no_grad;
    Work work = in_order();
    const Tensor loss = at::zeros({1}, returns.options()), first = at::zeros({1}, returns.options().dtype(at::kLong)),
                 grad_values = at::zeros_like(returns);
    critic_loss(work, w, at::stack(theta).to(device_), {returns, grad_values, loss, first}, gradient);
    return loss.squeeze(0);
  }

  Tensor generator_gradient(const Tensor& rho, const Tensor& w, const Tensor& returns, Tensor& gradient) override {
    const at::NoGradGuard no_grad;
    Work work = in_order();
    const Tensor loss = at::zeros({1}, returns.options()), first = at::zeros({1}, returns.options().dtype(at::kLong)),
                 grad_values = at::zeros_like(returns);
    generator_loss(work, rho, w, returns / range_, {returns, grad_values, loss, first}, gradient);
    return loss.squeeze(0);
  }

  Tensor value_gradient(const Tensor& w, const Tensor& theta, Tensor& gradient) override {
    const at::NoGradGuard no_grad;
    Work work = in_order();
    CriticPass pass = critic_pass(work);
    const auto policies = unflatten(theta.unsqueeze(0), policy_layout);
    const Tensor value = pass.forward(w, policies);  // (1)
    const std::vector<LayerLanes> one_lane(policies.size());
    gradient.copy_(flatten(pass.backward_policies(w, policies, at::ones_like(value), one_lane)).squeeze(0));
    return value.squeeze(0);
  }

  Tensor regression_gradient(const Tensor& rho, const std::vector<Tensor>& theta, const Tensor& returns,
                             Tensor& gradient) override {
    const at::NoGradGuard no_grad;
    Work work = in_order();
    GeneratorPass pass(generator_layout, architecture, work);
    const Tensor error = flatten(pass.forward(rho, returns / range_)) - at::stack(theta).to(device_);  // (B, |theta|)
    pass.backward(rho, unflatten(error * (2.0 / double(error.numel())), policy_layout), gradient);
    return error.square().mean();
  }

  void adam(Parameters& p, const Tensor& gradient, double learning_rate) override {
    const at::NoGradGuard no_grad;
    Work work = in_order();
    const double step = double(++p.updates);
    Tensor schedule = at::empty({2}, gradient.options());  // filled on the device: a copy would wait for it
    schedule[0].fill_(learning_rate / (1 - std::pow(0.9, step)));
    schedule[1].fill_(std::sqrt(1 - std::pow(0.999, step)));
    const Tensor cursor = at::zeros({1}, gradient.options().dtype(at::kLong));
    adam_step(work, p.values, p.first_moment, p.second_moment, gradient, schedule, cursor);
  }

  Tensor critic_updates(Parameters& critic, const Samples& samples, double learning_rate,
                        const std::atomic<bool>& stop) override {
    const at::NoGradGuard no_grad;
    Fit& f = critic_;
    prepare(f, critic, samples.batch, true, [this, &f](Work& work) {
      critic_loss(work, f.values, f.thetas, {f.target, f.grad_values, f.losses, f.cursor}, f.gradient);
    });
    return run(f, critic, samples, learning_rate, stop, [&](int64_t i) { gather(samples.thetas_of(i), f.thetas); });
  }

  Tensor generator_updates(Parameters& generator, const Tensor& w, const Samples& samples, double learning_rate,
                           const std::atomic<bool>& stop) override {
    const at::NoGradGuard no_grad;
    if (!w_.defined()) w_ = at::zeros_like(w);
    Fit& f = generator_;
    prepare(f, generator, samples.batch, false, [this, &f](Work& work) {
      generator_loss(work, f.values, w_, f.commands, {f.target, f.grad_values, f.losses, f.cursor}, f.gradient);
    });
    w_.copy_(w);
    return run(f, generator, samples, learning_rate, stop, [](int64_t) {});
  }

  at::Device device() const override { return device_; }

 private:
  // Where a loss goes: its targets, the gradient with respect to the values (B), and losses[cursor].
  struct LossBuffers {
    const Tensor &target, &grad_values, &losses, &cursor;
  };

  Work in_order() { return {kernels_, one_queue_}; }
  CriticPass critic_pass(Work& work) const { return {critic_layout, architecture, scale_, center_, work}; }

  // thetas (B, |theta|)
  void critic_loss(Work& work, const Tensor& w, const Tensor& thetas, const LossBuffers& out,
                   const Tensor& gradient) const {
    CriticPass pass = critic_pass(work);
    const auto policies = unflatten(thetas, policy_layout);
    loss(work, pass.forward(w, policies), out);
    pass.backward_critic(w, policies, out.grad_values, gradient);
  }

  // commands (B), divided by the return range
  void generator_loss(Work& work, const Tensor& rho, const Tensor& w, const Tensor& commands, const LossBuffers& out,
                      const Tensor& gradient) const {
    GeneratorPass generator(generator_layout, architecture, work);
    CriticPass critic = critic_pass(work);
    const auto policies = generator.forward(rho, commands);
    loss(work, critic.forward(w, policies, &generator), out);
    generator.backward(rho, critic.backward_policies(w, policies, out.grad_values, generator.lanes()), gradient);
  }

  // Mean squared error.
  static void loss(Work& work, const Tensor& values, const LossBuffers& out) {
    work.run(ops::Loss{.values = values.const_data_ptr<float>(),
                       .target = out.target.const_data_ptr<float>(),
                       .gradient = out.grad_values.mutable_data_ptr<float>(),
                       .loss = out.losses.mutable_data_ptr<float>(),
                       .cursor = index(out.cursor),
                       .batch = int(values.numel())},
             1);
  }

  static void adam_step(Work& work, const Tensor& values, const Tensor& first_moment, const Tensor& second_moment,
                        const Tensor& gradient, const Tensor& schedule, const Tensor& cursor) {
    work.run(ops::Adam{.values = values.mutable_data_ptr<float>(),
                       .first = first_moment.mutable_data_ptr<float>(),
                       .second = second_moment.mutable_data_ptr<float>(),
                       .gradient = gradient.const_data_ptr<float>(),
                       .schedule = schedule.const_data_ptr<float>(),
                       .cursor = index(cursor)},
             values.numel());
  }

  static long long* index(const Tensor& x) { return reinterpret_cast<long long*>(x.mutable_data_ptr<int64_t>()); }

  // One copy if the buffer is on the device; else row by row from its pinned memory.
  void gather(const std::vector<Tensor>& thetas, Tensor& batch) const {
    if (thetas.front().device() == device_)
      at::stack_out(batch, thetas);
    else
      for (size_t i = 0; i < thetas.size(); ++i) batch[int64_t(i)].copy_(thetas[i], true);
  }

  // Allocates the fit's buffers unless they already have this batch size, and captures its update.
  template <class Gradient>
  void prepare(Fit& f, const Parameters& p, int64_t batch, bool with_thetas, Gradient compute_gradient) {
    if (f.batch == batch) return;
    // Buffers.
    f = {};
    const auto options = p.values.options(), counts = options.dtype(at::kLong);
    f.values = at::zeros_like(p.values), f.gradient = at::zeros_like(p.values);
    f.first_moment = at::zeros_like(p.values), f.second_moment = at::zeros_like(p.values);
    f.step = at::zeros({1}, counts), f.rate = at::zeros({1}, options), f.schedule = at::zeros({2}, options);
    f.cursor = at::zeros({1}, counts);
    f.returns = at::zeros({most_updates, batch}, options), f.losses = at::zeros({most_updates}, options);
    f.target = at::zeros({batch}, options), f.commands = at::zeros({batch}, options);
    f.grad_values = at::zeros({batch}, options);
    if (with_thetas) f.thetas = at::zeros({batch, policy_layout.size}, options);
    // One update.
    f.update = [this, &f, compute_gradient](Lanes& lanes) {
      Work work(kernels_, lanes);
      work.run(ops::Begin{.cursor = index(f.cursor),
                          .returns = f.returns.const_data_ptr<float>(),
                          .target = f.target.mutable_data_ptr<float>(),
                          .command = f.commands.mutable_data_ptr<float>(),
                          .batch = int(f.batch),
                          .range = range_},
               f.batch);
      work.fork(Lanes::most - 1);
      work.run(ops::Schedule{.step = index(f.step),
                             .rate = f.rate.const_data_ptr<float>(),
                             .schedule = f.schedule.mutable_data_ptr<float>()},
               1);
      work.enter(0);
      compute_gradient(work);
      work.join();
      adam_step(work, f.values, f.first_moment, f.second_moment, f.gradient, f.schedule, f.cursor);
    };
    f.batch = batch;  // the update reads it
    if (cuda_ == nullptr) return;
    try {
      f.captured = cuda_->capture(f.update);  // the warm-up runs on zeros, with a learning rate of zero
    } catch (...) {
      f = {};  // try again in the next fit
      throw;
    }
  }

  // before(i): what update i needs that is not captured.
  template <class Before>
  Tensor run(Fit& f, Parameters& p, const Samples& samples, double learning_rate, const std::atomic<bool>& stop,
             Before before) {
    // Copy the network, its schedule and the returns into the buffers.
    f.values.copy_(p.values);
    f.first_moment.copy_(p.first_moment);
    f.second_moment.copy_(p.second_moment);
    f.step.fill_(p.updates);
    f.rate.fill_(learning_rate);
    f.cursor.zero_();
    f.losses.zero_();
    f.returns.narrow(0, 0, samples.updates).copy_(samples.returns);
    // Update.
    int64_t made = 0;
    for (; made < samples.updates && !stop; ++made) {
      before(made);
      if (f.captured)
        f.captured->launch();
      else
        f.update(one_queue_);
    }
    // Copy the network back.
    p.values.copy_(f.values);
    p.first_moment.copy_(f.first_moment);
    p.second_moment.copy_(f.second_moment);
    p.updates += made;
    return f.losses.narrow(0, 0, samples.updates).clone();
  }

  const at::Device device_;
  CudaPart* const cuda_;     // captures updates; null: they run one by one
  CudaPart* const kernels_;  // null: on the CPU
  Lanes one_queue_;
  const float range_;            // of returns
  const Tensor scale_, center_;  // (A)
  Fit critic_, generator_;
  Tensor w_;  // the critic that the generator's updates read
};

}  // namespace

std::unique_ptr<Backend> make_static_backend(const Architecture& a, at::Device device, CudaPart* cuda) {
  return std::make_unique<StaticBackend>(a, device, cuda);
}

}  // namespace gogepo
