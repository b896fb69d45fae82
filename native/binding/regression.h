// Many updates of a critic or a generator on stored pairs, as their fit() makes them.
#pragma once
#include <napi.h>

#include "fit.h"
#include "network_handle.h"

namespace gogepo {

using Fit = Regression (*)(Backend&, Parameters&, const ReplayBuffer&, const RegressionOptions&,
                           const std::atomic<bool>& stop);

// fit(buffer, { updates, batchSize, learningRate, seed }) -> Promise<{ losses, seconds: { draw, update } }>
// what: the network, in error messages
Napi::Value run_regression(const Napi::CallbackInfo& info, const NetworkHandle& network, Fit fit, const char* what);

}  // namespace gogepo
