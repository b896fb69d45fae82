// The updates of actor and critics with hand-written backward passes, on the kernels of native/kernels. Batches are
// split into rows, and gradients into panels, independently of the number of threads: results do not depend on it.
#include <algorithm>
#include <cmath>
#include <deque>

#include "actor_critic.h"
#include "mlp_network.h"
#include "pool.h"

namespace gogepo {
namespace {

using kernels::at;
using kernels::MlpNetwork;
using kernels::rows_of;

constexpr int64_t kRows = 24;  // of a batch, per piece
constexpr double kHalfLogTwoPi = 0.9189385332046727, kLogTwo = 0.6931471805599453;

// The weights of one network inside a flat vector.
struct Weights {
  MlpNetwork* network;
  const float* flat;
};

class FastActorCritic final : public ActorCriticBackend {
 public:
  FastActorCritic(const ActorCriticLayout& layout, const PolicySpec& policy, int threads)
      : kernels_(kernels::kernels_for(kernels::best_isa())),
        width_(kernels_.width),
        observations_(policy.observation_size),
        actions_(policy.action_size),
        scaling_(policy),
        pool_(threads),
        actor_(kernels_, layout.actor),
        actor_target_(kernels_, layout.actor) {
    for (const Mlp& critic : layout.critics) {
      critics_.emplace_back(kernels_, critic);
      targets_.emplace_back(kernels_, critic);
    }
  }

  void deterministic_targets(const ActorCritic& networks, const TransitionBatch& batch, const float* noise,
                             double discount, float* y) override {
    reserve(batch.size);
    std::vector<Weights> all = all_critics(targets_, networks.critics_target.data());
    all.push_back({&actor_target_, networks.actor_target.data()});
    pack(all, true);
    for_rows(batch.size, [&](int64_t first, int64_t count) {
      const Observations next{batch.next_observations.data(), observations_};
      run_actor(actor_target_, next, first, count);
      show_critics(next, first, count);
      for (int64_t r = first; r < first + count; ++r)
        for (int64_t j = 0; j < actions_; ++j) {
          const float mean = scaling_.center[j] + scaling_.scale[j] * float(std::tanh(double(*output(r, j))));
          set_action(r, j, std::clamp(mean + noise[r * actions_ + j], scaling_.low[j], scaling_.high[j]));
        }
      run_critics(targets_, first, count);
      for (int64_t r = first; r < first + count; ++r)
        y[r] = float(batch.rewards[r] + discount * (1 - double(batch.terminated[r])) * least_value(r));
    });
  }

  void stochastic_targets(const ActorCritic& networks, const TransitionBatch& batch, const float* normals,
                          double discount, double alpha, float* y) override {
    reserve(batch.size);
    std::vector<Weights> all = all_critics(targets_, networks.critics_target.data());
    all.push_back({&actor_, networks.actor.values.data()});
    pack(all, true);
    for_rows(batch.size, [&](int64_t first, int64_t count) {
      const Observations next{batch.next_observations.data(), observations_};
      run_actor(actor_, next, first, count);
      show_critics(next, first, count);
      sample(normals, first, count);
      run_critics(targets_, first, count);
      for (int64_t r = first; r < first + count; ++r)
        y[r] = float(batch.rewards[r] +
                     discount * (1 - double(batch.terminated[r])) * (least_value(r) - alpha * log_probabilities_[r]));
    });
  }

