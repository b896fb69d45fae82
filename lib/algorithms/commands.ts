/** Command strategies: which return to command next (paper, section 4). */
import { requireArgument } from '../base/arguments.js'
import { single } from '../base/values.js'

/** The training episodes of a run so far, in order, one entry per episode in each column. Diverged episodes are in none of them. */
export interface History {
  /** Commanded returns, in stored units (without the survival bonus); NaN for an algorithm that takes no commands. */
  readonly commands: readonly number[]
  /** Achieved returns, in stored units. */
  readonly returns: readonly number[]
  /** Achieved returns including the survival bonus: the task's full reward. */
  readonly fullReturns: readonly number[]
  /** In steps. */
  readonly lengths: readonly number[]
  /** The highest stored return of any training episode, also after it left the replay buffer. −Infinity before the first. */
  readonly best: number
  /** The lowest stored return of any training episode. Infinity before the first. */
  readonly lowest: number
  /** Environment steps of all training episodes, diverged ones included. */
  readonly steps: number
  /** Episodes that ended normally. */
  readonly episodes: number
  /** All episodes begun: the number of the next one's random streams. */
  readonly attempts: number
}

/** The next command, in stored units. Any function of the history is a command strategy. */
export type CommandStrategy = (history: History) => number

/** The paper's main strategy: the best return so far plus `drive`. The first command is 0, as in Algorithm 1. */
export function bestPlusDrive(drive: number): CommandStrategy {
  requireArgument('bestPlusDrive', 'drive', single, drive)
  return (history) => (history.episodes === 0 ? 0 : history.best + drive)
}

/** The paper's ablation: the best return so far. */
export const best: CommandStrategy = bestPlusDrive(0)

/** Always the same command. */
export const fixed =
  (command: number): CommandStrategy =>
  () =>
    command
