#include <ATen/ops/empty.h>

#include "backend.h"
#include "updates.h"

namespace gogepo {
namespace {

using at::Tensor;

std::vector<const float*> pointers(const std::vector<Tensor>& rows) {
  std::vector<const float*> out;
  for (const Tensor& row : rows) out.push_back(row.const_data_ptr<float>());
  return out;
}

Tensor scalar(double value) { return at::empty({}, at::kFloat).fill_(value); }

// The hand-written kernels of native/kernels, working on the memory of LibTorch tensors.
class FastBackend final : public Backend {
 public:
  FastBackend(const Architecture& a, int threads) : Backend(a), updates_(a, threads) {}

  Tensor generate(const Tensor& rho, const Tensor& commands) override {
    Tensor thetas = at::empty({commands.size(0), policy_layout.size}, at::kFloat);
    updates_.generate(rho.const_data_ptr<float>(), commands.const_data_ptr<float>(), commands.size(0),
                      thetas.mutable_data_ptr<float>());
    return thetas;
  }

  Tensor value(const Tensor& w, const std::vector<Tensor>& theta) override {
    Tensor values = at::empty({int64_t(theta.size())}, at::kFloat);
    updates_.value(w.const_data_ptr<float>(), pointers(theta).data(), int64_t(theta.size()),
                   values.mutable_data_ptr<float>());
    return values;
  }

  Tensor critic_gradient(const Tensor& w, const std::vector<Tensor>& theta, const Tensor& returns,
                         Tensor& gradient) override {
    return scalar(updates_.critic_gradient(w.const_data_ptr<float>(), pointers(theta).data(),
                                           returns.const_data_ptr<float>(), int64_t(theta.size()),
                                           gradient.mutable_data_ptr<float>()));
  }

  Tensor generator_gradient(const Tensor& rho, const Tensor& w, const Tensor& returns, Tensor& gradient) override {
    return scalar(updates_.generator_gradient(rho.const_data_ptr<float>(), w.const_data_ptr<float>(),
                                              returns.const_data_ptr<float>(), returns.size(0),
                                              gradient.mutable_data_ptr<float>()));
  }

  Tensor value_gradient(const Tensor& w, const Tensor& theta, Tensor& gradient) override {
    return scalar(updates_.value_gradient(w.const_data_ptr<float>(), theta.const_data_ptr<float>(),
                                          gradient.mutable_data_ptr<float>()));
  }

  Tensor regression_gradient(const Tensor& rho, const std::vector<Tensor>& theta, const Tensor& returns,
                             Tensor& gradient) override {
    return scalar(updates_.regression_gradient(rho.const_data_ptr<float>(), pointers(theta).data(),
                                               returns.const_data_ptr<float>(), returns.size(0),
                                               gradient.mutable_data_ptr<float>()));
  }

  void adam(Parameters& p, const Tensor& gradient, double learning_rate) override {
    p.updates += 1;
    updates_.adam(p.values.mutable_data_ptr<float>(), p.first_moment.mutable_data_ptr<float>(),
                  p.second_moment.mutable_data_ptr<float>(), gradient.const_data_ptr<float>(), gradient.numel(),
                  p.updates, learning_rate);
  }

  at::Device device() const override { return at::kCPU; }

 private:
  Updates updates_;
};

}  // namespace

int64_t fast_workspace_bytes() { return workspace_bytes(); }

std::unique_ptr<Backend> make_fast_backend(const Architecture& a, int threads) {
  return std::make_unique<FastBackend>(a, threads);
}

}  // namespace gogepo
