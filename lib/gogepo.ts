/**
 * GoGePo: learn one generator of policies, then ask it for a return.
 * Faccio et al., "Goal-Conditioned Generators of Deep Policies" (arXiv 2207.01570), Algorithm 1. Paper beside code: docs/algorithm.md.
 *
 * c command, the return asked for · θ policy parameters · G generator · V critic · r return · D replay buffer
 */
import { architectureOf, fullBufferBytes, isBufferPinned, refuseTooLarge } from './architecture.js'
import { numeric, requireArgument } from './arguments.js'
import { bestPlusDrive, type CommandStrategy } from './command/strategy.js'
import type { Settings } from './config.js'
import type { Task } from './env/task.js'
import { History } from './history.js'
import type { Evaluation, Iteration, Learner, LearnerState, MemoryUsage } from './learner.js'
import { cudaUse } from './native.js'
import type {
  Critic,
  Episodes,
  Generator,
  Native,
  NativeEngine,
  Policies,
  ReplayBuffer,
  Rollout,
  RolloutOptions,
} from './native.js'
import { Normalizer } from './normalizer.js'
import { gogepoState, restoreGogepo } from './gogepo-state.js'
import { Stopwatch } from './stopwatch.js'

/** Kinds of work whose time is told. */
export type Phase = 'generate' | 'rollout' | 'draw' | 'critic' | 'generator' | 'evaluation'

export interface GogepoOptions {
  native: Native
  task: Task
  settings: Settings
  seed: number
  /** auto, cpu, cuda, cuda:0 … */
  device: string
  /** Rollout workers; changes no result. */
  threads: number
  /** Threads of the updates. */
  torchThreads: number
  strategy?: CommandStrategy
}

/** The learners of this process whose replay buffers lie on a CUDA device. */
const holders = new Set<Gogepo>()
const bytesHeld = (device: string): number =>
  [...holders].reduce((sum, learner) => sum + (learner.engine.device === device ? learner.fullBufferBytes : 0), 0)

export class Gogepo implements Learner {
  readonly history = new History()
  readonly normalizer: Normalizer
  readonly engine: NativeEngine
  readonly generator: Generator
  readonly critic: Critic
  readonly buffer: ReplayBuffer
  readonly rollout: Rollout
  readonly strategy: CommandStrategy
  readonly seconds = new Stopwatch<Phase>()
  /** Evaluation episodes so far: each has a random stream of its own. */
  evaluationEpisodes = 0
  /** The replay buffer lies in the host's memory, since the CUDA device's is too small for it. */
  private readonly pinned: boolean
  /** Of the replay buffer once it is full. */
  readonly fullBufferBytes: number

  constructor(readonly options: GogepoOptions) {
    const { native, task, settings, seed, device, threads, torchThreads } = options
    const architecture = architectureOf(task.spec, settings)
    const sizes = native.sizes(architecture)
    if (device === 'cpu' || native.cudaDevices().length === 0) refuseTooLarge(sizes, settings, torchThreads) // LibTorch itself refuses what a CUDA device does not hold
    this.engine = new native.Engine({
      architecture,
      engine: settings.engine,
      device,
      threads: torchThreads,
      tf32: settings.tf32,
    })
    this.generator = new native.Generator(this.engine, { seed })
    this.critic = new native.Critic(this.engine, { seed })
    this.pinned = isBufferPinned(
      sizes,
      settings,
      cudaUse(native, this.engine.device)?.memory,
      bytesHeld(this.engine.device),
    )
    this.fullBufferBytes = fullBufferBytes(sizes, settings)
    this.buffer = new native.ReplayBuffer(this.engine, {
      capacity: settings.bufferSize,
      recencyExponent: settings.recencyExponent,
      pinned: this.pinned,
    })
    this.rollout = task.rollout(this.engine, threads, architecture)
    this.normalizer = new Normalizer(task.spec.observationSize)
    this.strategy = options.strategy ?? bestPlusDrive(settings.drive)
    if (this.engine.device !== 'cpu' && !this.pinned) holders.add(this)
  }

  /** One iteration of Algorithm 1: k policies (1 in the paper) run side by side, then the updates. */
  async iterate(): Promise<Iteration> {
    const k = this.options.settings.policiesPerIteration

    const commands = Array.from({ length: k }, () => this.nextCommand()) //         c
    const policies = await this.explore(commands) //                                 θ = G(c) + σε
    const episodes = await this.runEpisodes(policies) //                             r = R(π_θ)
    this.store(policies, episodes) //                                                D ← D ∪ {(θ, r)}
    const losses = await this.fit(k) //                                              V(θ) → r, then V(G(r)) → r

    this.history.addAll(commands, episodes)
    return losses
  }

  private nextCommand(): number {
    const command = this.strategy(this.history)
    requireArgument('The command strategy', '', numeric, command) // one that is not finite gives a θ that is not
    return command
  }

