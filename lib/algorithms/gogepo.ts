/**
 * GoGePo: learn one generator of policies; command a return, get a policy that achieves it.
 * Faccio et al., "Goal-Conditioned Generators of Deep Policies" (arXiv 2207.01570), Algorithm 1. How the code follows the paper:
 * docs/algorithm.md.
 *
 * c command, the return asked for · θ policy parameters · G generator · V critic · r return · D replay buffer
 */
import { real, single, whole, widths, word } from '../base/values.js'
import type { Critic, Episodes, Generator, Networks, Policies, PolicySpec, ReplayBuffer } from '../native/contract.js'
import { setting, type SettingsOf } from '../settings/setting.js'
import type { CommonSettings } from '../settings/common.js'
import {
  defineAlgorithm,
  policySpecOf,
  type Context,
  type Iteration,
  type Learner,
  type LearnerState,
  type MemoryUsage,
  type RowLog,
} from './algorithm.js'
import { Commander, strategyOf } from './commander.js'
import { strategyText, uniform, type StrategyContext } from './commands.js'
import { architectureOf, BufferPlacement, checkGenerator, refuseTooLarge } from './gogepo-memory.js'
import { BufferLog, networksState, restoreNetworks } from './gogepo-state.js'
import { ReturnUnits } from './gogepo-units.js'
import { backendSetting, correctionEpisodesSetting } from './shared-settings.js'

/** What calibration episodes ask for: any return that has been achieved. */
const calibration = uniform()

export class Gogepo implements Learner {
  readonly policySpec: PolicySpec
  readonly networks: Networks
  readonly generator: Generator
  readonly critic: Critic
  readonly buffer: ReplayBuffer
  readonly log: RowLog
  readonly correctionEpisodes: number
  private readonly commander: Commander
  /** The units of the returns in the replay buffer. */
  readonly units: ReturnUnits
  private readonly placement: BufferPlacement

  constructor(private readonly context: Context<GogepoSettings>) {
    const { native, device, task, settings, seed, torchThreads } = context
    this.policySpec = policySpecOf(task, settings.policyHidden)
    this.units = new ReturnUnits(settings)
    const architecture = architectureOf(this.policySpec, { ...settings, ...this.units.range })
    const sizes = native.sizes(architecture)
    refuseTooLarge(device, sizes, settings, torchThreads)
    this.networks = new native.Networks(device, { architecture, backend: settings.backend })
    this.generator = new native.Generator(this.networks, { seed })
    this.critic = new native.Critic(this.networks, { seed })
    this.placement = new BufferPlacement(native, device, sizes, settings)
    this.buffer = new native.ReplayBuffer(this.networks, {
      capacity: settings.bufferSize,
      recencyExponent: settings.recencyExponent,
      balancedShare: settings.balancedShare,
      pinned: this.placement.pinned,
    })
    this.log = new BufferLog(native, device, this.policySpec, this.buffer)
    this.commander = new Commander(context, strategyOf(context), () => this.known(), this.units.learnable())
    this.correctionEpisodes = settings.correctionEpisodes
  }

  /** One iteration of Algorithm 1: k policies (1 in the paper) run side by side, then the updates. */
  async iterate(): Promise<Iteration> {
    const k = this.context.settings.policiesPerIteration

    const commands = await this.nextCommands(k) //                                   c
    const policies = await this.generate(commands) //                                θ = G(c) + σε
    const episodes = await this.context.run(policies, { observe: 'grow' }) //        r = R(π_θ)
    this.store(policies, episodes) //                                                D ← D ∪ {(θ, r)}
    const losses = await this.fit(k) //                                              V(θ) → r, then V(G(r)) → r

    return { episodes, commands, metrics: losses }
  }

  private nextCommands(k: number): Promise<number[]> {
    return this.commander.next(k, (episode) => (this.calibrates(episode) ? calibration : undefined))
  }

  /** Calibration episodes run G(c) as it is, for commands over all that was achieved: the critic must know what it will judge. */
  private calibrates(episode: number): boolean {
    const { calibrationShare } = this.context.settings
    return Math.floor((episode + 1) * calibrationShare) > Math.floor(episode * calibrationShare)
  }

  /** What a command strategy may use. */
  private known(): Omit<StrategyContext, 'random'> {
    const { returnMin, returnMax, drive } = this.context.settings
    const { returns } = this.context.history
    return {
      returnMin,
      returnMax,
      drive: drive * this.units.unit,
      first: this.units.origin,
      stored: this.buffer.count,
      storedReturn: (i) => returns[returns.length - 1 - i]!, // the newest ones, since each is stored
      predict: async (commands) => {
        const policies = await this.policies(commands)
        try {
          return await this.predict(policies)
        } finally {
          policies.dispose()
        }
      },
    }
  }

