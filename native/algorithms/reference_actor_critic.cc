// The updates of actor and critics as the papers write them, on plain LibTorch with autograd.
#include <ATen/TensorOperators.h>
#include <ATen/core/grad_mode.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/clamp.h>
#include <ATen/ops/minimum.h>
#include <ATen/ops/softplus.h>
#include <ATen/ops/tensor.h>

#include <cmath>

#include "actor_critic.h"
#include "mlp.h"
#include "reference_learned.h"

namespace gogepo {
namespace {

using at::Tensor;

class ReferenceActorCritic final : public ActorCriticBackend {
 public:
  void deterministic_targets(const ActorCritic& networks, const TransitionBatch& batch, const float* noise,
                             double discount, float* y) override {
    const at::NoGradGuard no_grad;
    const ActionScaling scaling(networks.spec.policy);
    const int64_t actions = networks.spec.policy.action_size;
    const Tensor next = next_observations(networks, batch);
    const Tensor action = at::clamp(actor(networks, networks.actor_target, next) + matrix(noise, batch.size, actions),
                                    at::tensor(scaling.low), at::tensor(scaling.high));
    write_targets(batch, discount, least(values(networks, networks.critics_target, next, action)), y);
  }

  void stochastic_targets(const ActorCritic& networks, const TransitionBatch& batch, const float* normals,
                          double discount, double alpha, float* y) override {
    const at::NoGradGuard no_grad;
    const Tensor next = next_observations(networks, batch);
    const auto [action, log_probability] = sample(
        networks, NamedViews(vector(networks.actor.values), networks.layout.actor_tensors, false), next, normals);
    const Tensor value = least(values(networks, networks.critics_target, next, action)) - alpha * log_probability;
    write_targets(batch, discount, value, y);
  }

  double critics_gradient(ActorCritic& networks, const TransitionBatch& batch, const float* y) override {
    const at::AutoGradMode grad(true);
    const NamedViews critics(vector(networks.critics.values), networks.layout.critics_tensors, true);
    const Tensor target = matrix(y, 1, batch.size)[0];
    Tensor loss = at::tensor(0.0f);
    for (const Mlp& critic : networks.layout.critics)
      loss = loss + (mlp_forward(inputs(networks, batch), critic, critics).squeeze(1) - target).square().mean();
    return write_gradient(loss, critics, networks.critics);
  }

  double deterministic_actor_gradient(ActorCritic& networks, const TransitionBatch& batch) override {
    const at::AutoGradMode grad(true);
    const NamedViews parameters(vector(networks.actor.values), networks.layout.actor_tensors, true);
    const Tensor now = observations(networks, batch);
    const Tensor action = deterministic(networks, parameters, now);
    const Tensor loss = -values(networks, networks.critics.values, now, action)[0].mean();
    return write_gradient(loss, parameters, networks.actor);
  }

  double stochastic_actor_gradient(ActorCritic& networks, const TransitionBatch& batch, const float* normals,
                                   double alpha, double& log_probability) override {
    const at::AutoGradMode grad(true);
    const NamedViews parameters(vector(networks.actor.values), networks.layout.actor_tensors, true);
    const Tensor now = observations(networks, batch);
    const auto [action, log_pi] = sample(networks, parameters, now, normals);
    const Tensor loss = (alpha * log_pi - least(values(networks, networks.critics.values, now, action))).mean();
    log_probability = log_pi.detach().mean().item<double>();
    return write_gradient(loss, parameters, networks.actor);
  }

  void adam(Learned& parameters, double learning_rate) override { reference_adam(parameters, learning_rate); }

  void follow(const std::vector<float>& values, double keep, std::vector<float>& target) override {
    const at::NoGradGuard no_grad;
    vector(target).mul_(keep).add_(vector(values), 1 - keep);
  }

 private:
  static Tensor inputs(const ActorCritic& networks, const TransitionBatch& batch) {
    const PolicySpec& policy = networks.spec.policy;
    return matrix(batch.inputs, batch.size, policy.observation_size + policy.action_size);  // (B, O + A)
  }
  static Tensor observations(const ActorCritic& networks, const TransitionBatch& batch) {
    return inputs(networks, batch).narrow(1, 0, networks.spec.policy.observation_size);  // (B, O)
  }
  static Tensor next_observations(const ActorCritic& networks, const TransitionBatch& batch) {
    return matrix(batch.next_observations, batch.size, networks.spec.policy.observation_size);  // (B, O)
  }

  static Tensor scaled(const ActorCritic& networks, const Tensor& squashed) {
    const ActionScaling scaling(networks.spec.policy);
    return squashed * at::tensor(scaling.scale) + at::tensor(scaling.center);
  }
  // (B, O) -> (B, A)
  static Tensor deterministic(const ActorCritic& networks, const NamedViews& parameters, const Tensor& observations) {
    return scaled(networks, mlp_forward(observations, networks.layout.actor, parameters).tanh());
  }
  static Tensor actor(const ActorCritic& networks, const std::vector<float>& values, const Tensor& observations) {
    return deterministic(networks, NamedViews(vector(values), networks.layout.actor_tensors, false), observations);
  }

  // An action (B, A) and the logarithm of its density before it is scaled (B).
  static std::pair<Tensor, Tensor> sample(const ActorCritic& networks, const NamedViews& parameters,
                                          const Tensor& observations, const float* normals) {
    const int64_t actions = networks.spec.policy.action_size;
    const Tensor outputs = mlp_forward(observations, networks.layout.actor, parameters);
    const Tensor mean = outputs.narrow(1, 0, actions),
                 log_std = at::clamp(outputs.narrow(1, actions, actions), kLowestLogStd, kHighestLogStd),
                 epsilon = matrix(normals, observations.size(0), actions);
    const Tensor u = mean + log_std.exp() * epsilon;
    const Tensor gaussian = -0.5 * epsilon.square() - log_std - 0.5 * std::log(2 * 3.141592653589793);
    const Tensor correction = 2 * (std::log(2.0) - u - at::softplus(-2 * u));  // log(1 - tanh(u)^2)
    return {scaled(networks, u.tanh()), (gaussian - correction).sum(1)};
  }

  // (B) of each critic
  static std::vector<Tensor> values(const ActorCritic& networks, const std::vector<float>& flat,
                                    const Tensor& observations, const Tensor& actions) {
    const NamedViews parameters(vector(flat), networks.layout.critics_tensors, false);
    std::vector<Tensor> all;
    for (const Mlp& critic : networks.layout.critics)
      all.push_back(mlp_forward(at::cat({observations, actions}, 1), critic, parameters).squeeze(1));
    return all;
  }
  static Tensor least(const std::vector<Tensor>& values) {
    Tensor result = values[0];
    for (size_t i = 1; i < values.size(); ++i) result = at::minimum(result, values[i]);
    return result;
  }

  static void write_targets(const TransitionBatch& batch, double discount, const Tensor& value, float* y) {
    matrix(y, 1, batch.size)[0].copy_(vector(batch.rewards) + discount * (1 - vector(batch.terminated)) * value);
  }
};

}  // namespace

std::unique_ptr<ActorCriticBackend> make_reference_actor_critic() { return std::make_unique<ReferenceActorCritic>(); }

}  // namespace gogepo
