// The options that rollouts of native tasks share with those of tasks in JavaScript.
#pragma once
#include <napi.h>

#include <optional>

#include "actor.h"
#include "arguments.h"
#include "observation_normalizer.h"
#include "random.h"

namespace gogepo {

// { count, mean: Float64Array (O), m2: Float64Array (O) }, or null: observations are not normalized
std::optional<Moments> read_statistics(const Napi::Value& value, int observation_size);
Purpose read_purpose(const Options& options);  // purpose: 'training' | 'evaluation' | 'final'
Observe read_observe(const Options& options);  // observe: 'none' | 'report' | 'grow'
// exploration?: { noise?, correlation?, uniformSteps?, sample? }; throws unless a policy of this spec can explore so
Exploration read_exploration(const Options& options, const PolicySpec& spec);

}  // namespace gogepo
