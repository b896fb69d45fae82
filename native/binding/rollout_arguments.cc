#include "rollout_arguments.h"

namespace gogepo {

std::optional<Moments> read_statistics(const Napi::Value& value, int observation_size) {
  if (value.IsNull()) return std::nullopt;
  const Options o(value, "statistics");
  Moments moments;
  moments.count = o.integer("count", 0);
  moments.mean = double_array(o.get("mean"), "mean");
  moments.m2 = double_array(o.get("m2"), "m2");
  if (int(moments.mean.size()) != observation_size || int(moments.m2.size()) != observation_size)
    throw Refused("ERR_SHAPE", "statistics: expected mean and m2 to have " + std::to_string(observation_size) +
                                   " elements each, got " + std::to_string(moments.mean.size()) + " and " +
                                   std::to_string(moments.m2.size()) + ".");
  return moments;
}

Purpose read_purpose(const Options& options) {
  constexpr Purpose purposes[] = {Purpose::training_reset, Purpose::evaluation_reset, Purpose::final_reset};
  return purposes[options.choice("purpose", {"training", "evaluation", "final"})];
}

Observe read_observe(const Options& options) {
  constexpr Observe modes[] = {Observe::none, Observe::report, Observe::grow};
  return modes[options.choice("observe", {"none", "report", "grow"})];
}

Exploration read_exploration(const Options& options, const PolicySpec& spec) {
  Exploration exploration;
  if (!options.has("exploration")) return exploration;
  const Options o(options.get("exploration"), "exploration");
  if (o.has("noise")) exploration.noise = o.number_from("noise", 0);
  if (o.has("correlation")) exploration.correlation = o.number_from("correlation", 0);
  if (o.has("uniformSteps")) exploration.uniform_steps = o.integer("uniformSteps", 0);
  exploration.sample = o.boolean("sample", false);
  require_possible(exploration, spec);
  return exploration;
}

}  // namespace gogepo
