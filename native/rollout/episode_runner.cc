#include "episode_runner.h"

#include <algorithm>

namespace gogepo {

EpisodeRunner::EpisodeRunner(const EnvEntry& entry, const PolicySpec& policy)
    : spec_(entry.spec),
      policy_(policy),
      env_(entry.make()),
      mlp_(std::make_shared<MlpActor>(policy)),
      actor_(mlp_.get()),
      normalizer_(entry.spec.observation_size),
      random_(0, Purpose::training_reset, 0),
      observation_(entry.spec.observation_size),
      action_(action_width(policy)),
      input_(size_t(policy.input_size())),
      output_(action_.size()) {}

void EpisodeRunner::load(const float* theta) { mlp_->load(theta); }

void EpisodeRunner::begin(const EpisodeOptions& options, uint64_t index) {
  episode_ = {};
  removes_bonus_ = options.remove_survival_bonus && spec_.survival_bonus != 0;
  observes_ = options.observe != Observe::none;
  // The actor, with or without exploration.
  if (options.exploration.none()) {
    actor_ = mlp_.get();
  } else {
    if (!exploring_ || exploring_->exploration() != options.exploration)
      exploring_ = std::make_unique<ExploringActor>(mlp_, policy_, options.exploration);
    actor_ = exploring_.get();
  }
  actor_->begin(Stream(options.seed, Purpose::action_noise, index));
  command_ = mlp_->command();
  // The statistics and the task.
  normalizer_.start(options.statistics ? &*options.statistics : nullptr, options.observe);
  random_ = Stream(options.seed, options.purpose, index);
  env_->reset(random_, observation_.data());
  episode_.done = spec_.max_episode_steps < 1;
}

void EpisodeRunner::advance(int64_t steps, const std::atomic<bool>& stop, Recorder* recorder) {
  for (int64_t made = 0; made < steps && !episode_.done && !stop.load(std::memory_order_relaxed); ++made)
    step(recorder);
  episode_.warnings = env_->warnings();
  if (observes_) episode_.moments = normalizer_.moments();
}

void EpisodeRunner::step(Recorder* recorder) {
  // Act.
  normalizer_.normalize(observation_.data(), input_.data());
  if (policy_.command) command_.write(input_.data() + observation_.size());
  actor_->act(input_.data(), output_.data());
  std::copy(output_.begin(), output_.end(), action_.begin());
  // Step the task.
  if (recorder) recorder->before(observation_.data());
  const Step step = env_->step(action_.data(), observation_.data());
  ++episode_.length;
  if (step.diverged) {
    episode_.diverged = episode_.done = true;
    return;
  }
  command_.follow(step.reward);
  // Count.
  episode_.full_return += step.reward;
  episode_.stored_return += removes_bonus_ ? step.reward - step.survival : step.reward;
  episode_.terminated = step.terminated;
  episode_.done = step.terminated || episode_.length >= spec_.max_episode_steps;
  if (recorder) recorder->after(output_.data(), step.reward, observation_.data(), step.terminated);
}

}  // namespace gogepo
