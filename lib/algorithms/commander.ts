/** Asks a command strategy for the commands of an iteration. */
import { requireArgument } from '../base/arguments.js'
import { GogepoError } from '../base/errors.js'
import { single } from '../base/values.js'
import type { Context } from './algorithm.js'
import { findStrategy, isNamed, type CommandStrategy, type StrategyContext } from './commands.js'

/** What an algorithm lets a strategy use, besides the history and random numbers. */
type Known = Omit<StrategyContext, 'random'>

/** The strategy that a program passed, or else the one that the setting names. */
export const strategyOf = ({ strategy, settings }: Context<{ readonly strategy: string }>): CommandStrategy =>
  strategy ?? findStrategy(settings.strategy)

export class Commander {
  /**
   * @param known looked up for every command
   * @param range the commands that can be learned from: beyond, a loss would not be finite
   * @throws GogepoError ERR_SETTING
   */
  constructor(
    private readonly context: Pick<Context<unknown>, 'history' | 'native' | 'seed'>,
    private readonly strategy: CommandStrategy,
    private readonly known: () => Known,
    private readonly range: readonly [low: number, high: number],
  ) {
    const { drive } = known()
    if (!(Math.abs(drive) <= (range[1] - range[0]) / 2))
      throw new GogepoError(
        'ERR_SETTING',
        `Setting drive: the best return plus ${drive}, in reward units, is beyond the commands that can be learned from, ${this.inWords()}.`,
      )
    if (!isNamed(strategy)) return
    const far = strategy.returns?.find((value) => !this.fits(value))
    if (far !== undefined)
      throw new GogepoError(
        'ERR_SETTING',
        `Setting strategy: in "${strategy.text}", ${far} is beyond the commands that can be learned from, ${this.inWords()}.`,
      )
  }

  private fits(command: number): boolean {
    return command >= this.range[0] && command <= this.range[1]
  }

  private inWords(): string {
    const [low, high] = this.range.map((end) => end.toPrecision(2))
    return `with these settings from ${low} to ${high}`
  }

  /**
   * The commands of the next k episodes.
   * @param instead replaces the strategy for some episodes
   * @throws GogepoError ERR_ARGUMENT when the strategy returns something else than a number
   */
  async next(k: number, instead?: (episode: number) => CommandStrategy | undefined): Promise<number[]> {
    const { history } = this.context
    const commands: number[] = []
    for (let episode = history.attempts; episode < history.attempts + k; episode++) {
      const strategy = instead?.(episode) ?? this.strategy
      const command = await strategy(history, { ...this.known(), random: this.randomOf(episode) })
      if (history.episodes === 0 && typeof command === 'number' && !Number.isFinite(command))
        throw new GogepoError(
          'ERR_ARGUMENT',
          `The command strategy: got ${command} before the first episode. There is no best return yet: return context.first.`,
        )
      requireArgument('The command strategy', 'the command', single, command) // anything else makes θ NaN or infinite
      if (!this.fits(command))
        throw new GogepoError(
          'ERR_ARGUMENT',
          `The command strategy: ${command} is beyond the commands that can be learned from, ${this.inWords()}.`,
        )
      commands.push(command)
    }
    return commands
  }

  /** Uniform numbers from the stream of this episode. */
  private randomOf(episode: number): () => number {
    const { native, seed } = this.context
    let numbers: Float64Array = new Float64Array()
    let drawn = 0
    return () => {
      if (drawn === numbers.length) numbers = native.uniforms({ seed, episode, count: 2 * drawn + 1 })
      return numbers[drawn++]!
    }
  }
}
