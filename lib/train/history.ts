import type { History as ReadonlyHistory } from '../algorithms/commands.js'
import { GogepoError } from '../base/errors.js'
import { requireTensor, type Tensor } from '../base/safetensors.js'
import { requireCounter, type LearnerState } from '../algorithms/algorithm.js'
import type { Episodes } from '../native/contract.js'

const window = 100 // episodes in which too many diverged ones end the run
const tolerated = 10

const columns = ['commands', 'returns', 'fullReturns', 'lengths'] as const

/** The training episodes of a run: plain numbers, one row per episode. */
export class History implements ReadonlyHistory {
  readonly commands: number[] = []
  readonly returns: number[] = []
  readonly fullReturns: number[] = []
  readonly lengths: number[] = []
  best = -Infinity
  lowest = Infinity
  steps = 0
  /** Simulator warnings in training episodes. */
  warnings = 0
  /** Numbers, from 0, of the attempts that diverged: they are in none of the columns. */
  readonly diverged: number[] = []
  /** Why each of them diverged, where the task shows it; a checkpoint does not keep this. */
  readonly divergedBecause = new Map<number, string>()

  get episodes(): number {
    return this.returns.length
  }
  get attempts(): number {
    return this.episodes + this.diverged.length
  }

  /**
   * Adds the episodes of an iteration, in order.
   * @throws GogepoError ERR_DIVERGED when more than 10 of the last 100 episodes diverged
   */
  addAll(episodes: Episodes, commands?: readonly number[]): void {
    const { returns, fullReturns, lengths, diverged, divergedBecause, warnings } = episodes
    this.warnings += warnings
    for (let i = 0; i < returns.length; i++)
      if (diverged[i]) this.addDiverged(lengths[i]!, divergedBecause?.get(i))
      else this.add(commands?.[i] ?? NaN, returns[i]!, fullReturns[i]!, lengths[i]!)
  }

  add(command: number, episodeReturn: number, fullReturn: number, length: number): void {
    this.commands.push(command)
    this.returns.push(episodeReturn)
    this.fullReturns.push(fullReturn)
    this.lengths.push(length)
    this.best = Math.max(this.best, episodeReturn)
    this.lowest = Math.min(this.lowest, episodeReturn)
    this.steps += length
  }

  addDiverged(length: number, because?: string): void {
    if (because !== undefined) this.divergedBecause.set(this.attempts, because)
    this.diverged.push(this.attempts)
    this.steps += length
    const recent = this.diverged.filter((attempt) => attempt >= this.attempts - window).length
    if (recent > tolerated)
      throw new GogepoError(
        'ERR_DIVERGED',
        `${recent} of the last ${Math.min(window, this.attempts)} episodes diverged: ${
          because === undefined ? 'the simulation produced NaN or infinity' : `in the last one, ${because}`
        }. Training stops; the last checkpoint is intact. ${
          because === undefined ? 'Try less noise, or restrict the actions.' : 'Fix the task, or try less noise.'
        }`,
      )
  }

  state(): LearnerState {
    const tensors: Record<string, Tensor> = {}
    for (const name of [...columns, 'diverged'] as const) {
      const data = Float64Array.from(this[name])
      tensors[name] = { dtype: 'F64', shape: [data.length], data }
    }
    return { tensors, counters: { steps: this.steps, episodes: this.episodes, warnings: this.warnings } }
  }

  /** Puts a state back, in place of all there is. @throws GogepoError ERR_FILE, ERR_CHECKPOINT */
  restore({ tensors, counters }: LearnerState): void {
    const episodes = requireCounter(counters, 'episodes')
    const [commands, returns, fullReturns, lengths] = columns.map(
      (name) => requireTensor(tensors, name, 'F64', [episodes]).data,
    )
    for (const column of [...columns, 'diverged'] as const) this[column].length = 0
    this.divergedBecause.clear()
    this.best = -Infinity
    this.lowest = Infinity
    for (let i = 0; i < episodes; i++) this.add(commands![i]!, returns![i]!, fullReturns![i]!, lengths![i]!)
    for (const attempt of requireTensor(tensors, 'diverged', 'F64', [-1]).data) this.diverged.push(attempt)
    this.steps = requireCounter(counters, 'steps')
    this.warnings = requireCounter(counters, 'warnings')
  }
}
