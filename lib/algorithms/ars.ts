/**
 * ARS: improve one policy by finite differences along random directions.
 * Mania, Guy and Recht, "Simple random search provides a competitive approach to reinforcement learning" (arXiv 1803.07055),
 * Algorithm 2, versions V1, V1-t, V2 and V2-t. How the code follows the paper: docs/algorithms/ars.md.
 *
 * θ policy parameters · δ direction · ν noise · N directions · b top directions · r₊ r₋ returns of θ ± νδ · σ_R their standard deviation
 */
import { GogepoError } from '../base/errors.js'
import { either, real, whole, word } from '../base/values.js'
import type { Ars, ArsStep, Episodes } from '../native/contract.js'
import { setting, type SettingsOf } from '../settings/setting.js'
import type { CommonSettings } from '../settings/common.js'
import { defineAlgorithm, type Context, type Iteration, type Learner } from './algorithm.js'
import { policyHidden, returnMean, SearchLearner } from './search.js'

class AugmentedRandomSearch extends SearchLearner<ArsSettings> implements Learner {
  protected readonly search: Ars
  protected readonly vectors = 1 // θ

  constructor(context: Context<ArsSettings>) {
    super(context)
    const { native, device, seed } = context
    this.search = new native.Ars(device, { policy: this.policySpec, seed })
  }

  /** One iteration of Algorithm 2. */
  async iterate(): Promise<Iteration> {
    const policies = await this.perturb({ noise: this.stdev() }) //                 θ ± νδ₁ … θ ± νδ_N
    const episodes = await this.context.run(policies, { observe: 'report' }) //     r₊ and r₋ of each
    policies.dispose()
    const { returnStd, stepNorm } = await this.step(episodes) //                    θ ← θ + α / (b σ_R) Σ (r₊ − r₋) δ

    return { episodes, metrics: { returnMean: returnMean(episodes), returnStd, stepNorm } }
  }

  protected stdev(): number {
    return this.context.settings.noise
  }

  private step({ returns, diverged }: Episodes): Promise<ArsStep> {
    const { stepSize, directions, topDirections } = this.context.settings
    const b = topDirections === 'all' ? directions : topDirections
    return this.context.stopwatch.of('step', () => this.search.step(returns, diverged, { stepSize, topDirections: b }))
  }
}

const paper = 'paper'

const settings = {
  stepSize: setting(real(0, 1e6), 0.02, 'step size α', 'the authors’ code'),
  directions: setting(
    whole(1, 65536),
    8,
    'number N of random directions per iteration; each takes two episodes',
    'the authors’ code',
  ),
  topDirections: setting(
    either(whole(1, 65536), word('all')),
    'all',
    'number b of best directions that move θ, or all',
    'the authors’ code',
  ),
  noise: setting(real(1e-9, 1000), 0.03, 'standard deviation ν of the exploration noise on θ', 'the authors’ code'),
  policyHidden: policyHidden('linear', paper),
}

/** All settings of a run with ars. Each is described in docs/settings.md. */
export type ArsSettings = SettingsOf<typeof settings> & CommonSettings

/** The paper's best settings per task, as RL Baselines3 Zoo lists them; normalization stands for V2. */
const published: Readonly<Record<string, Partial<ArsSettings>>> = {
  Swimmer: { stepSize: 0.02, noise: 0.01, directions: 1, topDirections: 1, normalizeObservations: false },
  Hopper: { stepSize: 0.01, noise: 0.025, directions: 8, topDirections: 4 },
  HalfCheetah: { stepSize: 0.02, noise: 0.03, directions: 32, topDirections: 4 },
  Walker2d: { stepSize: 0.03, noise: 0.025, directions: 40, topDirections: 30 },
  Ant: { stepSize: 0.015, noise: 0.025, directions: 60, topDirections: 20 },
  Humanoid: { stepSize: 0.02, noise: 0.0075, directions: 256, topDirections: 256 },
}

export const ars = defineAlgorithm({
  name: 'ars',
  summary: 'Augmented Random Search: improves a single policy along random directions of its parameters',
  paper:
    'Mania, Guy and Recht 2018, Simple random search provides a competitive approach to reinforcement learning, https://arxiv.org/abs/1803.07055',
  settings,
  presets: {
    v2: { help: 'V2: normalized observations, all directions', settings: {} },
    'v2-t': {
      help: 'V2-t: normalized observations, the better half of the directions',
      settings: { topDirections: 4 },
    },
    v1: { help: 'V1: raw observations, all directions', settings: { normalizeObservations: false } },
    'v1-t': {
      help: 'V1-t: raw observations, the better half of the directions',
      settings: { normalizeObservations: false, topDirections: 4 },
    },
    published: {
      help: `the settings published for ${Object.keys(published).join(', ')}`,
      settings: ({ id }) => {
        const settings = published[id.replace(/-v\d+$/, '')]
        if (settings === undefined)
          throw new GogepoError(
            'ERR_SETTING',
            `Preset published: there are no published settings for ${id}, only for ${Object.keys(published).join(', ')}. Use another preset, such as v2.`,
          )
        return settings
      },
    },
  },
  control: { stepSize: 0 },
  metrics: {
    returnMean: 'mean return of the iteration’s episodes, in stored units',
    returnStd: 'standard deviation σ_R of the returns of the top directions, in stored units',
    stepNorm: 'Euclidean norm of the change of θ',
  },
  phases: ['perturb', 'step'],
  takesCommands: false,
  check({ directions, topDirections }) {
    if (topDirections !== 'all' && topDirections > directions)
      throw new GogepoError(
        'ERR_SETTING',
        `Setting topDirections: expected at most the number of directions (${directions}), or all, got ${topDirections}.`,
      )
  },
  create: (context) => new AugmentedRandomSearch(context),
})
