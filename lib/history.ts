import { GogepoError } from './errors.js'

const window = 100 // episodes in which too many diverged ones end the run
const bearable = 10

/** What came of episodes: stored and full returns, steps, and which diverged. */
interface EpisodeColumns {
  returns: ArrayLike<number>
  fullReturns: ArrayLike<number>
  lengths: ArrayLike<number>
  diverged: ArrayLike<number>
}

/** Commands and returns of a run so far: plain numbers, one row an episode. */
export class History {
  /** What was asked for, in stored units. */
  readonly commands: number[] = []
  /** What was achieved, in stored units. */
  readonly returns: number[] = []
  /** The same with the survival bonus: the task's reward. */
  readonly fullReturns: number[] = []
  /** In steps. */
  readonly lengths: number[] = []
  /** The highest stored return of any training episode, also after it left the buffer. −Infinity before the first. */
  best = -Infinity
  /** Environment steps of all training episodes, diverged ones too. */
  steps = 0
  /** The simulator's warnings in training episodes. */
  warnings = 0
  /** Attempts, counted from 0, whose simulation diverged: they are in none of the columns. */
  readonly diverged: number[] = []

  /** Episodes that ended soundly. */
  get episodes(): number {
    return this.returns.length
  }
  /** All that were begun: the number of the next one's random streams. */
  get attempts(): number {
    return this.episodes + this.diverged.length
  }

  /**
   * Episodes of one iteration, in the order of their commands.
   * @internal
   * @throws GogepoError ERR_DIVERGED when more than 10 of the last 100 diverged.
   */
  addAll(commands: readonly number[], { returns, fullReturns, lengths, diverged }: EpisodeColumns): void {
    commands.forEach((command, i) => {
      if (diverged[i]) this.addDiverged(lengths[i]!)
      else this.add(command, returns[i]!, fullReturns[i]!, lengths[i]!)
    })
  }

  /** An episode that ended: what was asked, its stored and full return, its steps. @internal */
  add(command: number, episodeReturn: number, fullReturn: number, length: number): void {
    this.commands.push(command)
    this.returns.push(episodeReturn)
    this.fullReturns.push(fullReturn)
    this.lengths.push(length)
    this.best = Math.max(this.best, episodeReturn)
    this.steps += length
  }

  /** @internal @throws GogepoError ERR_DIVERGED when more than 10 of the last 100 did. */
  addDiverged(length: number): void {
    this.diverged.push(this.attempts)
    this.steps += length
    const recent = this.diverged.filter((attempt) => attempt >= this.attempts - window).length
    if (recent > bearable)
      throw new GogepoError(
        'ERR_DIVERGED',
        `${recent} of the last ${Math.min(window, this.attempts)} episodes diverged: the simulation's state was no longer finite. Training stops; the last checkpoint is still good. Smaller actions or less noise may help.`,
      )
  }
}
