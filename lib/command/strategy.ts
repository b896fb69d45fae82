/** Which return to ask for next (SPEC of the loop: docs/algorithm.md; paper, section 4). */
import { finite, requireArgument } from '../arguments.js'
import type { History } from '../history.js'

/** The next command, in stored return units. Any function of the history will do. */
export type CommandStrategy = (history: History) => number

/** The paper's main strategy: a little more than the best so far. The first command is 0, as in Algorithm 1. */
export function bestPlusDrive(drive: number): CommandStrategy {
  requireArgument('bestPlusDrive', 'drive', finite, drive)
  return (history) => (history.episodes === 0 ? 0 : history.best + drive)
}

/** The paper's ablation: the best so far again. */
export const best: CommandStrategy = bestPlusDrive(0)

/** Always the same command. */
export const fixed =
  (command: number): CommandStrategy =>
  () =>
    command
