/** A trained run, open to be asked: for the return of a command, for many, for a policy to keep. */
import { readOptions, refuseForeign, requireArgument } from '../base/arguments.js'
import { availableCpus } from '../base/cpus.js'
import { GogepoError } from '../base/errors.js'
import { requireMemory } from '../base/memory.js'
import { obedienceOf, verdictOf, type Obedience, type VerdictKind } from '../base/obedience.js'
import { meanAndStd, spread } from '../base/statistics.js'
import { callback, either, flag, plainObject, single, text, whole, word } from '../base/values.js'
import { version } from '../base/package.js'
import { describe } from '../base/words.js'
import type { Policies } from '../native/contract.js'
import { Policy } from '../policy/policy.js'
import { mostEpisodes } from '../settings/common.js'
import type { TriedCommands } from '../train/command-correction.js'
import type { Session } from '../train/session.js'
import type { Progress } from '../train/trainer.js'
import { computeOptions, type Compute } from './compute.js'
import type { RunConfig } from './config.js'
import { RunFolder } from './folder.js'
import { makeSession, type Again } from './resume.js'

/** How to open a run. */
export interface OpenOptions extends Compute, Again {
  /**
   * Which of its checkpoints: the last, the best by evaluation, or the one at that many steps. The last when left out.
   */
  checkpoint?: 'last' | 'best' | number | undefined
}

/** How many episodes to run, and which. */
export interface AskOptions {
  /** Episodes of each command; 10 when left out. */
  episodes?: number | undefined
  /** The same seed starts the same episodes. 1 when left out. */
  seed?: number | undefined
}

const asking = { episodes: whole(1, mostEpisodes), seed: whole(0) }

/** Which commands to sweep over. */
export interface SweepOptions extends AskOptions {
  /** The lowest and the highest command, in stored units; the lowest and the highest return of the run's training when left out. */
  from?: number | undefined
  to?: number | undefined
  /** How many commands, evenly spaced, including both ends; 21 when left out. */
  points?: number | undefined
}

/** What kind of policy to generate. */
export interface PolicyOptions {
  /** Adds parameter noise, as in training (paper, section 3); no noise when left out. */
  noise?: boolean | undefined
  /** Seed of the noise. 1 when left out. */
  seed?: number | undefined
}

/**
 * Opens a trained run to be asked. The folder is only read, so the run may be training at the same time.
 * @param folder the run's, as `RunResult.run` gives it
 * @throws GogepoError ERR_RUN when it is not a run, or its task or algorithm is not found again; ERR_CHECKPOINT when it
 * has no such checkpoint, or one of its files is damaged; ERR_ENVIRONMENT, ERR_PYTHON when its task cannot be made; and
 * when the native side cannot be opened: ERR_LIBTORCH_NOT_FOUND, ERR_LIBTORCH_VERSION, ERR_ADDON, ERR_CUDA_UNAVAILABLE
 */
export async function openRun(folder: string, options: OpenOptions = {}): Promise<OpenedRun> {
  requireArgument('openRun', 'the folder', text, folder)
  const { checkpoint = 'last', ...rest } = readOptions('openRun', options, {
    ...computeOptions,
    task: either(text, callback),
    algorithm: plainObject,
    checkpoint: either(word('last', 'best'), whole(0)),
  })
  const run = RunFolder.open(folder, rest.algorithm)
  const { threads = availableCpus(), torchThreads = availableCpus() } = rest
  const session = await makeSession(run, { ...rest, threads, torchThreads })
  try {
    return new OpenedRun(folder, run.config, run.load(session, checkpoint, false).progress, session)
  } catch (error) {
    session.dispose()
    throw error
  }
}

/**
 * What a checkpoint has learned: for GoGePo a generator G and its critic V. Commands, achieved and predicted returns
 * are in stored units: without the survival bonus. Calls wait for one another. Free it with `dispose()` or `using`;
 * then every call throws ERR_DISPOSED. With an algorithm that learns a single policy, leave the command out.
 */
