/**
 * Corrects commands once training has ended. A generator mostly knows policies for every return in its range, but labels them with the
 * wrong commands, because the critic that taught it lags behind (docs/results.md). One noise-free episode for each of a few commands
 * shows what they really achieve; from then on a command is replaced by the one that achieves it. Returns often change little over most
 * commands and fast in between, so half of the commands are evenly spaced, and the other half where these say that returns are.
 */
import { requireTensor, type Tensor } from '../base/safetensors.js'
import { GogepoError } from '../base/errors.js'
import { spread } from '../base/statistics.js'

/** One episode is noisy, so neighboring commands are fitted together: standard deviation of their weights, as a share of the range. */
const smoothing = 1 / 40

/** Commands that were tried, and what they achieved. */
export interface TriedCommands {
  /** In increasing order, in stored units. */
  commands: readonly number[]
  /** The stored return of one noise-free episode for each. */
  achieved: readonly number[]
}

/** A command, and what it achieved. */
export interface TriedCommand {
  command: number
  achieved: number
}

export class CommandCorrection {
  /** Increasing returns, and the commands that achieve them. */
  private readonly anchors: readonly TriedCommand[]

  /** @param tried different commands in any order; fewer than two correct nothing */
  static of(tried: readonly TriedCommand[]): CommandCorrection {
    const ordered = tried.length < 2 ? [] : tried.toSorted((a, b) => a.command - b.command)
    return new CommandCorrection({
      commands: ordered.map(({ command }) => command),
      achieved: ordered.map(({ achieved }) => achieved),
    })
  }

  /** @param tried increasing commands with finite returns; with none, every command stays as it is */
  constructor(readonly tried: TriedCommands) {
    const { commands } = tried
    const width = commands.length > 0 ? smoothing * (commands.at(-1)! - commands[0]!) : 0
    this.anchors = increasing(commands, fitted(tried, width))
  }

  /**
   * The command that achieves a return: increasing and continuous. The returns outside what was achieved get the command of the nearest
   * that was; beyond what was tried, they are shifted like the last one that was tried.
   */
  correct(wanted: number): number {
    if (this.anchors.length === 0) return wanted
    const [low, high] = [this.tried.commands[0]!, this.tried.commands.at(-1)!]
    const within = Math.min(high, Math.max(low, wanted))
    return this.inverse(within) + (wanted - within)
  }

  /** Commands to try next: those that should achieve evenly spaced returns between the ends of what was achieved. In increasing order. */
  next(count: number): number[] {
    const [lowest, highest] = [this.anchors[0], this.anchors.at(-1)]
    if (lowest === undefined || highest === undefined) return []
    const between = spread(lowest.achieved, highest.achieved, count + 2).slice(1, -1)
    const known = new Set(this.tried.commands)
    return [...new Set(between.map((wanted) => this.inverse(wanted)))].filter((command) => !known.has(command))
  }

  private inverse(wanted: number): number {
    const above = this.anchors.findIndex(({ achieved }) => achieved >= wanted)
    if (above === -1) return this.anchors.at(-1)!.command
    const to = this.anchors[above]!
    const from = this.anchors[above - 1] ?? to
    const share = to === from ? 0 : (wanted - from.achieved) / (to.achieved - from.achieved)
    return from.command + share * (to.command - from.command)
  }

  state(): Record<string, Tensor> {
    const { commands, achieved } = this.tried
    const column = (values: readonly number[]): Tensor => ({
      dtype: 'F64',
      shape: [values.length],
      data: Float64Array.from(values),
    })
    return { commands: column(commands), achieved: column(achieved) }
  }

  /** @throws GogepoError ERR_FILE, ERR_SHAPE, ERR_CHECKPOINT */
  static restore(tensors: Readonly<Record<string, Tensor>>): CommandCorrection | undefined {
    if (Object.keys(tensors).length === 0) return undefined // training had not ended
    const [commands, achieved] = ['commands', 'achieved'].map((name) => [
      ...requireTensor(tensors, name, 'F64', [-1]).data,
    ]) as [number[], number[]]
    const ordered = commands.every((command, i) => i === 0 || command > commands[i - 1]!)
    if (commands.length === 1 || commands.length !== achieved.length || !ordered || !achieved.every(Number.isFinite))
      throw new GogepoError(
        'ERR_CHECKPOINT',
        'expected the correction of commands to have increasing commands, none or at least two, with a finite return each.',
      )
    return new CommandCorrection({ commands, achieved })
  }
}

/**
 * The value of a line through neighboring commands, fitted with Gaussian weights (local linear regression). A mean of uneven
 * neighbors would lean to where there are more of them.
 */
function fitted({ commands, achieved }: TriedCommands, width: number): number[] {
  return commands.map((center) => {
    const offsets = commands.map((command) => (command - center) / width)
    const weights = offsets.map((offset) => Math.exp(-0.5 * offset ** 2))
    const total = weights.reduce((sum, weight) => sum + weight, 0)
    const mean = (value: (i: number) => number): number =>
      weights.reduce((sum, weight, i) => sum + (weight / total) * value(i), 0)

    const [offset, level] = [mean((i) => offsets[i]!), mean((i) => achieved[i]!)]
    const variance = mean((i) => (offsets[i]! - offset) ** 2)
    const covariance = mean((i) => (offsets[i]! - offset) * (achieved[i]! - level))
    return variance > 1e-9 ? level - (covariance / variance) * offset : level // alone, it has no line
  })
}

/** Isotonic regression by pooling adjacent violators: commands whose returns are out of order share their means. */
function increasing(commands: readonly number[], returns: readonly number[]): TriedCommand[] {
  const pools: { count: number; command: number; achieved: number }[] = []
  for (const [i, command] of commands.entries()) {
    let pool = { count: 1, command, achieved: returns[i]! }
    for (let last = pools.at(-1); last !== undefined && last.achieved >= pool.achieved; last = pools.at(-1)) {
      pools.pop()
      const count = last.count + pool.count
      const mean = (a: number, b: number): number => (a * last.count + b * pool.count) / count
      pool = {
        count,
        command: mean(last.command, pool.command),
        achieved: mean(last.achieved, pool.achieved),
      }
    }
    pools.push(pool)
  }
  return pools
}
