// Evolution strategies as of OpenAI (Salimans et al., 2017): mirrored sampling, centered ranks, weight decay, Adam.
#pragma once
#include "search.h"

namespace gogepo {

struct EsStep {
  double gradient_norm = 0;  // Euclidean norm of the gradient estimate, without weight decay; 0: no usable direction
  double step_norm = 0;      // Euclidean norm of the change of theta
  bool finite = true;        // false: theta would have left the float32 range, and nothing was changed
};

class Es : public Search {
 public:
  Es(const PolicySpec& spec, uint64_t seed)
      : Search(spec, seed), first_moment_(theta().size()), second_moment_(theta().size()) {}

  const std::vector<double>& first_moment() const { return first_moment_; }
  const std::vector<double>& second_moment() const { return second_moment_; }
  int64_t updates() const { return updates_; }
  // (|theta|) each; drops the directions
  void restore(std::vector<double> theta, std::vector<double> first_moment, std::vector<double> second_moment,
               int64_t updates);

  // The gradient estimate is g = 1 / 2n * sum of (f+ - f-) * delta over the n usable directions, where f are the
  // centered ranks of their 2n returns. One Adam step with bias correction, betas 0.9 and 0.999, epsilon 1e-8, of theta
  // along g - weight_decay * theta; drops all directions. A direction is unusable if either of its episodes is marked
  // in `leave`; if none is usable, nothing changes.
  //
  // returns, leave: (2 * directions), in the order of perturb(); every return that is not marked must be finite
  EsStep step(const double* returns, const uint8_t* leave, double learning_rate, double weight_decay);

 private:
  std::vector<double> first_moment_, second_moment_;  // (|theta|) each
  int64_t updates_ = 0;
};

}  // namespace gogepo