  double critics_gradient(ActorCritic& networks, const TransitionBatch& batch, const float* y) override {
    reserve(batch.size);
    pack(all_critics(critics_, networks.critics.values.data()), false);
    // Forward, and backward to the first layer.
    const int64_t pieces = row_pieces(batch.size), inputs = observations_ + actions_;
    pool_.run(pieces * int64_t(critics_.size()), [&](int64_t piece, int) {
      const size_t i = size_t(piece / pieces);
      const int64_t first = piece % pieces * kRows, count = std::min(kRows, batch.size - first);
      MlpNetwork::Rows& rows = critic_rows_[i];
      kernels_.pack(batch.inputs.data() + first * inputs, inputs, rows_of(rows.inputs[0], width_, first, count));
      critics_[i].forward(rows, first, count);
      for (int64_t r = first; r < first + count; ++r)
        *at(rows.deltas.back(), width_, r, 0) = 2 * (*at(rows.outputs, width_, r, 0) - y[r]) / float(batch.size);
      critics_[i].backward(rows, first, count, false);
    });
    // The gradients of the weights.
    const int64_t panels = critics_[0].gradient_pieces();
    pool_.run(panels * int64_t(critics_.size()), [&](int64_t piece, int) {
      const size_t i = size_t(piece / panels);
      critics_[i].gradient_piece(critic_rows_[i], batch.size, piece % panels, false, networks.critics.gradient.data());
    });
    double loss = 0;
    for (const MlpNetwork::Rows& rows : critic_rows_)
      for (int64_t r = 0; r < batch.size; ++r) {
        const double error = double(*at(rows.outputs, width_, r, 0)) - y[r];
        loss += error * error / double(batch.size);
      }
    return loss;
  }

  double deterministic_actor_gradient(ActorCritic& networks, const TransitionBatch& batch) override {
    reserve(batch.size);
    pack({{&actor_, networks.actor.values.data()}, {&critics_[0], networks.critics.values.data()}}, false);
    MlpNetwork::Rows& critic = critic_rows_[0];
    for_rows(batch.size, [&](int64_t first, int64_t count) {
      // mu(s), and Q_1(s, mu(s)).
      const Observations now{batch.inputs.data(), observations_ + actions_};
      run_actor(actor_, now, first, count);
      show_critics(now, first, count);
      for (int64_t r = first; r < first + count; ++r)
        for (int64_t j = 0; j < actions_; ++j) {
          float* const t = output(r, j);
          *t = float(std::tanh(double(*t)));
          set_action(r, j, scaling_.center[j] + scaling_.scale[j] * *t);
        }
      critics_[0].forward(critic, first, count);
      // Back to the action, and through the actor.
      for (int64_t r = first; r < first + count; ++r) *at(critic.deltas.back(), width_, r, 0) = -1 / float(batch.size);
      critics_[0].backward(critic, first, count, true);
      for (int64_t r = first; r < first + count; ++r)
        for (int64_t j = 0; j < actions_; ++j) {
          const float t = *output(r, j), slope = *at(critic.input_delta, width_, r, observations_ + j);
          *at(actor_rows_.deltas.back(), width_, r, j) = slope * scaling_.scale[j] * (1 - t * t);
        }
      actor_.backward(actor_rows_, first, count, false);
    });
    actor_weights(networks, batch.size);
    double loss = 0;
    for (int64_t r = 0; r < batch.size; ++r) loss -= double(*at(critic.outputs, width_, r, 0)) / double(batch.size);
    return loss;
  }

