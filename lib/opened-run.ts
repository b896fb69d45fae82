/** A trained run, open to be asked: for the return of a command, for many, for a policy to keep. */
import { availableParallelism } from 'node:os'
import type { Progress } from './checkpoint.js'
import { GogepoError } from './errors.js'
import { architectureOf } from './architecture.js'
import {
  either,
  finite,
  flag,
  callback,
  inWords,
  readOptions,
  refuseForeign,
  requireArgument,
  text,
  whole,
  word,
} from './arguments.js'
import type { Gogepo } from './gogepo.js'
import { requireMemory } from './memory.js'
import type { Policies } from './native.js'
import { Policy } from './policy.js'
import { makeLearner, place, type Place, type TaskAgain } from './run.js'
import { RunStore, type RunConfig } from './run-store.js'
import { line, meanAndStd } from './statistics.js'
import { version } from './version.js'

/** How to open a run. */
export interface OpenOptions extends Place, TaskAgain {
  /** Which of its checkpoints: the last, the best by evaluation, or the one at that many steps. The last when left out. */
  checkpoint?: 'last' | 'best' | number | undefined
}

/** How many episodes to run, and which. */
export interface AskOptions {
  /** Of each command; 10 when left out. */
  episodes?: number | undefined
  /** The same seed starts the same episodes. 1 when left out. */
  seed?: number | undefined
}

const mostEpisodes = 1_000_000
const asking = { episodes: whole(1, mostEpisodes), seed: whole(0) }

/** Which commands to ask for. */
export interface SweepOptions extends AskOptions {
  /** The lowest and the highest command, in stored units; the run's returnMin and returnMax when left out. */
  from?: number | undefined
  to?: number | undefined
  /** How many, evenly spaced, both ends among them; 21 when left out. */
  points?: number | undefined
}

/** What kind of policy to generate. */
export interface PolicyOptions {
  /** With noise in its parameters, as in training (paper, section 3); without when left out. */
  noise?: boolean | undefined
  /** Which noise. 1 when left out. */
  seed?: number | undefined
}

/**
 * Opens a run that was trained, to be asked. The folder is only read; the run may be training meanwhile.
 * @param folder the run's, as `RunResult.run` says
 * @throws GogepoError ERR_RUN when it is none, or its task is not found again; ERR_CHECKPOINT when it has no such checkpoint, or one of its files is damaged;
 * ERR_ENVIRONMENT, ERR_PYTHON when its task cannot be made; and what opening the engine
 * throws: ERR_LIBTORCH_NOT_FOUND, ERR_LIBTORCH_VERSION, ERR_ADDON, ERR_CUDA_UNAVAILABLE
 */
export async function openRun(folder: string, options: OpenOptions = {}): Promise<OpenedRun> {
  requireArgument('openRun', 'the folder', text, folder)
  const { checkpoint = 'last', ...where } = readOptions('openRun', options, {
    ...place,
    task: either(text, callback),
    checkpoint: either(word('last', 'best'), whole(0)),
  })
  const store = RunStore.open(folder)
  const learner = await makeLearner(store.config, {
    ...where,
    threads: where.threads ?? availableParallelism(),
    torchThreads: where.torchThreads ?? availableParallelism(),
  })
  try {
    return new OpenedRun(folder, store.config, store.checkpoints.load(learner, checkpoint, false), learner)
  } catch (error) {
    learner.dispose()
    throw error
  }
}

/**
 * A generator G and its critic V as a checkpoint holds them. Commands, achieved and predicted returns are in stored units: without the survival bonus.
 * Calls wait for one another. Free it with `dispose()` or `using`; then every call throws ERR_DISPOSED.
 */
