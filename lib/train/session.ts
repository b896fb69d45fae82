/**
 * A learner on a task with everything that surrounds it: history, normalizer, rollout and evaluation. The trainer drives it;
 * an opened run asks it.
 */
import type { Algorithm, Context, Learner, LearnerState, RowLog, TrainingOptions } from '../algorithms/algorithm.js'
import type { CommandStrategy } from '../algorithms/commands.js'
import { GogepoError } from '../base/errors.js'
import type { Tensor } from '../base/safetensors.js'
import { spread } from '../base/statistics.js'
import { Stopwatch } from '../base/stopwatch.js'
import { single } from '../base/values.js'
import type { Task } from '../env/task.js'
import type { Device, Episodes, Native, Policies, Rollout, RolloutOptions } from '../native/contract.js'
import type { CommonSettings } from '../settings/common.js'
import type { SettingValues } from '../settings/setting.js'
import { CommandCorrection, type TriedCommand } from './command-correction.js'
import { History } from './history.js'
import { Normalizer } from './normalizer.js'

export interface SessionOptions {
  native: Native
  algorithm: Algorithm
  task: Task
  settings: SettingValues
  seed: number
  /** auto, cpu, cuda or cuda:<i> */
  device: string
  /** Rollout workers; they change no result. */
  threads: number
  /** Threads of the updates. */
  torchThreads: number
  strategy?: CommandStrategy | undefined
}

/** Episodes of one command, or of the one policy of an algorithm without commands. */
export interface Evaluation {
  command?: number
  /** What the critic expects, in stored units. */
  predicted?: number
  /** Full rewards, one per episode. */
  returns: number[]
  /** In stored units: without the survival bonus. */
  achieved: number[]
  lengths: number[]
}

/** Which random streams evaluation episodes start from. */
export type EvaluationStream = Pick<RolloutOptions, 'seed' | 'purpose' | 'firstIndex'>

/** Policies whose commands are tried at once, once training has ended. */
const correctedAtOnce = 8

export class Session {
  readonly history = new History()
  readonly normalizer: Normalizer
  readonly stopwatch: Stopwatch
  readonly settings: SettingValues & CommonSettings
  readonly device: Device
  readonly learner: Learner
  readonly rollout: Rollout
  /** Training episodes that have begun in the current iteration. */
  private begun = 0
  /** What its commands are replaced by, from the end of training until more is learned. */
  correction: CommandCorrection | undefined
  /** Nothing has been learned since the last iteration ended, so the state may be saved. */
  atBoundary = true

  constructor(readonly options: SessionOptions) {
    const { native, algorithm, task, seed, device, threads, torchThreads, strategy } = options
    if (strategy !== undefined && !algorithm.takesCommands)
      throw new GogepoError(
        'ERR_ARGUMENT',
        `${algorithm.name} learns a single policy and takes no commands: leave the command strategy out.`,
      )
    this.settings = options.settings as SettingValues & CommonSettings
    this.normalizer = new Normalizer(task.spec.observationSize)
    this.stopwatch = new Stopwatch(['rollout', ...algorithm.phases, 'evaluation'])
    this.device = new native.Device({ device, threads: torchThreads, tf32: this.settings.tf32 })
    try {
      const context: Context = {
        native,
        device: this.device,
        task: task.spec,
        settings: this.settings,
        seed,
        torchThreads,
        history: this.history,
        stopwatch: this.stopwatch,
        ...(strategy && { strategy }),
        run: (policies, options) => this.runTraining(policies, options),
      }
      this.learner = algorithm.create(context as Context<never>)
    } catch (error) {
      this.device.dispose()
      throw error
    }
    this.rollout = task.rollout(native, this.learner.policySpec, threads)
  }