  double stochastic_actor_gradient(ActorCritic& networks, const TransitionBatch& batch, const float* normals,
                                   double alpha, double& log_probability) override {
    reserve(batch.size);
    std::vector<Weights> all = all_critics(critics_, networks.critics.values.data());
    all.push_back({&actor_, networks.actor.values.data()});
    pack(all, false);
    const double share = 1 / double(batch.size);
    for_rows(batch.size, [&](int64_t first, int64_t count) {
      // a ~ pi(s), and Q_i(s, a).
      const Observations now{batch.inputs.data(), observations_ + actions_};
      run_actor(actor_, now, first, count);
      show_critics(now, first, count);
      sample(normals, first, count);
      run_critics(critics_, first, count);
      // Back to the action, through the critic that is the smallest in this row; equal ones share.
      for (int64_t r = first; r < first + count; ++r) {
        const float least = least_value(r);
        int ties = 0;
        for (const MlpNetwork::Rows& rows : critic_rows_) ties += *at(rows.outputs, width_, r, 0) == least;
        for (MlpNetwork::Rows& rows : critic_rows_)
          *at(rows.deltas.back(), width_, r, 0) = *at(rows.outputs, width_, r, 0) == least ? float(-share / ties) : 0;
      }
      for (size_t i = 0; i < critics_.size(); ++i) critics_[i].backward(critic_rows_[i], first, count, true);
      // Through the sample: d log pi/du = 2 tanh(u), d log pi/d log sigma = -1 + (d log pi/du) sigma epsilon.
      for (int64_t r = first; r < first + count; ++r)
        for (int64_t j = 0; j < actions_; ++j) {
          double slope = 0;
          for (const MlpNetwork::Rows& rows : critic_rows_)
            slope += *at(rows.input_delta, width_, r, observations_ + j);
          const double t = squashed_[size_t(r * actions_ + j)], log_std = *output(r, actions_ + j);
          const double to_u = slope * scaling_.scale[j] * (1 - t * t) + share * alpha * 2 * t;
          const bool inside = log_std >= kLowestLogStd && log_std <= kHighestLogStd;
          const double deviation = std::exp(log_std) * normals[r * actions_ + j];
          *at(actor_rows_.deltas.back(), width_, r, j) = float(to_u);
          *at(actor_rows_.deltas.back(), width_, r, actions_ + j) =
              inside ? float(to_u * deviation - share * alpha) : 0;
        }
      actor_.backward(actor_rows_, first, count, false);
    });
    actor_weights(networks, batch.size);
    double loss = 0;
    log_probability = 0;
    for (int64_t r = 0; r < batch.size; ++r) {
      loss += share * (alpha * log_probabilities_[r] - double(least_value(r)));
      log_probability += share * log_probabilities_[r];
    }
    return loss;
  }

  void adam(Learned& parameters, double learning_rate) override {
    gogepo::adam(kernels_, pool_, parameters, learning_rate);
  }

  void follow(const std::vector<float>& values, double keep, std::vector<float>& target) override {
    pool_.split(int64_t(target.size()), [&](int64_t i, int64_t count) {
      kernels_.approach(values.data() + i, float(1 - keep), target.data() + i, count);
    });
  }

 private:
  // Rows that begin with an observation, `ld` floats apart.
  struct Observations {
    const float* data;
    int64_t ld;
  };

  void run_actor(const MlpNetwork& actor, const Observations& from, int64_t first, int64_t count) {
    kernels_.pack(from.data + first * from.ld, from.ld, rows_of(actor_rows_.inputs[0], width_, first, count));
    actor.forward(actor_rows_, first, count);
  }
  float* output(int64_t row, int64_t j) { return at(actor_rows_.outputs, width_, row, j); }

  // The critics' input: the observations, then an action.
  void show_critics(const Observations& from, int64_t first, int64_t count) {
    for (MlpNetwork::Rows& rows : critic_rows_) {
      kernels::Panels columns = rows_of(rows.inputs[0], width_, first, count);
      columns.cols = observations_;
      kernels_.pack(from.data + first * from.ld, from.ld, columns);
    }
  }
  void set_action(int64_t row, int64_t j, float action) {
    for (MlpNetwork::Rows& rows : critic_rows_) *at(rows.inputs[0], width_, row, observations_ + j) = action;
  }
  void run_critics(const std::deque<MlpNetwork>& critics, int64_t first, int64_t count) {
    for (size_t i = 0; i < critics.size(); ++i) critics[i].forward(critic_rows_[i], first, count);
  }
  float least_value(int64_t row) const {
    float least = *at(critic_rows_[0].outputs, width_, row, 0);
    for (const MlpNetwork::Rows& rows : critic_rows_) least = std::min(least, *at(rows.outputs, width_, row, 0));
    return least;
  }

