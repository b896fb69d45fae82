/**
 * gogepo: learn one generator of neural policies; command a return, get a policy that achieves it.
 * Faccio et al., "Goal-Conditioned Generators of Deep Policies", https://arxiv.org/abs/2207.01570
 *
 * @packageDocumentation
 */
export {
  resume,
  train,
  type AlgorithmSettings,
  type RunOptions,
  type SettingsFor,
  type Training,
} from './run/training.js'
export {
  openRun,
  type AskOptions,
  type CommandResult,
  type OpenedRun,
  type OpenOptions,
  type PolicyOptions,
  type Sweep,
  type SweepOptions,
} from './run/opened-run.js'
export type { TriedCommands } from './train/command-correction.js'
export type { Again, ResumeOptions } from './run/resume.js'
export type { RunResult, StartOptions } from './run/start.js'
export type { Compute } from './run/compute.js'
export { sweepSvg } from './figure/figures.js'
export type { RunConfig, Versions } from './run/config.js'
export { defineStudy, type Study, type StudyTask, type StudyVariant } from './study/definition.js'
export { loadPolicy, type Policy } from './policy/policy.js'
export type { PolicyOrigin } from './policy/policy-file.js'
export { checkEnv, type Finding, type FindingKind } from './env/check-env.js'
export type { Box, Discrete, Environment, EnvironmentFactory, EnvironmentStep, Observation } from './env/environment.js'
export { GogepoError, type GogepoErrorCode } from './base/errors.js'
export type { EvaluationSummary, Progress, TrainResult } from './train/trainer.js'
export type { DivergedEvent, EpisodeEvent, EvaluationEvent, IterationEvent, TrainEvent } from './train/events.js'
export { CsvReporter } from './report/csv.js'
export { MlflowReporter } from './report/mlflow.js'
export { TensorBoardReporter } from './report/tensorboard.js'
export type { Reporter, RunEnd, RunStart } from './report/reporter.js'

// Command strategies, and user-defined algorithms.
export {
  bestPlusDrive,
  type CommandStrategy,
  type History,
  type NamedStrategy,
  type Stage,
  type StrategyContext,
} from './algorithms/commands.js'
export * as strategies from './algorithms/strategies.js'
export {
  defineAlgorithm,
  policySpecOf,
  type Algorithm,
  type Context,
  type Iteration,
  type Learner,
  type LearnerState,
  type MemoryUsage,
  type Preset,
  type RowLog,
  type TrainingOptions,
} from './algorithms/algorithm.js'
export type { ArsSettings } from './algorithms/ars.js'
export type { EsSettings } from './algorithms/es.js'
export type { GogepoSettings } from './algorithms/gogepo.js'
export type { PgpeSettings } from './algorithms/pgpe.js'
export type { PssvfSettings } from './algorithms/pssvf.js'
export type { UdrlSettings } from './algorithms/udrl.js'
export type { UdrlpgSettings } from './algorithms/udrlpg.js'
export type { SacSettings } from './algorithms/sac.js'
export type { Td3Settings } from './algorithms/td3.js'
export {
  setting,
  type Scope,
  type Setting,
  type SettingsOf,
  type SettingsTable,
  type SettingValues,
} from './settings/setting.js'
export * as values from './base/values.js'
export type { CommonSettings } from './settings/common.js'
export type {
  CommandScales,
  Device,
  EnvSpec,
  Episodes,
  Exploration,
  Native,
  Observe,
  Statistics,
  TaskOption,
  Transitions,
  Policies,
  PolicySpec,
  TaskOptions,
  TaskOptionValue,
} from './native/contract.js'
export { requireTensor, type Dtype, type Tensor, type TensorArrays } from './base/safetensors.js'
export type { Stopwatch } from './base/stopwatch.js'
export type { CudaUse } from './native/open.js'