  private generate(commands: readonly number[]): Promise<Policies> {
    const { seed, settings, history, stopwatch } = this.context
    return stopwatch.of('generate', () =>
      this.generator.generate(this.toNetworks(commands), {
        noise: settings.noise,
        noiseFree: Uint8Array.from(commands, (_, i) => Number(this.calibrates(history.attempts + i))),
        seed,
        firstEpisode: history.attempts,
      }),
    )
  }

  private toNetworks(returns: ArrayLike<number>): Float32Array {
    return Float32Array.from(returns, (value) => this.units.toNetworks(value))
  }

  private store(policies: Policies, episodes: Episodes): void {
    this.units.refuseLarge(episodes)
    this.buffer.push(policies, this.toNetworks(episodes.returns), episodes.diverged)
    policies.dispose()
  }

  /** Both regressions, with k episodes' worth of updates each: a single call, so that a GPU works through it alone. */
  private async fit(k: number): Promise<{ criticLoss: number | null; generatorLoss: number | null }> {
    if (this.buffer.count === 0) return { criticLoss: null, generatorLoss: null } // every episode so far diverged
    const { seed, settings, stopwatch } = this.context
    const { batchSize, criticLearningRate, generatorLearningRate } = settings
    const { critic, generator, seconds } = await this.networks.fit(this.critic, this.generator, this.buffer, {
      criticUpdates: k * settings.criticUpdates,
      generatorUpdates: k * settings.generatorUpdates,
      batchSize,
      criticLearningRate,
      generatorLearningRate,
      seed,
    })
    for (const phase of ['draw', 'critic', 'generator'] as const) stopwatch.add(phase, seconds[phase])
    const inReturnUnits = (loss: number | undefined): number | null =>
      loss === undefined ? null : loss * this.units.unit ** 2
    return { criticLoss: inReturnUnits(critic.at(-1)), generatorLoss: inReturnUnits(generator.at(-1)) }
  }

  get parameterNoise(): number {
    return this.context.settings.noise
  }

  policies(commands: readonly number[], exploration?: { seed: number }): Promise<Policies> {
    const noise = exploration === undefined ? 0 : this.parameterNoise
    const seed = exploration?.seed ?? 0
    return this.generator.generate(this.toNetworks(commands), { noise, seed, firstEpisode: 0 })
  }

  async predict(policies: Policies): Promise<Float32Array> {
    const values = await this.critic.value(policies)
    return values.map((value) => this.units.fromNetworks(value))
  }

  state(): LearnerState {
    const { generator, critic } = this
    return networksState({ generator, critic })
  }

  restore(state: LearnerState): void {
    const { generator, critic } = this
    restoreNetworks({ generator, critic }, { ...this.networks.sizes }, state)
  }

  memory(): MemoryUsage {
    const { generator, critic } = this.networks.sizes
    return this.placement.usage(generator + critic, this.buffer)
  }

  dispose(): void {
    this.placement.release()
    for (const native of [this.buffer, this.critic, this.generator, this.networks]) native.dispose()
  }
}

const authors = "the authors' configuration"

