// The updates of UDRL's behavior function as the paper writes them, on plain LibTorch with autograd.
#include <ATen/TensorOperators.h>
#include <ATen/core/grad_mode.h>
#include <ATen/ops/addmm.h>
#include <ATen/ops/log_softmax.h>
#include <ATen/ops/tensor.h>

#include "mlp.h"
#include "reference_learned.h"
#include "udrl.h"

namespace gogepo {
namespace {

using at::Tensor;

class ReferenceBehavior final : public BehaviorBackend {
 public:
  double gradient(Behavior& behavior, const SegmentBatch& batch) override {
    const at::AutoGradMode grad(true);
    const PolicySpec& policy = behavior.policy;
    const BehaviorLayout& layout = behavior.layout;
    const NamedViews parameters(vector(behavior.parameters.values), layout.tensors, true);
    const auto dense = [&](const Dense& layer, const Tensor& x) {
      return at::addmm(parameters.at(layer.bias), x, parameters.at(layer.weight).t());
    };
    // The observation embedding, gated by the command's; then the outputs (B, A).
    const Tensor observations = matrix(batch.observations, batch.size, policy.observation_size);
    const Tensor commands = matrix(batch.commands, batch.size, kCommandSize) *
                            at::tensor({float(policy.command->desired_return), float(policy.command->horizon)});
    const Tensor gated = dense(layout.embedding, observations).tanh() * dense(layout.gate, commands).sigmoid();
    const Tensor outputs = mlp_forward(gated, layout.body, parameters);
    return write_gradient(policy.discrete ? cross_entropy(outputs, batch) : squared_error(outputs, batch, policy),
                          parameters, behavior.parameters);
  }

  void adam(Learned& parameters, double learning_rate) override { reference_adam(parameters, learning_rate); }

 private:
  static Tensor squared_error(const Tensor& outputs, const SegmentBatch& batch, const PolicySpec& policy) {
    const ActionScaling scaling(policy);
    const int64_t actions = policy.action_size;
    std::vector<float> shares(batch.actions.size());
    for (size_t i = 0; i < shares.size(); ++i)
      shares[i] = action_share(scaling, int64_t(i) % actions, batch.actions[i]);
    return (outputs.tanh() - matrix(shares, batch.size, actions)).square().mean();
  }
  static Tensor cross_entropy(const Tensor& outputs, const SegmentBatch& batch) {
    const Tensor choices = matrix(batch.actions, batch.size, 1).to(at::kLong);
    return -at::log_softmax(outputs, 1).gather(1, choices).mean();
  }
};

}  // namespace

std::unique_ptr<BehaviorBackend> make_reference_behavior() { return std::make_unique<ReferenceBehavior>(); }

}  // namespace gogepo
