/**
 * PGPE: improve a Gaussian over policies, its center and its standard deviations, along the gradient of the expected fitness.
 * Sehnke et al., "Parameter-exploring policy gradients" (Neural Networks 23, 2010), with symmetric sampling. How the code follows the
 * paper: docs/algorithms/pgpe.md.
 *
 * θ the center μ of the policies’ parameters · σ their standard deviations · ε = σδ perturbation · N directions · r₊ r₋ returns of θ ± ε ·
 * f₊ f₋ their centered ranks
 */
import { real, whole } from '../base/values.js'
import type { Episodes, Pgpe, PgpeStep } from '../native/contract.js'
import { setting, type SettingsOf } from '../settings/setting.js'
import type { CommonSettings } from '../settings/common.js'
import { defineAlgorithm, type Context, type Iteration, type Learner } from './algorithm.js'
import { policyHidden, returnMean, SearchLearner } from './search.js'

class ParameterExploringPolicyGradients extends SearchLearner<PgpeSettings> implements Learner {
  protected readonly search: Pgpe
  protected readonly vectors = 2 // θ and σ

  constructor(context: Context<PgpeSettings>) {
    super(context)
    const { native, device, seed, settings } = context
    this.search = new native.Pgpe(device, { policy: this.policySpec, seed, stdev: settings.stdevInit })
  }

  /** One iteration of Algorithm 2. */
  async iterate(): Promise<Iteration> {
    const policies = await this.perturb() //                                        θ ± ε₁ … θ ± ε_N
    const episodes = await this.context.run(policies, { observe: 'report' }) //     r₊ and r₋ of each
    policies.dispose()
    const { stepNorm, stdevMean } = await this.step(episodes) //                    θ ← θ + α_θ mean (f₊ − f₋)/2 ε
    //                                                                              σ ← σ + α_σ mean (f₊ + f₋)/2 (ε² − σ²)/σ

    return { episodes, metrics: { returnMean: returnMean(episodes), stepNorm, stdevMean } }
  }

  protected stdev(): Float64Array {
    return this.search.state().stdev
  }

  private step({ returns, diverged }: Episodes): Promise<PgpeStep> {
    const { centerLearningRate, stdevLearningRate, stdevMaxChange } = this.context.settings
    const options = { centerLearningRate, stdevLearningRate, stdevMaxChange }
    return this.context.stopwatch.of('step', () => this.search.step(returns, diverged, options))
  }
}

const own = 'this project'

const settings = {
  centerLearningRate: setting(real(0, 1e6), 1, 'step size α_θ of the center', own),
  stdevLearningRate: setting(real(0, 1e3), 0.1, 'step size α_σ of the standard deviations', 'paper, section 3'),
  stdevInit: setting(real(1e-9, 1000), 0.1, 'initial standard deviation σ of every parameter', own),
  stdevMaxChange: setting(
    real(0, 0.99),
    0.2,
    'largest change of a standard deviation in one iteration, as a share of it',
    'Toklu et al. 2020',
  ),
  directions: setting(whole(1, 65536), 8, 'number N of perturbations per iteration; each takes two episodes', own),
  policyHidden: policyHidden('linear', own),
}

/** All settings of a run with pgpe. Each is described in docs/settings.md. */
export type PgpeSettings = SettingsOf<typeof settings> & CommonSettings

export const pgpe = defineAlgorithm({
  name: 'pgpe',
  summary: 'parameter-exploring policy gradients: improves a Gaussian over policies, center and standard deviations',
  paper: 'Sehnke et al. 2010, Parameter-exploring policy gradients, https://doi.org/10.1016/j.neunet.2009.12.004',
  settings,
  presets: { default: { help: 'the settings of this project', settings: {} } },
  control: { centerLearningRate: 0, stdevLearningRate: 0 },
  metrics: {
    returnMean: 'mean return of the iteration’s episodes, in stored units',
    stepNorm: 'Euclidean norm of the change of the center θ',
    stdevMean: 'mean of the standard deviations σ, after the iteration',
  },
  phases: ['perturb', 'step'],
  takesCommands: false,
  create: (context) => new ParameterExploringPolicyGradients(context),
})
