/**
 * OpenAI-ES: improve one policy along the gradient of the expected fitness of policies around it.
 * Salimans et al., "Evolution Strategies as a Scalable Alternative to Reinforcement Learning" (arXiv 1703.03864), Algorithm 2 on one
 * machine. How the code follows the paper: docs/algorithms/es.md.
 *
 * θ policy parameters · δ direction · σ noise · n directions · r₊ r₋ returns of θ ± σδ · f₊ f₋ their centered ranks · g gradient · λ weight decay
 */
import { real, whole } from '../base/values.js'
import type { Episodes, Es, EsStep } from '../native/contract.js'
import { setting, type SettingsOf } from '../settings/setting.js'
import type { CommonSettings } from '../settings/common.js'
import { defineAlgorithm, type Context, type Iteration, type Learner } from './algorithm.js'
import { policyHidden, returnMean, SearchLearner } from './search.js'

class EvolutionStrategies extends SearchLearner<EsSettings> implements Learner {
  protected readonly search: Es
  protected readonly vectors = 3 // θ and its Adam moments

  constructor(context: Context<EsSettings>) {
    super(context)
    const { native, device, seed } = context
    this.search = new native.Es(device, { policy: this.policySpec, seed })
  }

  /** One iteration of Algorithm 2. */
  async iterate(): Promise<Iteration> {
    const policies = await this.perturb({ noise: this.stdev() }) //                 θ ± σδ₁ … θ ± σδ_n
    const episodes = await this.context.run(policies, { observe: 'report' }) //     r₊ and r₋ of each
    policies.dispose()
    const { gradientNorm, stepNorm } = await this.step(episodes) //                 g = 1/2n Σ (f₊ − f₋) δ; θ ← Adam(θ, g − λθ)

    return { episodes, metrics: { returnMean: returnMean(episodes), gradientNorm, stepNorm } }
  }

  protected stdev(): number {
    return this.context.settings.noise
  }

  private step({ returns, diverged }: Episodes): Promise<EsStep> {
    const { learningRate, weightDecay } = this.context.settings
    return this.context.stopwatch.of('step', () => this.search.step(returns, diverged, { learningRate, weightDecay }))
  }
}

const authors = 'the authors’ code'

const settings = {
  learningRate: setting(real(0, 1e3), 0.01, 'Adam learning rate α', authors),
  directions: setting(
    whole(1, 65536),
    8,
    'number n of random directions per iteration; each takes two episodes',
    'this project',
  ),
  noise: setting(real(1e-9, 1000), 0.02, 'standard deviation σ of the exploration noise on θ', authors),
  weightDecay: setting(real(0, 1e3), 0.005, 'λ: the gradient of θ is reduced by λθ', authors),
  policyHidden: policyHidden([64, 64], 'paper, section 4.1'),
}

/** All settings of a run with es. Each is described in docs/settings.md. */
export type EsSettings = SettingsOf<typeof settings> & CommonSettings

export const es = defineAlgorithm({
  name: 'es',
  summary: 'OpenAI’s evolution strategies: improves a single policy by the ranks of policies around it',
  paper:
    'Salimans et al. 2017, Evolution Strategies as a Scalable Alternative to Reinforcement Learning, https://arxiv.org/abs/1703.03864',
  settings,
  presets: { paper: { help: 'the settings of the authors’ code, with fewer directions', settings: {} } },
  control: { learningRate: 0 },
  metrics: {
    returnMean: 'mean return of the iteration’s episodes, in stored units',
    gradientNorm: 'Euclidean norm of the gradient estimate g, without weight decay',
    stepNorm: 'Euclidean norm of the change of θ',
  },
  phases: ['perturb', 'step'],
  takesCommands: false,
  create: (context) => new EvolutionStrategies(context),
})
