/** A task that policies can run on: a native one, or one that a user wrote in TypeScript or Python. */
import type { EnvSpec, Native, PolicySpec, Rollout, TaskOptions } from '../native/contract.js'

export interface Task {
  /** How config.json names it, so that it is found again. */
  readonly name: string
  /** The options that were given; the others have the task's defaults. */
  readonly options: TaskOptions
  /** With these options. */
  readonly spec: EnvSpec
  /** Versions of what decides its results, where that is not gogepo. */
  readonly versions?: Readonly<Record<string, string>>
  /** The interpreter of a Python task, where one was named or found in the environment. */
  readonly python?: string
  /** What runs policies of this shape on it. `threads` changes no result. */
  rollout(native: Native, policy: PolicySpec, threads: number): Rollout
}

/** What a policy observes and does in a task, in words. */
export const spacesOf = ({ observationSize, actionSize, discrete, actionLow, actionHigh }: EnvSpec): string =>
  `observations of ${observationSize} elements, ${discrete ? `${actionSize} choices` : `actions from [${actionLow}] to [${actionHigh}]`}`