export class OpenedRun {
  static {
    refuseForeign(OpenedRun, (value) => #learner in value)
  }

  readonly #learner: Gogepo
  #last: Promise<unknown> = Promise.resolve()

  /** @internal */
  constructor(
    /** Its folder. */
    readonly folder: string,
    /** What config.json holds. */
    readonly config: RunConfig,
    /** Where the run stood at this checkpoint. */
    readonly progress: Progress,
    learner: Gogepo,
  ) {
    this.#learner = learner
  }

  /** The highest stored return of any training episode. */
  get best(): number {
    return this.#learner.history.best
  }

  /**
   * Runs G(command), without noise.
   * @param command a return, or best: the highest of training
   * @returns achieved and predicted returns in stored units, full rewards beside them
   * @throws GogepoError ERR_ARGUMENT, ERR_DISPOSED; ERR_ENVIRONMENT, ERR_PYTHON when the task fails
   */
  async evaluate(command: number | 'best', options: AskOptions = {}): Promise<CommandResult> {
    const { episodes = 10, seed = 1 } = readOptions('evaluate', options, asking)
    const asked = this.#commandOf(command)
    const [result] = await this.#alone(() => this.#learner.evaluate([asked], episodes, { seed, firstIndex: 0 }))
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
   * Asks for evenly spaced returns and fits a line to what was achieved (paper, section 5).
   * @throws GogepoError as `evaluate`
   */
  async sweep(options: SweepOptions = {}): Promise<Sweep> {
    const {
      from,
      to,
      points = 21,
      episodes = 10,
      seed = 1,
    } = readOptions('sweep', options, { ...asking, from: finite, to: finite, points: whole(2, 10_000) })
    const low = from ?? this.config.settings.returnMin
    const high = to ?? this.config.settings.returnMax
    if (!(high > low))
      throw new GogepoError(
        'ERR_ARGUMENT',
        `sweep: expected commands from a lower to a higher return, got ${low} to ${high}.`,
      )
    if (points * episodes > mostEpisodes)
      throw new GogepoError(
        'ERR_ARGUMENT',
        `sweep: expected at most ${mostEpisodes} episodes, got ${episodes} for each of ${points} points.`,
      )
    requireMemory(
      2 * points * this.#learner.engine.sizes.policy * Float32Array.BYTES_PER_ELEMENT,
      `${points} policies at once`,
      'Ask for fewer points.',
    )
    const commands = Array.from({ length: points }, (_, i) => low + ((high - low) * i) / (points - 1))
    const asked = await this.#alone(() => this.#learner.evaluate(commands, episodes, { seed, firstIndex: 0 }))
    const rows = asked.map(({ command, predicted, returns, achieved }) => {
      const { mean, std } = meanAndStd(returns)
      const own = meanAndStd(achieved)
      return { command, predicted, mean, std, achievedMean: own.mean, achievedStd: own.std }
    })
    return {
      task: this.config.task,
      rows,
      ...line(
        rows.map((r) => r.command),
        rows.map((r) => r.achievedMean),
      ),
    }
  }

  /**
   * The return that the critic expects, V(G(command)) or V(θ) (paper, section 3): no episode is run.
   * @param asked a command, best, or a policy of a run with the same task and shape
   * @returns in stored units
   * @throws GogepoError ERR_ARGUMENT, ERR_SHAPE when the policy has other layers than this run's, ERR_DISPOSED
   */
  async predict(asked: number | 'best' | Policy): Promise<number> {
    if (!(asked instanceof Policy))
      return this.#with(this.#commandOf(asked), 0, 1, async (_policies, predicted) => predicted)
    const { engine, options } = this.#learner
    const { observationSize, actionSize, policyHidden } = this.#architecture()
    const own = [observationSize, ...policyHidden, actionSize]
    if (asked.sizes.join() !== own.join())
      throw new GogepoError(
        'ERR_SHAPE',
        `predict: expected a policy of layers ${own.join('-')}, as ${this.folder} has, got ${asked.sizes.join('-')}.`,
      )
    return this.#alone(() =>
      this.#using(new options.native.Policies(engine, asked.parameters), async (_policies, predicted) => predicted),
    )
  }

  /**
   * The policy that the generator makes for a command: θ = G(command), with noise + σε (paper, section 3). It outlives this run's being closed.
   * @param command a return, or best: the highest of training
   * @throws GogepoError ERR_ARGUMENT, ERR_DISPOSED
   */
  async policy(command: number | 'best', options: PolicyOptions = {}): Promise<Policy> {
    const { noise = false, seed = 1 } = readOptions('policy', options, { noise: flag, seed: whole(0) })
    const { native, settings } = this.#learner.options
    const { observationSize, actionSize, policyHidden, discrete, actionCenter, actionScale } = this.#architecture()
    const asked = this.#commandOf(command)
    const sigma = noise ? settings.noise : 0
    return this.#with(asked, sigma, seed, async (policies, predicted) => {
      const statistics = this.#learner.statistics()
      const shape = {
        sizes: [observationSize, ...policyHidden, actionSize],
        discrete,
        actionCenter,
        actionScale,
        observationMean: statistics?.mean.slice() ?? new Float64Array(observationSize),
        observationStd: statistics ? native.observationStd(statistics) : new Float64Array(observationSize).fill(1),
      }
      return new Policy(native, shape, policies.toArray(), {
        task: this.config.task,
        command: asked,
        predicted,
        noise: sigma,
        run: this.folder,
        gogepo: version,
      })
    })
  }

  /** Frees its memory. */
  dispose(): void {
    this.#learner.dispose()
  }

  /** The same as `dispose`. */
  [Symbol.dispose](): void {
    this.dispose()
  }

  #architecture() {
    const { task, settings } = this.#learner.options
    return architectureOf(task.spec, settings)
  }

  #commandOf(command: number | 'best'): number {
    if (command !== 'best' && !(typeof command === 'number' && Number.isFinite(Math.fround(command))))
      throw new GogepoError('ERR_ARGUMENT', `Expected a command of single precision, or best, got ${inWords(command)}.`)
    return command === 'best' ? this.best : command
  }

  #with<T>(
    command: number,
    noise: number,
    seed: number,
    ask: (policies: Policies, predicted: number) => Promise<T>,
  ): Promise<T> {
    return this.#alone(async () =>
      this.#using(
        await this.#learner.generator.generate(Float32Array.of(command), { noise, seed, firstEpisode: 0 }),
        ask,
      ),
    )
  }

  async #using<T>(policies: Policies, ask: (policies: Policies, predicted: number) => Promise<T>): Promise<T> {
    try {
      const [predicted] = await this.#learner.critic.value(policies)
      return await ask(policies, predicted!)
    } finally {
      policies.dispose()
    }
  }

  /** The native side does one thing at a time and refuses a second: here the second waits. */
  #alone<T>(work: () => Promise<T>): Promise<T> {
    const mine = this.#last.then(work)
    this.#last = mine.catch(() => {})
    return mine
  }
}

/** What came of a command. Returns, mean and std are full rewards; achieved ones are in the units of the command. */
export interface CommandResult {
  task: string
  command: number
  /** V(G(command)). */
  predicted: number
  /** Of each episode; so are the two lists below. */
  returns: number[]
  achieved: number[]
  /** In steps. */
  lengths: number[]
  mean: number
  std: number
  achievedMean: number
  achievedStd: number
}

/** What came of many commands, and the line through it. */
export interface Sweep {
  task: string
  /** Fields as in `CommandResult`. */
  rows: { command: number; predicted: number; mean: number; std: number; achievedMean: number; achievedStd: number }[]
  /** Of achieved on command. */
  slope: number
  intercept: number
  r2: number
}