  /** One iteration of the algorithm; returns its metrics. */
  async iterate(): Promise<Readonly<Record<string, number | null>>> {
    this.begun = 0
    this.correction = undefined
    const { episodes, commands, metrics } = await this.learner.iterate()
    this.normalizer.merge(episodes.moments)
    this.history.addAll(episodes, commands)
    this.atBoundary = true
    return metrics
  }

  private async runTraining(policies: Policies, options: TrainingOptions): Promise<Episodes> {
    if (!options.resume) this.begun += policies.count
    const firstIndex = this.history.attempts + this.begun - policies.count
    const episodes = await this.stopwatch.of('rollout', () =>
      this.rollout.run(policies, {
        ...options,
        ...this.rolloutOptions(),
        episodes: 1,
        seed: this.options.seed,
        purpose: 'training',
        firstIndex,
        observe: this.settings.normalizeObservations ? options.observe : 'none',
      }),
    )
    this.atBoundary = false
    requireSingle(episodes)
    return episodes
  }

  private rolloutOptions(): Pick<RolloutOptions, 'statistics' | 'removeSurvivalBonus'> {
    return { statistics: this.statistics(), removeSurvivalBonus: this.settings.removeSurvivalBonus }
  }

  /** null while nothing has been observed: the very first episode acts on observations as they are. */
  statistics(): Normalizer | null {
    return this.settings.normalizeObservations && this.normalizer.count > 0 ? this.normalizer : null
  }

  /** The policies for these commands, corrected once training has ended; without commands, the one policy there is. */
  policies(commands: readonly number[] | undefined, exploration?: { seed: number }): Promise<Policies> {
    const { correction } = this
    return this.learner.policies(correction ? commands?.map((c) => correction.correct(c)) : commands, exploration)
  }

  /** The command with which it is evaluated. */
  get bestCommand(): number {
    return this.learner.bestCommand ?? this.history.best
  }

  /** Whether its commands still have to be corrected once training has ended. */
  get needsCorrection(): boolean {
    const { best, lowest, episodes } = this.history
    return this.correction === undefined && (this.learner.correctionEpisodes ?? 0) > 1 && episodes > 0 && best > lowest
  }

  /**
   * Tries commands over the range of the returns so far, one noise-free episode each, and corrects all later ones by what they
   * achieved. Where fewer than two episodes end normally, commands stay as they are.
   * @param firstIndex of these episodes in the stream of final evaluations
   * @param signal aborting it in between leaves commands uncorrected
   */
  async correctCommands(firstIndex: number, signal: AbortSignal): Promise<void> {
    const { lowest, best } = this.history
    const count = this.learner.correctionEpisodes ?? 0
    // Some coincide where the returns differ by little more than rounding errors.
    const even = [...new Set(spread(lowest, best, Math.max(2, Math.ceil(count / 2))))]
    const first = await this.tryCommands(even, firstIndex, signal)
    if (first === undefined) return
    const steep = CommandCorrection.of(first).next(count - even.length)
    const second = await this.tryCommands(steep, firstIndex + even.length, signal)
    if (second !== undefined) this.correction = CommandCorrection.of([...first, ...second])
  }

  /** One noise-free episode each, without those that diverge; undefined if it is aborted in between. */
  private async tryCommands(
    commands: readonly number[],
    firstIndex: number,
    signal: AbortSignal,
  ): Promise<TriedCommand[] | undefined> {
    const tried: TriedCommand[] = []
    // A few at a time: memory may not hold all of them.
    for (let i = 0; i < commands.length; i += correctedAtOnce) {
      if (signal.aborted) return undefined
      const stream = { seed: this.options.seed, purpose: 'final', firstIndex: firstIndex + i } as const
      const some = commands.slice(i, i + correctedAtOnce)
      const run = await this.withPolicies(some, (policies) => this.runPolicies(policies, 1, stream))
      for (const [j, command] of some.entries()) {
        const achieved = run.returns[j]!
        if (!run.diverged[j] && Number.isFinite(achieved)) tried.push({ command, achieved })
      }
    }
    return tried
  }

