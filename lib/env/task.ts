/** A task that policies can run on: a native one, or one that a user wrote in TypeScript or Python. */
import { plural, shortest } from '../base/words.js'
import type { Environment } from './environment.js'
import type { EnvSpec, Native, PolicySpec, Rollout, TaskOptions } from '../native/contract.js'

export interface Task {
  /** Its name in config.json, by which it is found again. */
  readonly name: string
  /** The options that were given; the others have the task's defaults. */
  readonly options: TaskOptions
  /** The spec with these options. */
  readonly spec: EnvSpec
  /** Versions of everything outside of gogepo that affects its results. */
  readonly versions?: Readonly<Record<string, string>>
  /** The path of the interpreter of a Python task. */
  readonly python?: string
  /** An environment of a Python task that is stepped from here, which is slow: for checks. */
  environment?(): Promise<Environment>
  /** Creates a rollout for policies of this shape. `threads` changes no result. */
  rollout(native: Native, policy: PolicySpec, threads: number): Rollout
}

type Spaces = Pick<EnvSpec, 'observationSize' | 'actionSize' | 'discrete'> & {
  readonly actionLow: readonly number[]
  readonly actionHigh: readonly number[]
}

/** What a policy observes and does in a task, in words. */
export const spacesOf = ({ observationSize, actionSize, discrete, actionLow, actionHigh }: Spaces): string =>
  `observations of ${plural(observationSize, 'element')}, ${discrete ? plural(actionSize, 'choice') : `actions from [${actionLow.map(shortest)}] to [${actionHigh.map(shortest)}]`}`