  // Samples the actions of these rows from the actor's outputs: u = mu + sigma epsilon, a = center + scale tanh(u).
  // log pi is the density of tanh(u): that of u, corrected by log(1 - tanh(u)^2) = 2 (log 2 - u - log(1 + e^(-2u))).
  void sample(const float* normals, int64_t first, int64_t count) {
    for (int64_t r = first; r < first + count; ++r) {
      double log_probability = 0;
      for (int64_t j = 0; j < actions_; ++j) {
        const double log_std = std::clamp(*output(r, actions_ + j), kLowestLogStd, kHighestLogStd);
        const double epsilon = normals[r * actions_ + j], u = *output(r, j) + std::exp(log_std) * epsilon;
        const double t = squashed_[size_t(r * actions_ + j)] = std::tanh(u);
        set_action(r, j, scaling_.center[j] + scaling_.scale[j] * float(t));
        log_probability += -epsilon * epsilon / 2 - log_std - kHalfLogTwoPi;
        const double softplus = std::max(-2 * u, 0.0) + std::log1p(std::exp(-std::abs(2 * u)));
        log_probability -= 2 * (kLogTwo - u - softplus);
      }
      log_probabilities_[size_t(r)] = log_probability;
    }
  }

  // The gradient of the actor's weights, from its deltas.
  void actor_weights(ActorCritic& networks, int64_t count) {
    pool_.run(actor_.gradient_pieces(), [&](int64_t piece, int) {
      actor_.gradient_piece(actor_rows_, count, piece, false, networks.actor.gradient.data());
    });
  }

  static std::vector<Weights> all_critics(std::deque<MlpNetwork>& networks, const float* flat) {
    std::vector<Weights> all;
    for (MlpNetwork& network : networks) all.push_back({&network, flat});
    return all;
  }
  // Copies weights into the layout that the kernels read. only_forward: what backward() needs is left out.
  void pack(const std::vector<Weights>& all, bool only_forward) {
    std::vector<std::pair<const Weights*, int64_t>> pieces;
    for (const Weights& weights : all) {
      const int64_t count = only_forward ? weights.network->forward_pack_pieces() : weights.network->pack_pieces();
      for (int64_t piece = 0; piece < count; ++piece) pieces.push_back({&weights, piece});
    }
    pool_.run(int64_t(pieces.size()), [&](int64_t i, int) {
      const auto [weights, piece] = pieces[size_t(i)];
      weights->network->pack_piece(weights->flat, piece);
    });
  }

  static int64_t row_pieces(int64_t size) { return (size + kRows - 1) / kRows; }
  template <class Work>
  void for_rows(int64_t size, const Work& work) {
    pool_.run(row_pieces(size),
              [&](int64_t piece, int) { work(piece * kRows, std::min(kRows, size - piece * kRows)); });
  }

  // Buffers for a batch; they are kept, so that a training loop allocates only at its start.
  void reserve(int64_t size) {
    if (size <= capacity_) return;
    actor_rows_ = actor_.make_rows(size);
    critic_rows_.clear();
    for (const MlpNetwork& critic : critics_) critic_rows_.push_back(critic.make_rows(size));
    squashed_.resize(size_t(size * actions_));
    log_probabilities_.resize(size_t(size));
    capacity_ = size;
  }

  const kernels::Kernels& kernels_;
  const int width_;
  const int64_t observations_, actions_;
  const ActionScaling scaling_;
  kernels::Pool pool_;
  MlpNetwork actor_, actor_target_;
  std::deque<MlpNetwork> critics_, targets_;
  MlpNetwork::Rows actor_rows_;
  std::vector<MlpNetwork::Rows> critic_rows_;         // one per critic, also of its target
  std::vector<double> squashed_, log_probabilities_;  // tanh(u) (B, A), log pi(a|s) (B)
  int64_t capacity_ = 0;
};

}  // namespace

std::unique_ptr<ActorCriticBackend> make_fast_actor_critic(const ActorCriticLayout& layout, const PolicySpec& policy,
                                                           int threads) {
  return std::make_unique<FastActorCritic>(layout, policy, threads);
}

}  // namespace gogepo
