#include <ATen/TensorOperators.h>
#include <ATen/core/grad_mode.h>
#include <ATen/ops/_fused_adam.h>
#include <ATen/ops/ones_like.h>
#include <ATen/ops/stack.h>
#include <ATen/ops/tensor.h>
#include <ATen/ops/zeros.h>
#include <ATen/ops/zeros_like.h>

#include <algorithm>
#include <functional>
#include <stdexcept>

#include "backend.h"
#include "backprop.h"
#include "cuda_part.h"

namespace gogepo {
namespace {

using at::Tensor;

// The buffers of one network's updates, at fixed addresses, so that one update can be captured once and launched as
// often as a fit needs. Which sample it uses, its Adam step count and where its loss goes are read from the device, so
// every launch is the next update.
struct Fit {
  int64_t batch = 0;                                     // batch size; 0 before anything has been allocated
  Tensor values, first_moment, second_moment, gradient;  // (n) each
  Tensor step, rate;                                     // Adam's step count and the learning rate, scalars
  Tensor cursor;                                         // (1) index of the next update
  Tensor returns, losses;                                // (most_updates, batch), (most_updates)
  Tensor thetas;                                         // (batch, |theta|) of the next update; critic only
  std::vector<Tensor> chunks[4];                         // views of values, gradient and moments, for Adam
  std::function<void()> update;
  std::unique_ptr<Graph> captured;  // the update, if it could be captured
};

class StaticBackend final : public Backend {
 public:
  StaticBackend(const Architecture& a, at::Device device, CudaPart* cuda)
      : Backend(a),
        device_(device),
        cuda_(cuda),
        scale_(at::tensor(ActionScaling(a.policy).scale, at::kFloat).to(device)),
        center_(at::tensor(ActionScaling(a.policy).center, at::kFloat).to(device)) {
    if (a.generator_hidden.empty())
      throw std::invalid_argument("generatorHidden: expected at least one hidden layer, got none.");
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

  Tensor value_gradient(const Tensor& w, const Tensor& theta, Tensor& gradient) override {
    const at::NoGradGuard no_grad;
    CriticPass pass = critic_pass();
    const auto policies = unflatten(theta.unsqueeze(0), policy_layout);
    const Tensor value = pass.forward(w, policies);  // (1)
    gradient.copy_(flatten(pass.backward_policies(w, policies, at::ones_like(value))).squeeze(0));
    return value.squeeze(0);
  }

  Tensor regression_gradient(const Tensor& rho, const std::vector<Tensor>& theta, const Tensor& returns,
                             Tensor& gradient) override {
    const at::NoGradGuard no_grad;
    GeneratorPass pass(generator_layout, architecture);
    const Tensor error = flatten(pass.forward(rho, returns)) - at::stack(theta).to(device_);  // (B, |theta|)
    pass.backward(rho, unflatten(error * (2.0 / double(error.numel())), policy_layout), gradient);
    return error.square().mean();
  }

  void adam(Parameters& p, const Tensor& gradient, double learning_rate) override {
    const at::NoGradGuard no_grad;
    const Tensor step = at::zeros({}, gradient.options()).fill_(double(++p.updates));
    adam_step({p.values}, {gradient}, {p.first_moment}, {p.second_moment}, step,
              at::zeros({}, gradient.options()).fill_(learning_rate));
  }

  Tensor critic_updates(Parameters& critic, const Samples& samples, double learning_rate,
                        const std::atomic<bool>& stop) override {
    const at::NoGradGuard no_grad;
    Fit& f = critic_;
    prepare(f, critic, samples.batch, true, [this, &f] {
      return critic_loss(f.values, f.thetas, f.returns.index_select(0, f.cursor).view({f.batch}), f.gradient);
    });
    return run(f, critic, samples, learning_rate, stop, [&](int64_t i) { gather(samples.thetas_of(i), f.thetas); });
  }

  Tensor generator_updates(Parameters& generator, const Tensor& w, const Samples& samples, double learning_rate,
                           const std::atomic<bool>& stop) override {
    const at::NoGradGuard no_grad;
    if (!w_.defined()) w_ = at::zeros_like(w);
    Fit& f = generator_;
    prepare(f, generator, samples.batch, false, [this, &f] {
      return generator_loss(f.values, w_, f.returns.index_select(0, f.cursor).view({f.batch}), f.gradient);
    });
    w_.copy_(w);
    return run(f, generator, samples, learning_rate, stop, [](int64_t) {});
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

  using Tensors = std::vector<Tensor>;
  static void adam_step(const Tensors& values, const Tensors& gradient, const Tensors& first, const Tensors& second,
                        const Tensor& step, const Tensor& rate) {
    at::_fused_adam_(values, gradient, first, second, {}, Tensors(values.size(), step), rate, 0.9, 0.999, 0, 1e-8,
                     false, false);
  }

  // LibTorch's fused Adam gives each CUDA block 65,536 elements, which would leave most of the device idle, and takes
  // up to 36 tensors per launch: so split the vector into 36 chunks. It loads four elements at a time if a tensor's
  // offset and size are multiples of four.
  static Tensors chunked(const Tensor& flat) {
    const int64_t size = (flat.numel() + 35) / 36;
    return flat.split((size + 3) / 4 * 4);
  }

  // One copy if the buffer is on the device; else row by row from its pinned memory.
  void gather(const std::vector<Tensor>& thetas, Tensor& batch) const {
    if (thetas.front().device() == device_)
      at::stack_out(batch, thetas);
    else
      for (size_t i = 0; i < thetas.size(); ++i) batch[int64_t(i)].copy_(thetas[i], true);
  }

  // Allocates the fit's buffers unless they already have this batch size, and captures its update if possible.
  template <class Loss>
  void prepare(Fit& f, const Parameters& p, int64_t batch, bool with_thetas, Loss loss) {
    if (f.batch == batch) return;
    // Buffers.
    f = {};
    const auto options = p.values.options();
    f.values = at::zeros_like(p.values), f.gradient = at::zeros_like(p.values);
    f.first_moment = at::zeros_like(p.values), f.second_moment = at::zeros_like(p.values);
    f.chunks[0] = chunked(f.values), f.chunks[1] = chunked(f.gradient), f.chunks[2] = chunked(f.first_moment),
    f.chunks[3] = chunked(f.second_moment);
    f.step = at::zeros({}, options), f.rate = at::zeros({}, options);
    f.cursor = at::zeros({1}, options.dtype(at::kLong));
    f.returns = at::zeros({most_updates, batch}, options), f.losses = at::zeros({most_updates}, options);
    if (with_thetas) f.thetas = at::zeros({batch, policy_layout.size}, options);
    // One update.
    f.update = [&f, loss] {
      const Tensor value = loss();
      f.losses.index_copy_(0, f.cursor, value.view({1}));
      f.step.add_(1);
      adam_step(f.chunks[0], f.chunks[1], f.chunks[2], f.chunks[3], f.step, f.rate);
      f.cursor.add_(1);
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
    f.step.fill_(double(p.updates));
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
        f.update();
    }
    // Copy the network back.
    p.values.copy_(f.values);
    p.first_moment.copy_(f.first_moment);
    p.second_moment.copy_(f.second_moment);
    p.updates += made;
    return f.losses.narrow(0, 0, samples.updates).clone();
  }

  const at::Device device_;
  CudaPart* const cuda_;         // null: updates are not captured
  const Tensor scale_, center_;  // (A)
  Fit critic_, generator_;
  Tensor w_;  // the critic that the generator's updates read
};

}  // namespace

std::unique_ptr<Backend> make_static_backend(const Architecture& a, at::Device device, CudaPart* cuda) {
  return std::make_unique<StaticBackend>(a, device, cuda);
}

}  // namespace gogepo
