#include "regression.h"

#include <cmath>
#include <string>

#include "arguments.h"
#include "replay_buffer_object.h"

namespace gogepo {

Napi::Value run_regression(const Napi::CallbackInfo& info, const NetworkHandle& network, Fit fit, const char* what) {
  const Options o(info[1], "fit");
  const RegressionOptions options{.updates = o.integer("updates", 0, 1 << 30),
                                  .batch_size = o.integer("batchSize", 1, 1 << 20),
                                  .learning_rate = o.number("learningRate"),
                                  .seed = o.counter("seed")};
  // After the options: a getter may dispose of any of these.
  const auto thread = network.thread("fit");
  const ReplayBufferObject& from = unwrap<ReplayBufferObject>(info[0]);
  const std::shared_ptr<ReplayBuffer> buffer = from.buffer();
  network.require_same(from.networks(), "fit", "the replay buffer");
  if (buffer->count() == 0) throw Refused("ERR_ARGUMENT", "fit: the replay buffer is empty. Push an episode first.");
  return run_async(
      info.Env(), thread, "fit",
      [networks = network.networks, parameters = network.parameters, buffer, options, fit, what = std::string(what)] {
        Regression done = fit(*networks->backend, *parameters, *buffer, options, networks->device->thread->stopping());
        for (const float loss : done.losses)
          if (!std::isfinite(loss))
            throw Refused("ERR_NOT_FINITE", "The loss of the " + what + not_finite(parameters->updates));
        if (!done.finite)
          throw Refused("ERR_NOT_FINITE", "A parameter of the " + what + not_finite(parameters->updates));
        return done;
      },
      [](Napi::Env env, const Regression& done) {
        Napi::Object out = Napi::Object::New(env), seconds = Napi::Object::New(env);
        out.Set("losses", to_array(env, done.losses.data(), done.losses.size()));
        seconds.Set("draw", done.draw_seconds);
        seconds.Set("update", done.update_seconds);
        out.Set("seconds", seconds);
        return out;
      });
}

}  // namespace gogepo
