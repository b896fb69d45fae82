/**
 * UDRLPG: learn one generator of policies by regression on the policies that were tried, given what they returned; no critic.
 * Di Ventura et al., "Upside Down Reinforcement Learning with Policy Generators" (arXiv 2501.16288), Algorithm 1. How the code follows
 * the paper: docs/algorithms/udrlpg.md.
 *
 * c command, the return asked for · θ policy parameters · G generator · r return · D replay buffer, in buckets of returns
 */
import { real, single, whole, widths } from '../base/values.js'
import type { Episodes, Generator, Networks, Policies, PolicySpec, ReplayBuffer } from '../native/contract.js'
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
import { noCritic, strategyText, type StrategyContext } from './commands.js'
import { architectureOf, BufferPlacement, checkGenerator, refuseTooLarge } from './gogepo-memory.js'
import { BufferLog, networksState, restoreNetworks } from './gogepo-state.js'
import { ReturnUnits } from './gogepo-units.js'
import { backendSetting, correctionEpisodesSetting } from './shared-settings.js'

class Udrlpg implements Learner {
  readonly policySpec: PolicySpec
  readonly networks: Networks
  readonly generator: Generator
  readonly buffer: ReplayBuffer
  readonly log: RowLog
  readonly correctionEpisodes: number
  private readonly commander: Commander
  /** The network sees a command as a share of the range: a span of one unit. */
  private readonly units: ReturnUnits
  private readonly placement: BufferPlacement

  constructor(private readonly context: Context<UdrlpgSettings>) {
    const { native, device, task, settings, seed, torchThreads } = context
    this.policySpec = policySpecOf(task, settings.policyHidden)
    const architecture = architectureOf(this.policySpec, { ...settings, ...unscaled, ...smallestCritic })
    const sizes = native.sizes(architecture)
    refuseTooLarge(device, sizes, { ...settings, policiesPerIteration: 1 }, torchThreads)
    this.networks = new native.Networks(device, { architecture, backend: settings.backend })
    this.generator = new native.Generator(this.networks, { seed })
    this.placement = new BufferPlacement(native, device, sizes, settings)
    this.buffer = new native.ReplayBuffer(this.networks, {
      capacity: settings.bufferSize,
      recencyExponent: 0,
      buckets: { perUnit: settings.buckets, capacity: settings.bucketCapacity, rankWeight: settings.rankWeight },
      pinned: this.placement.pinned,
    })
    this.log = new BufferLog(native, device, this.policySpec, this.buffer)
    this.units = new ReturnUnits({ ...settings, returnSpan: 1, optimism: 0, commandScale: 1 })
    this.commander = new Commander(context, strategyOf(context), () => this.known(), this.units.learnable())
    this.correctionEpisodes = settings.correctionEpisodes
  }

  /** One iteration of Algorithm 1. */
  async iterate(): Promise<Iteration> {
    const commands = await this.nextCommand() //                                     c
    const policies = await this.generate(commands) //                                θ = G(c) + σε
    const episodes = await this.context.run(policies, { observe: 'grow' }) //        r = R(π_θ)
    this.store(policies, episodes) //                                                D ← D ∪ {(θ, r)}
    const regressionLoss = await this.fit() //                                       G(r) → θ for θ, r from D

    return { episodes, commands, metrics: { regressionLoss } }
  }

  private nextCommand(): Promise<number[]> {
    const { returnMax } = this.context.settings
    return this.commander.next(1, (episode) => (this.warmsUp(episode) ? () => returnMax : undefined))
  }

  /** The first episodes ask the untrained generator for returnMax, without noise. */
  private warmsUp(episode: number): boolean {
    return episode < this.context.settings.warmupEpisodes
  }

  /** What a command strategy may use. */
  private known(): Omit<StrategyContext, 'random'> {
    const { returnMin, returnMax, drive } = this.context.settings
    const { count, pushed } = this.buffer
    return {
      returnMin,
      returnMax,
      drive,
      first: returnMax,
      stored: count,
      storedReturn: (i) => {
        const { returns } = this.buffer.rows({ first: pushed - count + i, count: 1 })
        return this.fromNetworks(returns[0]!)
      },
      predict: () => Promise.reject(noCritic('udrlpg')),
    }
  }

  private generate(commands: readonly number[]): Promise<Policies> {
    const { seed, settings, history, stopwatch } = this.context
    return stopwatch.of('generate', () =>
      this.generator.generate(this.toNetworks(commands), {
        noise: this.warmsUp(history.attempts) ? 0 : settings.noise,
        seed,
        firstEpisode: history.attempts,
      }),
    )
  }

  /** The generator and the buffer see the range of returns as 0 to 1. */
  private toNetworks(returns: ArrayLike<number>): Float32Array {
    const { returnMin, returnMax } = this.context.settings
    return Float32Array.from(returns, (value) => (value - returnMin) / (returnMax - returnMin))
  }

  private fromNetworks(share: number): number {
    const { returnMin, returnMax } = this.context.settings
    return returnMin + share * (returnMax - returnMin)
  }

  private store(policies: Policies, episodes: Episodes): void {
    this.units.refuseLarge(episodes)
    this.buffer.push(policies, this.toNetworks(episodes.returns), episodes.diverged)
    policies.dispose()
  }

