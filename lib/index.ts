/**
 * gogepo: learn one generator of neural policies, then ask it for the return you want.
 * Faccio et al., "Goal-Conditioned Generators of Deep Policies", https://arxiv.org/abs/2207.01570
 *
 * @packageDocumentation
 */
export { resume, train, type Training } from './training.js'
export {
  openRun,
  type AskOptions,
  type CommandResult,
  type OpenedRun,
  type OpenOptions,
  type PolicyOptions,
  type Sweep,
  type SweepOptions,
} from './opened-run.js'
export { loadPolicy, type Policy, type PolicyOrigin } from './policy.js'
export { bestPlusDrive, type CommandStrategy } from './command/strategy.js'
export { checkEnv, type Finding, type FindingKind } from './env/check-env.js'
export type { Box, Discrete, Environment, EnvironmentFactory, EnvironmentStep, Observation } from './env/environment.js'
export { GogepoError, type GogepoErrorCode } from './errors.js'
export type { LastEvaluation, Progress } from './checkpoint.js'
export type { Preset, Settings } from './config.js'
export type { History } from './history.js'
export type { CudaUse, TaskOptions, TaskOptionValue } from './native.js'
export type { DivergedEvent, EpisodeEvent, EvaluationEvent, TrainEvent } from './report/reporter.js'
export type { Place, ResumeOptions, RunOptions, RunResult, RunStart, TaskAgain } from './run.js'
export type { RunConfig, Versions } from './run-store.js'