export class OpenedRun {
  static {
    refuseForeign(OpenedRun, (value) => #session in value)
  }

  readonly #session: Session
  #last: Promise<unknown> = Promise.resolve()
  #disposed = false

  /** @internal */
  constructor(
    /** Its folder. */
    readonly folder: string,
    /** What config.json contains. */
    readonly config: RunConfig,
    /** Where the run was at this checkpoint. */
    readonly progress: Progress,
    session: Session,
  ) {
    this.#session = session
  }

  /** The highest stored return of any training episode. */
  get best(): number {
    return this.#session.history.best
  }

  /** The lowest stored return of any training episode. */
  get lowest(): number {
    return this.#session.history.lowest
  }

  /**
   * What single noise-free episodes achieved at the end of training: commands, in order, and their returns, by which `evaluate`,
   * `sweep`, `predict` and `policy` correct commands. null where nothing is corrected: training has not ended, this is neither its last
   * nor its best checkpoint, all its returns are equal, the setting correctionEpisodes is below 2, or all of these episodes but one
   * diverged.
   */
  get correction(): TriedCommands | null {
    const tried = this.#session.correction?.tried
    return tried !== undefined && tried.commands.length > 0 ? tried : null
  }

  /** Environment steps of training at this checkpoint. */
  get steps(): number {
    return this.#session.history.steps
  }

  /** Training episodes that had ended normally at this checkpoint. */
  get episodes(): number {
    return this.#session.history.episodes
  }

  /**
   * Runs the policy of a command, G(command), without noise.
   * @param command a return, or best: the highest of training, with udrl the mean of its best episodes
   * @returns achieved and predicted returns in stored units, next to the full rewards
   * @throws GogepoError ERR_ARGUMENT, ERR_DISPOSED; ERR_ENVIRONMENT, ERR_PYTHON when the task fails
   */
  async evaluate(command: number | 'best' = 'best', options: AskOptions = {}): Promise<CommandResult> {
    this.#requireOpen()
    const { episodes = 10, seed = 1 } = readOptions('evaluate', options, asking)
    const commands = this.#commands(command)
    const stream = { seed, purpose: 'evaluation', firstIndex: 0 } as const
    const [result] = await this.#serialize(() => this.#session.evaluate(commands, episodes, stream))
    const { returns, achieved } = result!
    const full = meanAndStd(returns)
    const own = meanAndStd(achieved)
    return {
      task: this.config.task,
      ...result!,
      mean: full.mean,
      std: full.std,
      achievedMean: own.mean,
      achievedStd: own.std,
    }
  }

  /**
   * Commands evenly spaced returns and measures how well they are followed (paper, section 5). Formulas: docs/metrics.md.
   * @throws GogepoError as `evaluate`
   */
  async sweep(options: SweepOptions = {}): Promise<Sweep> {
    this.#requireOpen()
    const given = readOptions('sweep', options, { ...asking, from: single, to: single, points: whole(2, 10_000) })
    const { points = 21, episodes = 10, seed = 1 } = given
    const { options: session, learner, settings } = this.#session
    if (!session.algorithm.takesCommands) throw this.#noCommands('sweep')
    // The range that was achieved in training; where that is a single return, the range of commands.
    const { returnMin, returnMax } = settings as Partial<Record<string, number>>
    const varied = this.best > this.lowest
    const low = given.from ?? (varied ? this.lowest : (returnMin ?? this.lowest))
    const high = given.to ?? (varied ? this.best : (returnMax ?? this.best))
    // The networks compute in single precision: commands that it cannot tell apart would be asked for twice.
    const step = (high - low) / (points - 1)
    if (!(high > low))
      throw new GogepoError(
        'ERR_ARGUMENT',
        `sweep: expected the lowest command, from, to be below the highest, to, got ${low} and ${high}.`,
      )
    if (!(Math.fround(low + step) > Math.fround(low) && Math.fround(high) > Math.fround(high - step)))
      throw new GogepoError(
        'ERR_ARGUMENT',
        `sweep: expected ${points} different commands of single precision, got ${low} to ${high}. Ask for fewer points, or for a wider range.`,
      )
    if (points * episodes > mostEpisodes)
      throw new GogepoError(
        'ERR_ARGUMENT',
        `sweep: expected at most ${mostEpisodes} episodes in total, got ${episodes} for each of ${points} commands.`,
      )
    const policyBytes = session.native.policySize(learner.policySpec) * Float32Array.BYTES_PER_ELEMENT
    requireMemory(2 * points * policyBytes, `${points} policies at once`, 'Sweep over fewer points.')

    const commands = spread(low, high, points)
    const stream = { seed, purpose: 'evaluation', firstIndex: 0 } as const
    const evaluations = await this.#serialize(() => this.#session.evaluate(commands, episodes, stream))
    const rows = evaluations.map(({ command, predicted, returns, achieved }) => {
      const { mean, std } = meanAndStd(returns)
      const own = meanAndStd(achieved)
      const what = { command: command!, ...(predicted !== undefined && { predicted }) }
      return { ...what, mean, std, achievedMean: own.mean, achievedStd: own.std }
    })
    const measured = rows.map((r) => ({ command: r.command, mean: r.achievedMean, std: r.achievedStd }))
    const obedience = obedienceOf(measured, episodes, high - low)
    return { task: this.config.task, rows, ...obedience, ...verdictOf(measured, obedience, high - low) }
  }

  /**
   * The return that the critic expects, V(G(command)) or V(θ) (paper, section 3). No episode is run.
   * @param asked a command, best, or a policy of a run with the same task and shape
   * @returns in stored units
   * @throws GogepoError ERR_ARGUMENT, ERR_SHAPE when the policy has other layers than this run's, ERR_DISPOSED
   */
  async predict(asked: number | 'best' | Policy): Promise<number> {
    this.#requireOpen()
    if (!(asked instanceof Policy))
      return this.#withPolicy(asked, undefined, async (_policies, predicted) => this.#required(predicted))
    const { options, device, learner } = this.#session
    const { observationSize, hidden, actionSize } = learner.policySpec
    const own = [observationSize, ...hidden, actionSize]
    if (asked.sizes.join() !== own.join())
      throw new GogepoError(
        'ERR_SHAPE',
        `predict: expected a policy of layers ${own.join('-')}, as ${this.folder} has, got ${asked.sizes.join('-')}.`,
      )
    return this.#serialize(async () => {
      const policies = new options.native.Policies(device, learner.policySpec, asked.parameters)
      return this.#using(policies, async (_policies, predicted) => this.#required(predicted))
    })
  }

  #required(predicted: number | undefined): number {
    if (predicted !== undefined) return predicted
    throw new GogepoError('ERR_ARGUMENT', `predict: ${this.config.algorithm} has no critic that predicts returns.`)
  }

  /**
   * The policy that the generator makes for a command: θ = G(command), with noise + σε (paper, section 3). It stays
   * usable after this run is closed.
   * @param command a return, or best: the highest of training
   * @throws GogepoError ERR_ARGUMENT, also for noise where the algorithm adds none to parameters; ERR_DISPOSED
   */
  async policy(command: number | 'best' = 'best', options: PolicyOptions = {}): Promise<Policy> {
    this.#requireOpen()
    const { noise = false, seed = 1 } = readOptions('policy', options, { noise: flag, seed: whole(0) })
    const { learner, options: session } = this.#session
    if (learner.policySpec.command !== undefined)
      throw new GogepoError(
        'ERR_ARGUMENT',
        `policy: a policy of ${this.config.algorithm} acts on what is still asked of its episode, which it learns from rewards; it cannot act outside of a run. Evaluate it with: gogepo evaluate ${this.folder}`,
      )
    const sigma = noise ? learner.parameterNoise : 0
    if (sigma === undefined)
      throw new GogepoError(
        'ERR_ARGUMENT',
        `policy: ${this.config.algorithm} adds no noise to parameters: leave noise out.`,
      )
    const commanded = this.#commands(command)?.[0]
    return this.#withPolicy(command, noise ? { seed } : undefined, async (policies, predicted) => {
      const statistics = this.#session.statistics()
      const { observationSize } = learner.policySpec
      const shape = {
        spec: learner.policySpec,
        observationMean: statistics?.mean.slice() ?? new Float64Array(observationSize),
        observationStd: statistics
          ? session.native.observationStd(statistics)
          : new Float64Array(observationSize).fill(1),
      }
      return new Policy(session.native, shape, policies.toArray(), {
        task: this.config.task,
        taskOptions: this.config.taskOptions,
        command: commanded ?? null,
        predicted: predicted ?? null,
        noise: sigma,
        removeSurvivalBonus: this.#session.settings.removeSurvivalBonus,
        run: this.folder,
        gogepo: version,
      })
    })
  }

  /** Frees its memory. */
  dispose(): void {
    this.#disposed = true
    this.#session.dispose()
  }

  /** The same as `dispose`. */
  [Symbol.dispose](): void {
    this.dispose()
  }

  /** @throws GogepoError ERR_ARGUMENT */
  #commands(command: number | 'best'): readonly number[] | undefined {
    if (!this.#session.options.algorithm.takesCommands) {
      if (command !== 'best') throw this.#noCommands('command')
      return undefined
    }
    if (command === 'best') return [this.#session.bestCommand]
    if (!single.fits(command))
      throw new GogepoError(
        'ERR_ARGUMENT',
        `Expected a command of single precision, or best, got ${describe(command)}.`,
      )
    return [command]
  }

  #noCommands(what: string): GogepoError {
    return new GogepoError(
      'ERR_ARGUMENT',
      `${what}: ${this.config.algorithm} learns a single policy, which takes no commands. Evaluate it with: gogepo evaluate ${this.folder}`,
    )
  }

  #withPolicy<T>(
    command: number | 'best',
    exploration: { seed: number } | undefined,
    ask: (policies: Policies, predicted?: number) => Promise<T>,
  ): Promise<T> {
    const commands = this.#commands(command)
    return this.#serialize(async () => this.#using(await this.#session.policies(commands, exploration), ask))
  }

  async #using<T>(policies: Policies, ask: (policies: Policies, predicted?: number) => Promise<T>): Promise<T> {
    try {
      const predicted = await this.#session.learner.predict?.(policies)
      return await ask(policies, predicted?.[0])
    } finally {
      policies.dispose()
    }
  }

  #requireOpen(): void {
    if (this.#disposed)
      throw new GogepoError('ERR_DISPOSED', `${this.folder} has been closed. Open the run again with openRun.`)
  }

  /** The native side does one thing at a time and refuses a second: here the second waits. */
  #serialize<T>(work: () => Promise<T>): Promise<T> {
    const mine = this.#last.then(() => {
      this.#requireOpen() // it may have been closed meanwhile
      return work()
    })
    this.#last = mine.catch(() => {})
    return mine
  }
}

/**
 * The result of a command. `returns`, `mean` and `std` are full rewards; achieved ones are in the units of the command.
 */
export interface CommandResult {
  task: string
  /** Absent where the algorithm takes no commands. */
  command?: number
  /** V(G(command)); absent where there is no critic. */
  predicted?: number
  /** One entry per episode, as in the two lists below. */
  returns: number[]
  achieved: number[]
  /** In steps. */
  lengths: number[]
  mean: number
  std: number
  achievedMean: number
  achievedStd: number
}

/** The results of many commands, and how well they were followed over the range of the sweep. */
export interface Sweep extends Obedience {
  task: string
  /** Fields as in `CommandResult`. */
  rows: {
    command: number
    predicted?: number
    mean: number
    std: number
    achievedMean: number
    achievedStd: number
  }[]
  /** How well commands are followed, in one word: follows, follows loosely, switch, ignores. */
  kind: VerdictKind
  /** The same in one sentence without its subject. */
  verdict: string
}