  private async fit(): Promise<number | null> {
    if (this.buffer.count === 0) return null // every episode so far diverged
    const { seed, settings, stopwatch } = this.context
    const { updates, batchSize, learningRate } = settings
    const { losses, seconds } = await this.generator.fit(this.buffer, { updates, batchSize, learningRate, seed })
    stopwatch.add('draw', seconds.draw)
    stopwatch.add('generator', seconds.update)
    return losses.at(-1) ?? null
  }

  get parameterNoise(): number {
    return this.context.settings.noise
  }

  policies(commands: readonly number[], exploration?: { seed: number }): Promise<Policies> {
    const noise = exploration === undefined ? 0 : this.parameterNoise
    const seed = exploration?.seed ?? 0
    return this.generator.generate(this.toNetworks(commands), { noise, seed, firstEpisode: 0 })
  }

  state(): LearnerState {
    const { generator } = this
    return networksState({ generator })
  }

  restore(state: LearnerState): void {
    const { generator, networks } = this
    restoreNetworks({ generator }, { ...networks.sizes }, state)
  }

  memory(): MemoryUsage {
    return this.placement.usage(this.networks.sizes.generator, this.buffer)
  }

  dispose(): void {
    this.placement.release()
    for (const native of [this.buffer, this.generator, this.networks]) native.dispose()
  }
}

/** Generated weights are used as they are, and commands have been divided by the range already. */
const unscaled = { outputScale: 0, returnMin: 0, returnMax: 1 }

/** The native networks are GoGePo's, with a critic. None is created here: its shapes are the smallest there are. */
const smallestCritic = { probingStates: 1, criticKind: 'fingerprint', criticHidden: [1] } as const

const authors = 'the authors’ code'

const settings = {
  policyHidden: setting(widths, [256, 256], 'widths of the policy’s hidden layers, multiples of sliceSize', authors),
  sliceSize: setting(whole(1, 4096), 32, 'side f of the weight slices that the hypernetwork generates', authors),
  embeddingSize: setting(whole(1, 4096), 32, 'size d of the learned embedding of a slice', authors),
  generatorHidden: setting(widths, [512, 512], 'widths of the hidden layers of each slice and bias network', authors),
  learningRate: setting(real(0, 1), 2e-6, 'Adam learning rate of the generator', authors),
  updates: setting(whole(0, 100_000), 8, 'generator updates per episode', authors),
  batchSize: setting(whole(1, 65536), 24, 'stored policies in the batch of an update', authors),
  bufferSize: setting(
    whole(1, 10_000_000),
    10_000,
    'capacity of the replay buffer, in policies; first in, first out',
    authors,
  ),
  buckets: setting(
    whole(1, 1_000_000),
    800,
    'buckets between returnMin and returnMax; there are more of them below and above',
    authors,
  ),
  bucketCapacity: setting(
    whole(1, 1_000_000),
    2,
    'capacity of a bucket, in policies; once it is full, later policies whose returns belong there are not stored',
    'the authors’ code (their configuration says 1)',
  ),
  rankWeight: setting(
    real(0, 100),
    0.3,
    'of the buckets that hold a policy, the i-th from below is sampled with weight exp(rankWeight · i); 0 is uniform',
    authors,
  ),
  warmupEpisodes: setting(
    whole(0, 1_000_000),
    10,
    'number of first episodes, which run G(returnMax) without noise',
    authors,
  ),
  noise: setting(real(0, 1000), 0.1, 'standard deviation σ of the Gaussian noise on θ while exploring', authors),
  strategy: setting(
    strategyText,
    'best',
    'which return to command next; docs/commands.md lists the strategies',
    authors,
  ),
  drive: setting(single, 0, 'what the strategy best+drive adds to the best return so far, in stored units', authors),
  returnMin: setting(single, undefined, 'the return that the generator sees as 0', 'the task'),
  returnMax: setting(single, undefined, 'the return that the generator sees as 1', 'the task'),
  correctionEpisodes: correctionEpisodesSetting(),
  backend: backendSetting(),
}

/** All settings of a run with udrlpg. Each is described in docs/settings.md. */
export type UdrlpgSettings = SettingsOf<typeof settings> & CommonSettings

export const udrlpg = defineAlgorithm({
  name: 'udrlpg',
  summary:
    'learns one generator of policies as GoGePo does, but without a critic, by regression on policies that were tried',
  paper:
    'Di Ventura et al. 2025, Upside Down Reinforcement Learning with Policy Generators, https://arxiv.org/abs/2501.16288',
  settings,
  presets: {
    default: {
      help: 'the settings of the authors’ code, and commands that are corrected once training has ended',
      settings: { correctionEpisodes: 41 },
    },
    paper: { help: 'the settings of the authors’ code', settings: {} },
  },
  control: { updates: 0 },
  metrics: { regressionLoss: 'mean (G(r) − θ)² before the last update of the iteration' },
  phases: ['generate', 'draw', 'generator'],
  takesCommands: true,
  check(all) {
    checkGenerator(all)
    if (all.strategy.includes('believed')) throw noCritic('udrlpg')
  },
  create: (context) => new Udrlpg(context),
})
