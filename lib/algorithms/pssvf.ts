/**
 * PSSVF with policy fingerprints: learn to predict the returns of policies from a few actions of theirs, and let one policy ascend that
 * prediction.
 * Faccio et al., "General Policy Evaluation and Improvement by Learning to Identify Few But Crucial States" (arXiv 2207.01566),
 * Algorithm 1. How the code follows the paper: docs/algorithms/pssvf.md.
 *
 * θ policy parameters · ε noise · V critic, the parameter-based start-state value function · r return · D replay buffer
 */
import { real, whole, widths, word } from '../base/values.js'
import type {
  Critic,
  Episodes,
  LearnedPolicy,
  Networks,
  Policies,
  PolicySpec,
  ReplayBuffer,
} from '../native/contract.js'
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
import { architectureOf, BufferPlacement, refuseTooLarge } from './gogepo-memory.js'
import { BufferLog, networksState, restoreNetworks } from './gogepo-state.js'
import { rawReturns } from './gogepo-units.js'
import { backendSetting } from './shared-settings.js'

class Pssvf implements Learner {
  readonly policySpec: PolicySpec
  readonly networks: Networks
  readonly policy: LearnedPolicy
  readonly critic: Critic
  readonly buffer: ReplayBuffer
  readonly log: RowLog
  private readonly placement: BufferPlacement

  constructor(private readonly context: Context<PssvfSettings>) {
    const { native, device, task, settings, seed, torchThreads } = context
    this.policySpec = policySpecOf(task, settings.policyHidden)
    const architecture = architectureOf(this.policySpec, { ...settings, ...smallestGenerator(settings.policyHidden) })
    const sizes = native.sizes(architecture)
    refuseTooLarge(device, sizes, { ...settings, policiesPerIteration: 1 }, torchThreads)
    this.networks = new native.Networks(device, { architecture, backend: settings.backend })
    this.policy = new native.LearnedPolicy(this.networks, { seed })
    this.critic = new native.Critic(this.networks, { seed })
    this.placement = new BufferPlacement(native, device, sizes, settings)
    const { bufferSize: capacity, recencyExponent } = settings
    this.buffer = new native.ReplayBuffer(this.networks, { capacity, recencyExponent, pinned: this.placement.pinned })
    this.log = new BufferLog(native, device, this.policySpec, this.buffer)
  }

  /** One iteration of Algorithm 1. */
  async iterate(): Promise<Iteration> {
    const policies = await this.perturb() //                                         θ + σε
    const episodes = await this.context.run(policies, { observe: 'grow' }) //        r = R(π_θ+σε)
    this.store(policies, episodes) //                                                D ← D ∪ {(θ + σε, r)}
    if (this.buffer.count === 0) return { episodes, metrics: { criticLoss: null, value: null } } // it diverged
    const criticLoss = await this.evaluatePolicies() //                              V(θ') → r for θ', r from D
    const value = await this.improvePolicy() //                                      θ ← θ + α ∇V(θ)

    return { episodes, metrics: { criticLoss, value } }
  }

  private perturb(): Promise<Policies> {
    const { seed, settings, history, stopwatch } = this.context
    return stopwatch.of('perturb', () =>
      this.policy.perturb({ noise: settings.noise, seed, episode: history.attempts }),
    )
  }

  private store(policies: Policies, episodes: Episodes): void {
    rawReturns.refuseLarge(episodes)
    this.buffer.push(policies, Float32Array.from(episodes.returns), episodes.diverged)
    policies.dispose()
  }

  private async evaluatePolicies(): Promise<number | null> {
    const { seed, settings, stopwatch } = this.context
    const { criticUpdates: updates, batchSize, criticLearningRate: learningRate } = settings
    const { losses, seconds } = await this.critic.fit(this.buffer, { updates, batchSize, learningRate, seed })
    stopwatch.add('draw', seconds.draw)
    stopwatch.add('critic', seconds.update)
    return losses.at(-1) ?? null
  }

  private async improvePolicy(): Promise<number | null> {
    const { policyUpdates: updates, policyLearningRate: learningRate } = this.context.settings
    const values = await this.context.stopwatch.of('policy', () =>
      this.policy.ascend(this.critic, { updates, learningRate }),
    )
    return values.at(-1) ?? null
  }