const settings = {
  policyHidden: setting(
    widths,
    [256, 256],
    'widths of the policy’s hidden layers, multiples of sliceSize',
    'paper, appendix',
  ),
  sliceSize: setting(
    whole(1, 4096),
    16,
    'side f of the weight slices that the hypernetwork generates',
    'paper, appendix',
  ),
  embeddingSize: setting(whole(1, 4096), 8, 'size d of the learned embedding of a slice', 'paper, appendix'),
  generatorHidden: setting(
    widths,
    [256, 256],
    'widths of the hidden layers of each slice and bias network',
    'paper, appendix',
  ),
  outputScale: setting(
    real(1e-6, 1e6),
    2,
    'scale of generated weights and biases, which are multiplied by outputScale / √fan_in',
    authors,
  ),
  probingStates: setting(
    whole(1, 65536),
    200,
    'number N of learned probing states in which the critic observes a policy’s actions',
    'paper, appendix',
  ),
  criticKind: setting(
    word('fingerprint', 'parameters'),
    'fingerprint',
    'what the critic reads: the actions in its probing states, or θ itself',
    'paper, policy fingerprinting',
  ),
  criticHidden: setting(widths, [256, 256], 'widths of the critic’s hidden layers', 'paper, appendix'),
  criticLearningRate: setting(real(0, 1), 5e-3, 'Adam learning rate of the critic and its probing states', authors),
  generatorLearningRate: setting(real(0, 1), 2e-6, 'Adam learning rate of the generator', authors),
  criticUpdates: setting(
    whole(0, 100_000),
    4,
    'critic updates per policy in each iteration',
    'the authors’ loop (their configuration says 5)',
  ),
  generatorUpdates: setting(
    whole(0, 100_000),
    19,
    'generator updates per policy in each iteration',
    'the authors’ loop (their configuration says 20)',
  ),
  batchSize: setting(whole(1, 65536), 16, 'stored policies in the batch of an update', authors),
  bufferSize: setting(
    whole(1, 10_000_000),
    10_000,
    'capacity of the replay buffer, in policies; first in, first out',
    authors,
  ),
  recencyExponent: setting(
    real(0, 100),
    1.1,
    'the i-th newest policy is sampled with weight i^−recencyExponent; 0 is uniform',
    'paper, appendix',
  ),
  balancedShare: setting(
    real(0, 1),
    0,
    'share of each batch for which returns are drawn uniformly over the range of stored ones: the critic learns from the entries with the nearest returns, the generator from the drawn returns themselves',
    'this project',
  ),
  calibrationShare: setting(
    real(0, 1),
    0,
    'share of training episodes that run G(c) without noise, for commands drawn uniformly between the lowest and the best return so far',
    'this project',
  ),
  correctionEpisodes: correctionEpisodesSetting(),
  noise: setting(
    real(0, 1000),
    0.1,
    'standard deviation σ of the Gaussian noise on θ while exploring',
    'paper, appendix',
  ),
  strategy: setting(
    strategyText,
    'best+drive',
    'which return to command next; docs/commands.md lists the strategies',
    'paper, section 4',
  ),
  drive: setting(
    single,
    20,
    'added to the best return so far to form the next command, in the units that the networks see: see returnSpan',
    'paper, section 4',
  ),
  returnMin: setting(single, undefined, 'lower end of the range of commands', 'the task'),
  returnMax: setting(
    single,
    undefined,
    'upper end of the range of commands; commands are divided by returnMax − returnMin',
    'the task',
  ),
  returnSpan: setting(
    real(0, 1e6),
    0,
    'the networks see the range from returnMin to returnMax as this many units, so that the scale of rewards does not matter; 0: they see returns as they are',
    'this project',
  ),
  optimism: setting(
    real(0, 1e6),
    0,
    'the return that an untrained critic expects of every policy, in units above a return of 0; a higher one makes the generator try policies unlike those in the buffer',
    'this project',
  ),
  commandScale: setting(
    real(1e-3, 1e3),
    1,
    'scale of the generator’s command input, which is commandScale · command / range',
    'this project',
  ),
  policiesPerIteration: setting(
    whole(1, 65536),
    1,
    'policies that are generated and run side by side before the updates',
    '1 is the paper',
  ),
  backend: backendSetting('hand-written updates, captured as graphs on a CUDA device'),
}

/** All settings of a run with gogepo. Each is described in docs/settings.md. */
export type GogepoSettings = SettingsOf<typeof settings> & CommonSettings

export const gogepo = defineAlgorithm({
  name: 'gogepo',
  summary: 'learns one generator of policies: command a return, get a policy that achieves it',
  paper: 'Faccio et al. 2022, Goal-Conditioned Generators of Deep Policies, https://arxiv.org/abs/2207.01570',
  settings,
  presets: {
    default: {
      help: 'commands are followed more closely, the scale of rewards does not matter, and training takes less than half the time per step',
      settings: {
        policiesPerIteration: 4,
        generatorUpdates: 2,
        generatorLearningRate: 3e-5,
        returnSpan: 500,
        optimism: 50,
        commandScale: 3,
        balancedShare: 0.5,
        calibrationShare: 0.25,
        correctionEpisodes: 41,
      },
    },
    paper: { help: 'the paper’s settings', settings: {} },
  },
  control: { criticUpdates: 0, generatorUpdates: 0 },
  metrics: {
    criticLoss: 'mean (V(θ) − r)² before the last critic update of the iteration, in squared return units',
    generatorLoss: 'mean (V(G(r)) − r)² before the last generator update of the iteration, in squared return units',
  },
  phases: ['generate', 'draw', 'critic', 'generator'],
  takesCommands: true,
  check: checkGenerator,
  create: (context) => new Gogepo(context),
})
