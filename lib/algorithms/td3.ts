/**
 * TD3: learn one policy by ascending the smaller of two critics' values.
 * Fujimoto, van Hoof and Meger, "Addressing Function Approximation Error in Actor-Critic Methods" (arXiv 1802.09477), Algorithm 1.
 * How the code follows the paper: docs/algorithms/td3.md. DDPG is the same code with other settings: ddpg.ts.
 *
 * μ actor, with parameters θ · Q critic · μ′ Q′ targets · s a r s′ transition · d it ended the task · γ discount · ε noise · D replay buffer
 */
import { real, whole } from '../base/values.js'
import { setting, type SettingsOf } from '../settings/setting.js'
import type { CommonSettings } from '../settings/common.js'
import { defineAlgorithm, type Context, type Iteration, type Learner, type Preset } from './algorithm.js'
import { ActorCriticLearner, asTheyAre, experienceSettings, Means, paperPreset, requireRaw } from './experience.js'

export class Td3 extends ActorCriticLearner<Td3Settings> implements Learner {
  constructor(context: Context<Td3Settings>) {
    super(context, 'tanh')
  }

  /** One episode of Algorithm 1. */
  async iterate(): Promise<Iteration> {
    const { noise, noiseCorrelation } = this.context.settings
    const losses = new Means(['critic', 'actor'])
    const episode = this.experience.begin({ noise, correlation: noiseCorrelation })
    while (!episode.done) {
      await episode.act(this.networks.policy()) //          a = clip(μ(s) + ε), D ← D ∪ {(s, a, r, s′, d)}: up to the next round
      if (episode.due > 0) losses.add(await this.learn(episode.due))
    }
    return { episodes: episode.result, metrics: { criticLoss: losses.of('critic'), actorLoss: losses.of('actor') } }
  }

  /**
   * Updates: y = r + γ(1 − d) min Q′(s′, clip(μ′(s′) + clip(ε))), Q(s, a) → y; and in every policyDelay-th one θ up Q₁(s, μ(s)),
   * and the targets a little toward μ and Q.
   */
  private learn(updates: number): Promise<{ critic: Float32Array; actor: Float32Array }> {
    const { seed, settings, stopwatch } = this.context
    const { discount, polyak, actorLearningRate, criticLearningRate, batchSize } = settings
    const { policyDelay, targetNoise, targetNoiseClip } = settings
    return stopwatch.of('learn', () =>
      this.networks.fitTd3(this.experience.buffer, {
        ...{ updates, batchSize, discount, polyak, actorLearningRate, criticLearningRate },
        ...{ policyDelay, targetNoise, targetNoiseClip, seed },
      }),
    )
  }
}

export const td3Settings = {
  ...experienceSettings,
  critics: setting(whole(1, 16), 2, 'number of critics; the smallest of their values is the target', 'paper'),
  policyDelay: setting(whole(1, 1000), 2, 'critic updates per update of the actor and the targets', 'paper'),
  noise: setting(
    real(0, 1000),
    0.1,
    'standard deviation of the Gaussian noise on actions while exploring, as a share of an action’s half-range',
    'paper',
  ),
  noiseCorrelation: setting(
    real(0, 0.999999),
    0,
    'correlation of the exploration noise of consecutive steps; 0: independent',
    'this project',
  ),
  targetNoise: setting(
    real(0, 1000),
    0.2,
    'standard deviation of the noise on the target actor’s actions, as a share of an action’s half-range',
    'paper',
  ),
  targetNoiseClip: setting(real(0, 1000), 0.5, 'the noise on target actions is clipped to ± this share', 'paper'),
}

/** All settings of a run with td3 or ddpg. Each is described in docs/settings.md. */
export type Td3Settings = SettingsOf<typeof td3Settings> & CommonSettings

/** Presets of td3 and ddpg. */
export const td3Presets: Readonly<Record<string, Preset>> = {
  paper: paperPreset,
  swimmer: { help: 'tuned for Swimmer: a discount of 0.9999', settings: { ...asTheyAre, discount: 0.9999 } },
  'mountain-car': {
    help: 'tuned for MountainCarContinuous: strong exploration noise that is correlated over time',
    settings: { ...asTheyAre, noise: 0.5, noiseCorrelation: 0.98 },
  },
}

export const td3Metrics = {
  criticLoss: 'mean over the iteration’s updates of Σ (Q(s, a) − y)² before the update, in squared reward units',
  actorLoss: 'mean over the iteration’s updates of −Q₁(s, μ(s)) before the update, in discounted return units',
}

export const td3 = defineAlgorithm({
  name: 'td3',
  summary: 'Twin Delayed DDPG: learns a single policy from transitions, by ascending the smaller of two critics',
  paper:
    'Fujimoto et al. 2018, Addressing Function Approximation Error in Actor-Critic Methods, https://arxiv.org/abs/1802.09477',
  settings: td3Settings,
  presets: td3Presets,
  control: { actorLearningRate: 0, criticLearningRate: 0 },
  metrics: td3Metrics,
  phases: ['learn'],
  takesCommands: false,
  check: requireRaw,
  create: (context) => new Td3(context),
})