  get parameterNoise(): number {
    return this.context.settings.noise
  }

  policies(_commands?: readonly number[], exploration?: { seed: number }): Promise<Policies> {
    const noise = exploration === undefined ? 0 : this.parameterNoise
    return this.policy.perturb({ noise, seed: exploration?.seed ?? 0, episode: 0 })
  }

  predict(policies: Policies): Promise<Float32Array> {
    return this.critic.value(policies)
  }

  state(): LearnerState {
    const { policy, critic } = this
    return networksState({ policy, critic })
  }

  restore(state: LearnerState): void {
    const { policy, critic, networks } = this
    restoreNetworks({ policy, critic }, { ...networks.sizes }, state)
  }

  memory(): MemoryUsage {
    const { policy, critic } = this.networks.sizes
    return this.placement.usage(policy + critic, this.buffer)
  }

  dispose(): void {
    this.placement.release()
    for (const native of [this.buffer, this.critic, this.policy, this.networks]) native.dispose()
  }
}

/** The native networks are GoGePo's, with a generator. None is created here: its shapes are the smallest that fit the policy. */
const smallestGenerator = (policyHidden: readonly number[]) => ({
  ...{ sliceSize: policyHidden.reduce(greatestCommonDivisor), embeddingSize: 1, generatorHidden: [1] },
  ...{ outputScale: 1, returnMin: 0, returnMax: 1 },
})

const greatestCommonDivisor = (a: number, b: number): number => (b === 0 ? a : greatestCommonDivisor(b, a % b))

const authors = "the authors' configuration"

const settings = {
  policyHidden: setting(widths, [256, 256], 'widths of the policy’s hidden layers', authors),
  probingStates: setting(
    whole(1, 65536),
    200,
    'number of learned probing states in which the critic observes a policy’s actions',
    authors,
  ),
  criticKind: setting(
    word('fingerprint', 'parameters'),
    'fingerprint',
    'what the critic reads: the actions in its probing states, or θ itself',
    'paper, section 3',
  ),
  criticHidden: setting(widths, [256, 256], 'widths of the critic’s hidden layers', authors),
  criticLearningRate: setting(real(0, 1), 5e-3, 'Adam learning rate of the critic and its probing states', authors),
  policyLearningRate: setting(real(0, 1), 2e-6, 'Adam learning rate α of the policy', authors),
  criticUpdates: setting(whole(0, 100_000), 5, 'critic updates per episode', authors),
  policyUpdates: setting(whole(0, 100_000), 5, 'policy updates per episode', authors),
  batchSize: setting(whole(1, 65536), 16, 'stored policies in the batch of a critic update', authors),
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
    authors,
  ),
  noise: setting(real(0, 1000), 0.05, 'standard deviation σ of the Gaussian noise on θ while exploring', authors),
  backend: backendSetting(),
}

/** All settings of a run with pssvf. Each is described in docs/settings.md. */
export type PssvfSettings = SettingsOf<typeof settings> & CommonSettings

export const pssvf = defineAlgorithm({
  name: 'pssvf',
  summary: 'a single policy ascends a critic that predicts returns from policies’ actions in a few learned states',
  paper:
    'Faccio et al. 2022, General Policy Evaluation and Improvement by Learning to Identify Few But Crucial States, https://arxiv.org/abs/2207.01566',
  settings,
  presets: {
    paper: { help: 'the settings of the authors’ code', settings: {} },
    swimmer: {
      help: 'tuned for Swimmer: more exploration noise and a higher learning rate of the policy',
      settings: { noise: 0.1, policyLearningRate: 3e-4 },
    },
  },
  control: { criticUpdates: 0, policyUpdates: 0 },
  metrics: {
    criticLoss: 'mean (V(θ) − r)² before the last critic update of the iteration, in squared return units',
    value: 'V(θ) before the last policy update of the iteration: the return that the critic predicts of the policy',
  },
  phases: ['perturb', 'draw', 'critic', 'policy'],
  takesCommands: false,
  create: (context) => new Pssvf(context),
})
