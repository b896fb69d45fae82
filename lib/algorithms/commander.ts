/** Asks a command strategy for the commands of an iteration. */
import { requireArgument } from '../base/arguments.js'
import { single } from '../base/values.js'
import type { Context } from './algorithm.js'
import { findStrategy, type CommandStrategy, type StrategyContext } from './commands.js'

/** What an algorithm lets a strategy use, besides the history and random numbers. */
type Known = Omit<StrategyContext, 'random'>

export class Commander {
  private readonly strategy: CommandStrategy

  /**
   * @param known looked up for every command
   * @throws GogepoError ERR_SETTING
   */
  constructor(
    private readonly context: Context<{ readonly strategy: string }>,
    private readonly known: () => Known,
  ) {
    this.strategy = context.strategy ?? findStrategy(context.settings.strategy)
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
      requireArgument('The command strategy', 'the command', single, command) // anything else makes θ NaN or infinite
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
