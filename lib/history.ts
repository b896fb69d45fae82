/** Commands and returns of a run so far: plain numbers, one row an episode. */
export class History {
  /** Asked for, got (in stored units), got with the survival bonus, and steps. */
  readonly commands: number[] = []
  readonly returns: number[] = []
  readonly fullReturns: number[] = []
  readonly lengths: number[] = []
  /** The highest stored return of any training episode, also after it left the buffer. −Infinity before the first. */
  best = -Infinity
  /** Environment steps of all training episodes. */
  steps = 0

  get episodes(): number {
    return this.returns.length
  }

  add(command: number, episodeReturn: number, fullReturn: number, length: number): void {
    this.commands.push(command)
    this.returns.push(episodeReturn)
    this.fullReturns.push(fullReturn)
    this.lengths.push(length)
    this.best = Math.max(this.best, episodeReturn)
    this.steps += length
  }
}
