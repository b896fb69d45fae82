/** A task that policies can be run on, whatever it is made of: a page in C++, or what a user brings. */
import type { Architecture, EnvSpec, NativeEngine, Rollout, TaskOptions } from '../native.js'

export interface Task {
  /** How config.json names it: what finds it again. */
  readonly name: string
  /** Those given; the others are the task's own. */
  readonly options: TaskOptions
  /** As its options make it. */
  readonly spec: EnvSpec
  /** Of what it is made of, where that is not ours: what decides its numbers. */
  readonly versions?: Readonly<Record<string, string>>
  /** What runs policies on it. `threads` changes no result. */
  rollout(engine: NativeEngine, threads: number, architecture: Architecture): Rollout
}

/** What a policy sees and does in a task, in words. */
export const spacesOf = ({ observationSize, actionSize, discrete, actionLow, actionHigh }: EnvSpec): string =>
  `observations of ${observationSize} numbers, ${discrete ? `${actionSize} choices` : `actions from [${actionLow}] to [${actionHigh}]`}`
