/** Native tasks: what describes them, and their options. */

/** A range is [low, high]; its ends may be infinite. Text, null, other lists and objects are for Python tasks. */
export type TaskOptionValue =
  number | boolean | string | null | readonly TaskOptionValue[] | { readonly [name: string]: TaskOptionValue }

/** Task options by name. The names are Gymnasium's. */
export type TaskOptions = Readonly<Record<string, TaskOptionValue>>

/** One option that a task accepts. */
export interface TaskOption {
  name: string
  kind: 'number' | 'whole number' | 'boolean' | 'range'
  default: TaskOptionValue
  /** The smallest number allowed, where there is one. */
  least?: number
  /** The largest number allowed, where there is one. */
  most?: number
  help: string
}

/** A task, as its page in native/env registers it. Returns and bonus are in reward units. */
export interface EnvSpec {
  id: string
  observationSize: number
  /** Dimensions of the action; for a discrete task, the number of actions. */
  actionSize: number
  discrete: boolean
  /** (A) each; empty for a discrete task. */
  actionLow: number[]
  actionHigh: number[]
  /** The range of returns that can be commanded. NaN in both: the task does not declare it, and the settings must. */
  returnMin: number
  returnMax: number
  maxEpisodeSteps: number
  /** Reward for each step alive, which stored returns leave out. */
  survivalBonus: number
  /** The usual training budget and evaluation interval, in steps. */
  trainingSteps: number
  evaluateEvery: number
  source: string
  options: TaskOption[]
}

/** What the addon exports about tasks. */
export interface TaskFunctions {
  /** The native tasks, with their default options. */
  envs(): EnvSpec[]
  /** The task with these options. Throws ERR_TASK_OPTION. */
  env(task: { env: string; options: TaskOptions }): EnvSpec
  /** actions (T, A), states (E, n) → observations (T, O) and the rest (T). */
  replay(recording: {
    env: string
    options: TaskOptions
    actions: Float64Array
    resets: Float64Array
    states: Float64Array
  }): {
    observations: Float64Array
    rewards: Float64Array
    terminated: Uint8Array
    truncated: Uint8Array
  }
}
