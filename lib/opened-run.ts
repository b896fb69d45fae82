/** A trained run, open to be asked: one command, or a sweep of them. */
import { availableParallelism } from 'node:os'
import type { Progress } from './checkpoint.js'
import { GogepoError } from './errors.js'
import type { Gogepo } from './gogepo.js'
import { makeLearner, type Place } from './run.js'
import { RunStore, type RunConfig } from './run-store.js'
import { line, meanAndStd } from './statistics.js'

export class OpenedRun {
  private constructor(
    readonly config: RunConfig,
    readonly progress: Progress,
    private readonly learner: Gogepo,
  ) {}

  /** @throws GogepoError ERR_RUN, ERR_CHECKPOINT */
  static async open(folder: string, options: Place & { checkpoint?: 'last' | 'best' | number } = {}): Promise<OpenedRun> {
    const store = RunStore.open(folder)
    const learner = await makeLearner(store.config, { threads: availableParallelism(), torchThreads: availableParallelism(), ...options })
    try {
      return new OpenedRun(store.config, store.checkpoints.load(learner, options.checkpoint ?? 'last', false), learner)
    } catch (error) {
      learner.dispose()
      throw error
    }
  }

  /** The highest stored return of any training episode. */
  get best(): number {
    return this.learner.history.best
  }

  /** Runs G(command). The same seed starts the same episodes. */
  async evaluate(command: number | 'best', episodes = 10, seed = 1): Promise<CommandResult> {
    if (command !== 'best' && !Number.isFinite(Math.fround(command))) throw new GogepoError('ERR_ARGUMENT', `evaluate: expected a command of single precision, got ${command}.`)
    const [asked] = await this.learner.evaluate([command === 'best' ? this.best : command], episodes, { seed, firstIndex: 0 })
    const { returns, achieved } = asked!
    const full = meanAndStd(returns)
    const own = meanAndStd(achieved)
    return { task: this.config.task, ...asked!, mean: full.mean, std: full.std, achievedMean: own.mean, achievedStd: own.std }
  }

  /** Asks for evenly spaced returns and fits a line to what was achieved. */
  async sweep({ from, to, points = 21, episodes = 10, seed = 1 }: { from?: number | undefined; to?: number | undefined; points?: number; episodes?: number; seed?: number } = {}): Promise<Sweep> {
    const low = from ?? this.config.settings.returnMin
    const high = to ?? this.config.settings.returnMax
    if (!(high > low) || points < 2) throw new GogepoError('ERR_ARGUMENT', `sweep: expected at least two commands from a lower to a higher return, got ${points} from ${low} to ${high}.`)
    const commands = Array.from({ length: points }, (_, i) => low + ((high - low) * i) / (points - 1))
    const rows = (await this.learner.evaluate(commands, episodes, { seed, firstIndex: 0 })).map(({ command, predicted, returns, achieved }) => {
      const { mean, std } = meanAndStd(returns)
      const own = meanAndStd(achieved)
      return { command, predicted, mean, std, achievedMean: own.mean, achievedStd: own.std }
    })
    return { task: this.config.task, rows, ...line(rows.map((r) => r.command), rows.map((r) => r.achievedMean)) }
  }

  dispose(): void {
    this.learner.dispose()
  }

  [Symbol.dispose](): void {
    this.dispose()
  }
}

/** Returns, mean and std are full rewards; achieved ones are in the units of the command. */
export interface CommandResult {
  task: string
  command: number
  predicted: number
  returns: number[]
  achieved: number[]
  lengths: number[]
  mean: number
  std: number
  achievedMean: number
  achievedStd: number
}

export interface Sweep {
  task: string
  rows: { command: number; predicted: number; mean: number; std: number; achievedMean: number; achievedStd: number }[]
  /** Of achieved on command. */
  slope: number
  intercept: number
  r2: number
}