  /** Runs the policy of each command without noise and with frozen statistics; without commands, the one policy there is. */
  async evaluate(
    commands: readonly number[] | undefined,
    episodes: number,
    stream: EvaluationStream,
  ): Promise<Evaluation[]> {
    const { predicted, run } = await this.withPolicies(commands, async (policies) => ({
      predicted: await this.learner.predict?.(policies),
      run: await this.runPolicies(policies, episodes, stream),
    }))
    return Array.from({ length: run.returns.length / episodes }, (_, i) => {
      const own = (all: ArrayLike<number>): number[] => Array.from(all).slice(i * episodes, (i + 1) * episodes)
      return {
        ...(commands && { command: commands[i]! }),
        ...(predicted && { predicted: predicted[i]! }),
        returns: own(run.fullReturns),
        achieved: own(run.returns),
        lengths: own(run.lengths),
      }
    })
  }

  /** Uses the policies of these commands, and frees them. */
  private withPolicies<T>(
    commands: readonly number[] | undefined,
    use: (policies: Policies) => Promise<T>,
  ): Promise<T> {
    return this.stopwatch.of('evaluation', async () => {
      const policies = await this.policies(commands)
      try {
        return await use(policies)
      } finally {
        policies.dispose()
      }
    })
  }

  /** Their episodes without noise, with frozen statistics. */
  private runPolicies(policies: Policies, episodes: number, stream: EvaluationStream): Promise<Episodes> {
    return this.rollout.run(policies, { ...this.rolloutOptions(), ...stream, episodes, observe: 'none' })
  }

  /** Everything that later iterations depend on, apart from the learner's log. */
  state(): LearnerState {
    return joined({
      learner: this.learner.state(),
      history: this.history.state(),
      normalizer: this.normalizer.state(),
      ...(this.correction && { correction: { tensors: this.correction.state(), counters: {} } }),
    })
  }

  /** @throws GogepoError ERR_FILE, ERR_SHAPE, ERR_CHECKPOINT */
  restore(state: LearnerState): void {
    const part = (name: string): LearnerState => ({
      tensors: withPrefix(state.tensors, name),
      counters: withPrefix(state.counters, name),
    })
    this.learner.restore(part('learner'))
    this.history.restore(part('history'))
    this.normalizer.restore(part('normalizer'))
    this.correction = CommandCorrection.restore(part('correction').tensors)
  }

  get log(): RowLog | undefined {
    return this.learner.log
  }

  dispose(): void {
    this.rollout.dispose()
    this.learner.dispose()
    this.device.dispose()
  }
}

/** @throws GogepoError ERR_ENVIRONMENT when a return is one that no algorithm could learn from and nobody could command */
function requireSingle({ returns, diverged }: Episodes): void {
  const i = returns.findIndex((value, i) => !diverged[i] && !single.fits(value))
  if (i >= 0)
    throw new GogepoError(
      'ERR_ENVIRONMENT',
      `An episode returned ${returns[i]}, but returns are stored in single precision, up to ±3.4e38. Make the task’s rewards smaller.`,
    )
}

/** The states of several parts as one, each name prefixed by its part's. */
function joined(parts: Readonly<Record<string, LearnerState>>): LearnerState {
  const tensors: Record<string, Tensor> = {}
  const counters: Record<string, number> = {}
  for (const [part, state] of Object.entries(parts)) {
    for (const [name, tensor] of Object.entries(state.tensors)) tensors[`${part}.${name}`] = tensor
    for (const [name, counter] of Object.entries(state.counters)) counters[`${part}.${name}`] = counter
  }
  return { tensors, counters }
}

const withPrefix = <T>(all: Readonly<Record<string, T>>, part: string): Record<string, T> =>
  Object.fromEntries(
    Object.entries(all)
      .filter(([name]) => name.startsWith(`${part}.`))
      .map(([name, value]) => [name.slice(part.length + 1), value]),
  )
