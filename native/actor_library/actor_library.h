// The actor of one episode at a time, for programs that call C functions: the policy, its action noise and the
// normalizer of its observations, with the same bits as the native rollout. An actor belongs to one thread at a time.
// Functions that can fail return NULL or 0; gogepo_actor_error() then describes the failure.
#pragma once
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct gogepo_actor gogepo_actor;

// low, high: (action_size) each; ignored if discrete. hidden: (layers) widths. activation: 0 tanh, 1 relu.
// output: 0 tanh, 1 clip, 2 gaussian. return_scale, horizon_scale: of a commanded policy, see struct CommandScales in
// layout.h; ignored if takes_command is 0.
gogepo_actor* gogepo_actor_create(int observation_size, int action_size, int discrete, const double* low,
                                  const double* high, const int* hidden, int layers, int bias, int activation,
                                  int output, int takes_command, double return_scale, double horizon_scale);
// theta: (size), copied. It may be replaced in the middle of an episode.
int gogepo_actor_load(gogepo_actor* actor, const float* theta, int64_t size);
// An episode begins. index: the number of its random streams. noise, correlation, uniform_steps and sample: how it
// explores, see struct Exploration in actor.h; all 0: it does not. observe: 0 none, 1 report, 2 grow. count, mean and
// m2 are the statistics at the start, (O) each; they are ignored without has_statistics, and observations pass
// unchanged.
int gogepo_actor_begin(gogepo_actor* actor, uint64_t seed, uint64_t index, double noise, double correlation,
                       int64_t uniform_steps, int sample, int observe, int has_statistics, double count,
                       const double* mean, const double* m2);
// observation (O) -> action (A), or the index of the action if discrete.
void gogepo_actor_act(gogepo_actor* actor, const double* observation, float* action);
// What the last action earned, in reward units: a commanded policy is no longer asked for it.
void gogepo_actor_reward(gogepo_actor* actor, double reward);
// Whether every element of an observation (O) is finite in single precision, in which the policy computes.
int gogepo_actor_finite(const gogepo_actor* actor, const double* observation);
// What the episode has observed so far: count, mean (O) and sum of squared deviations (O).
void gogepo_actor_moments(const gogepo_actor* actor, double* count, double* mean, double* m2);
void gogepo_actor_destroy(gogepo_actor* actor);
// Why the last call on this thread failed.
const char* gogepo_actor_error(void);

#ifdef __cplusplus
}
#endif
