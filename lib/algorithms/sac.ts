/**
 * SAC: learn one stochastic policy by ascending the smaller of two critics' values and its own entropy.
 * Haarnoja et al., "Soft Actor-Critic: Off-Policy Maximum Entropy Deep Reinforcement Learning with a Stochastic Actor" (arXiv
 * 1801.01290), and "Soft Actor-Critic Algorithms and Applications" (arXiv 1812.05905) for the automatic temperature. How the code
 * follows the papers: docs/algorithms/sac.md.
 *
 * π actor, with parameters θ · Q critic · Q′ target · s a r s′ transition · d it ended the task · γ discount · α temperature · D replay buffer
 */
import { either, real, whole, word } from '../base/values.js'
import type { SacFitted } from '../native/contract.js'
import { setting, type SettingsOf } from '../settings/setting.js'
import type { CommonSettings } from '../settings/common.js'
import { defineAlgorithm, type Context, type Iteration, type Learner } from './algorithm.js'
import { ActorCriticLearner, asTheyAre, experienceSettings, Means, paperPreset, requireRaw } from './experience.js'

class SoftActorCritic extends ActorCriticLearner<SacSettings> implements Learner {
  constructor(context: Context<SacSettings>) {
    super(context, 'gaussian')
    const { temperature } = context.settings
    const state = this.networks.state()
    state.temperature.values[0] = Math.log(temperature === 'automatic' ? 1 : temperature)
    this.networks.restore(state)
  }

  /** One episode of Algorithm 1. */
  async iterate(): Promise<Iteration> {
    const means = new Means(['critic', 'actor', 'temperature', 'entropy'])
    const episode = this.experience.begin({ sample: true })
    while (!episode.done) {
      await episode.act(this.networks.policy()) //          a ~ π(s), D ← D ∪ {(s, a, r, s′, d)}: up to the next round
      if (episode.due > 0) means.add(await this.learn(episode.due))
    }
    const [criticLoss, actorLoss] = [means.of('critic'), means.of('actor')]
    const [temperature, entropy] = [means.of('temperature'), means.of('entropy')]
    return { episodes: episode.result, metrics: { criticLoss, actorLoss, temperature, entropy } }
  }

  /**
   * Updates: y = r + γ(1 − d)(min Q′(s′, a′) − α log π(a′|s′)), Q(s, a) → y; θ up min Q(s, a) − α log π(a|s) for a ~ π(s);
   * automatic: α toward the target entropy; and the targets a little toward Q.
   */
  private learn(updates: number): Promise<SacFitted> {
    const { seed, settings, stopwatch, task } = this.context
    const { discount, polyak, actorLearningRate, criticLearningRate, batchSize } = settings
    const { temperature, temperatureLearningRate, targetEntropy } = settings
    return stopwatch.of('learn', () =>
      this.networks.fitSac(this.experience.buffer, {
        ...{ updates, batchSize, discount, polyak, actorLearningRate, criticLearningRate, seed },
        automaticTemperature: temperature === 'automatic',
        temperatureLearningRate,
        targetEntropy: targetEntropy === 'auto' ? -task.actionSize : targetEntropy,
      }),
    )
  }
}

const later = 'second paper of 2018'

const settings = {
  ...experienceSettings,
  critics: setting(whole(1, 16), 2, 'number of critics; the smallest of their values counts', 'paper'),
  temperature: setting(
    either(real(1e-9, 1e6), word('automatic')),
    0.2,
    'weight α of the entropy; automatic: learned, starting at 1, so that the entropy approaches targetEntropy',
    'Spinning Up',
  ),
  temperatureLearningRate: setting(
    real(0, 1),
    1e-3,
    'Adam learning rate of log α, if the temperature is automatic',
    'this project',
  ),
  targetEntropy: setting(
    either(real(-1e6, 1e6), word('auto')),
    'auto',
    'entropy that an automatic temperature aims at, in nats; auto: minus the number of action dimensions',
    later,
  ),
}

/** All settings of a run with sac. Each is described in docs/settings.md. */
export type SacSettings = SettingsOf<typeof settings> & CommonSettings

export const sac = defineAlgorithm({
  name: 'sac',
  summary:
    'Soft Actor-Critic: learns a single stochastic policy from transitions, by ascending two critics and its entropy',
  paper:
    'Haarnoja et al. 2018, Soft Actor-Critic: Off-Policy Maximum Entropy Deep Reinforcement Learning with a Stochastic Actor, https://arxiv.org/abs/1801.01290',
  settings,
  presets: {
    paper: paperPreset,
    automatic: { help: 'the temperature is learned', settings: { ...asTheyAre, temperature: 'automatic' } },
    swimmer: { help: 'tuned for Swimmer: a discount of 0.9999', settings: { ...asTheyAre, discount: 0.9999 } },
  },
  control: { actorLearningRate: 0, criticLearningRate: 0, temperatureLearningRate: 0 },
  metrics: {
    criticLoss: 'mean over the iteration’s updates of Σ (Q(s, a) − y)² before the update, in squared reward units',
    actorLoss: 'mean over the iteration’s updates of α log π(a|s) − min Q(s, a) before the update',
    temperature: 'mean of the temperature α over the iteration’s updates',
    entropy: 'mean over the iteration’s updates of the policy’s entropy −log π(a|s), in nats',
  },
  phases: ['learn'],
  takesCommands: false,
  check: requireRaw,
  create: (context) => new SoftActorCritic(context),
})