  private explore(commands: number[]): Promise<Policies> {
    const { seed, settings } = this.options
    return this.seconds.of('generate', () =>
      this.generator.generate(Float32Array.from(commands), {
        noise: settings.noise,
        seed,
        firstEpisode: this.history.attempts,
      }),
    )
  }

  private runEpisodes(policies: Policies): Promise<Episodes> {
    const { seed, settings } = this.options
    return this.seconds.of('rollout', () =>
      this.rollout.run(policies, {
        episodes: 1,
        seed,
        purpose: 'training',
        firstIndex: this.history.attempts,
        statistics: this.statistics(),
        learning: true,
        removeSurvivalBonus: settings.removeSurvivalBonus,
      }),
    )
  }

  private store(policies: Policies, episodes: Episodes): void {
    this.buffer.push(policies, Float32Array.from(episodes.returns), episodes.diverged)
    policies.dispose()
    this.normalizer.merge(episodes.moments)
    this.history.warnings += episodes.warnings
  }

  /** Both regressions, k episodes' updates of each: one call, so that a GPU makes them all by itself. Losses before the last updates. */
  private async fit(k: number): Promise<Iteration> {
    if (this.buffer.count === 0) return { criticLoss: null, generatorLoss: null } // every episode so far diverged
    const { seed, settings } = this.options
    const { batchSize, criticLearningRate, generatorLearningRate } = settings
    const { critic, generator, seconds } = await this.engine.fit(this.critic, this.generator, this.buffer, {
      criticUpdates: k * settings.criticUpdates,
      generatorUpdates: k * settings.generatorUpdates,
      batchSize,
      criticLearningRate,
      generatorLearningRate,
      seed,
    })
    for (const phase of ['draw', 'critic', 'generator'] as const) this.seconds.add(phase, seconds[phase])
    return { criticLoss: critic.at(-1) ?? null, generatorLoss: generator.at(-1) ?? null }
  }

  /** None before the first episode has been seen: it acts on observations as they are. */
  statistics(): Normalizer | null {
    return this.options.settings.normalizeObservations && this.normalizer.count > 0 ? this.normalizer : null
  }

  /** Episodes of G(c) for each command, without noise, statistics frozen. */
  async evaluate(
    commands: readonly number[],
    episodes: number,
    own?: { seed: number; firstIndex: number },
  ): Promise<Evaluation[]> {
    const { settings, seed } = this.options
    const stream = own ?? { seed, firstIndex: this.evaluationEpisodes }
    if (own === undefined) this.evaluationEpisodes += commands.length * episodes
    const run = {
      ...stream,
      episodes,
      purpose: 'evaluation',
      statistics: this.statistics(),
      learning: false,
      removeSurvivalBonus: settings.removeSurvivalBonus,
    } as const
    return this.seconds.of('evaluation', () => this.ask(commands, run))
  }

  private async ask(commands: readonly number[], run: RolloutOptions): Promise<Evaluation[]> {
    const policies = await this.generator.generate(Float32Array.from(commands), { noise: 0, seed: 0, firstEpisode: 0 })
    const predicted = await this.critic.value(policies)
    const episodes = await this.rollout.run(policies, run)
    policies.dispose()
    return commands.map((command, i) => {
      const own = <T extends ArrayLike<number>>(all: T): number[] =>
        Array.from(all).slice(i * run.episodes, (i + 1) * run.episodes)
      return {
        command,
        predicted: predicted[i]!,
        returns: own(episodes.fullReturns),
        achieved: own(episodes.returns),
        lengths: own(episodes.lengths),
      }
    })
  }

  /** Bytes: rows of the replay buffer, parameters with their Adam moments, workspace of this process's fast engines. */
  memoryUsage(): MemoryUsage {
    const { generator, critic } = this.engine.sizes
    const parameters = 3 * (generator + critic) * Float32Array.BYTES_PER_ELEMENT
    const device = this.engine.device === 'cpu' ? 0 : parameters + (this.pinned ? 0 : this.buffer.bytes)
    return { buffer: this.buffer.bytes, parameters, workspace: this.options.native.memory().workspace, device }
  }

  state(): LearnerState {
    return gogepoState(this)
  }

  restore(state: LearnerState): void {
    restoreGogepo(this, state)
  }

  restoreRows(first: number, thetas: Float32Array, returns: Float32Array): void {
    if (this.buffer.pushed !== first) this.buffer.clear({ pushed: first })
    const policies = new this.options.native.Policies(this.engine, thetas)
    this.buffer.push(policies, returns)
    policies.dispose()
  }

  dispose(): void {
    holders.delete(this)
    for (const native of [this.rollout, this.buffer, this.critic, this.generator, this.engine]) native.dispose()
  }
}
