/**
 * UDRL: learn by supervision to do what is asked, from what the best episodes did; then ask for a little more.
 * Srivastava et al., "Training Agents using Upside-Down Reinforcement Learning" (arXiv 1912.02877), Algorithm 1. How the code follows
 * the paper: docs/algorithms/udrl.md.
 *
 * d_r desired return, the command · d_h desired horizon, the steps in which to reach it · B behavior function · s state · a action ·
 * M, S mean and standard deviation of the returns of the best episodes
 */
import { GogepoError } from '../base/errors.js'
import { requireEverPossible } from '../base/memory.js'
import { requireTensor, type Tensor } from '../base/safetensors.js'
import { meanAndStd } from '../base/statistics.js'
import { real, single, whole, widths } from '../base/values.js'
import type {
  Behavior,
  EpisodeBuffer,
  Episodes,
  EpisodesHeld,
  Exploration,
  Policies,
  PolicySpec,
} from '../native/contract.js'
import { setting, type SettingsOf } from '../settings/setting.js'
import type { CommonSettings } from '../settings/common.js'
import {
  defineAlgorithm,
  policySpecOf,
  requireCounter,
  type Context,
  type Iteration,
  type Learner,
  type LearnerState,
  type MemoryUsage,
} from './algorithm.js'
import { Commander } from './commander.js'
import { isNamed, noCritic, type StrategyContext } from './commands.js'
import { returnMean } from './search.js'
import { backendSetting, correctionEpisodesSetting } from './shared-settings.js'

class Udrl implements Learner {
  readonly policySpec: PolicySpec
  readonly correctionEpisodes: number
  private readonly behavior: Behavior
  private readonly buffer: EpisodeBuffer
  private readonly commander: Commander
  private readonly fullBytes: number

  constructor(private readonly context: Context<UdrlSettings>) {
    const { native, device, task, settings, seed } = context
    const { policyHidden, bufferSize, backend } = settings
    this.policySpec = {
      ...policySpecOf(task, policyHidden, { activation: 'relu', output: task.discrete ? 'clip' : 'tanh' }),
      command: scalesOf(task.maxEpisodeSteps, settings),
    }
    const rowSize = task.observationSize + (task.discrete ? 1 : task.actionSize) + 1
    this.fullBytes = bufferSize * task.maxEpisodeSteps * rowSize * Float32Array.BYTES_PER_ELEMENT
    requireEverPossible(this.fullBytes, `A buffer of ${bufferSize} episodes`, 'Reduce bufferSize.')
    this.behavior = new native.Behavior(device, { policy: this.policySpec, backend, seed })
    this.buffer = new native.EpisodeBuffer(device, { policy: this.policySpec, capacity: bufferSize })
    const { strategy = (_history, { random }) => this.askForMore(random) } = context
    if (isNamed(strategy) && strategy.text.includes('believed')) throw noCritic('udrl')
    this.commander = new Commander(context, strategy, () => this.known(), [-Infinity, Infinity])
    this.correctionEpisodes = settings.correctionEpisodes
  }

  /** One iteration of Algorithm 1. The first one only fills the buffer. */
  async iterate(): Promise<Iteration> {
    const commands = await this.nextCommands() //                      d_r ~ U(M, M + S)
    const policies = this.commanded(commands) //                       B(a|s, d_r, d_h)
    const episodes = await this.run(policies) //                       after each step: d_r ← d_r − r, d_h ← d_h − 1
    this.store(episodes) //                                            the best episodes stay
    const behaviorLoss = await this.learn() //                         B(s_t, Σ_{i≥t} r_i, T − t) → a_t

    const { desiredReturn, desiredHorizon } = this.best()
    return {
      episodes,
      commands,
      metrics: { behaviorLoss, returnMean: returnMean(episodes), desiredReturn, desiredHorizon },
    }
  }

  private async nextCommands(): Promise<number[]> {
    const { warmupEpisodes, episodes } = this.context.settings
    return this.warmsUp ? new Array<number>(warmupEpisodes).fill(NaN) : this.commander.next(episodes)
  }

  /** The first episodes take uniformly random actions, whatever is asked for. */
  private get warmsUp(): boolean {
    return this.context.history.attempts === 0 && this.context.settings.warmupEpisodes > 0
  }

  /** A return between M and M + S. */
  private askForMore(random: () => number): number {
    const { desiredReturn, std } = this.best()
    return desiredReturn + random() * std
  }

  /** M, S and the mean length of the best episodes; as much as the task declares while there is none. */
  private best(): { desiredReturn: number; std: number; desiredHorizon: number } {
    const { task, settings } = this.context
    const { returns, lengths } = this.buffer.totals()
    if (returns.length === 0) return { desiredReturn: settings.returnMax, std: 0, desiredHorizon: task.maxEpisodeSteps }
    const { mean, std } = meanAndStd([...returns.slice(0, settings.lastFew)])
    return { desiredReturn: mean, std, desiredHorizon: meanAndStd([...lengths.slice(0, settings.lastFew)]).mean }
  }

  /** M: what is asked for when it is evaluated. */
  get bestCommand(): number {
    return this.best().desiredReturn
  }

  /** The mean length of the best episodes; for a lesser return that of the stored episode whose return is closest. */
  private horizonOf(command: number): number {
    const { desiredReturn, desiredHorizon } = this.best()
    if (!(command < desiredReturn)) return desiredHorizon
    const { returns, lengths } = this.buffer.totals()
    const distances = returns.map((value) => Math.abs(value - command))
    return lengths[distances.indexOf(Math.min(...distances))] ?? desiredHorizon
  }

  /** What a command strategy may use. */
  private known(): Omit<StrategyContext, 'random'> {
    const { returnMin, returnMax } = this.context.settings
    const { returns } = this.buffer.totals()
    return {
      returnMin,
      returnMax,
      drive: 0,
      first: returnMax,
      stored: returns.length,
      storedReturn: (i) => returns[i]!,
      predict: () => Promise.reject(noCritic('udrl')),
    }
  }

  private commanded(commands: readonly number[]): Policies {
    return this.behavior.policies(
      Float32Array.from(commands.flatMap((c) => (Number.isNaN(c) ? [0, 1] : [c, this.horizonOf(c)]))),
    )
  }

  private async run(policies: Policies): Promise<Episodes> {
    const episodes = await this.context.run(policies, {
      observe: 'none',
      exploration: this.exploration(),
      record: true,
    })
    policies.dispose()
    return episodes
  }

  private exploration(): Exploration {
    const { task, settings } = this.context
    if (this.warmsUp) return { uniformSteps: task.maxEpisodeSteps }
    const { noise, noiseCorrelation } = settings
    return task.discrete ? { sample: true } : { noise, correlation: noiseCorrelation }
  }

  private store({ transitions, diverged }: Episodes): void {
    this.buffer.push(transitions!, diverged)
  }

  /** The mean loss of the updates; null where there was none. */
  private async learn(): Promise<number | null> {
    const { seed, settings, stopwatch } = this.context
    const { updates, batchSize, learningRate } = settings
    if (updates === 0 || this.buffer.bytes === 0) return null // or every episode so far diverged
    const losses = await stopwatch.of('learn', () =>
      this.behavior.fit(this.buffer, { updates, batchSize, learningRate, seed }),
    )
    return losses.reduce((sum, loss) => sum + loss, 0) / losses.length
  }

  /** It explores in its actions, not in its parameters. */
  async policies(commands: readonly number[]): Promise<Policies> {
    return this.commanded(commands)
  }

  state(): LearnerState {
    const { values, firstMoment, secondMoment, updates } = this.behavior.state()
    const { returns, lengths, observations, actions, returnsToGo } = this.buffer.state()
    return {
      tensors: {
        ...columns('F32', { values, firstMoment, secondMoment, observations, actions, returnsToGo }),
        ...columns('F64', { returns, lengths: Float64Array.from(lengths) }),
      },
      counters: { updates },
    }
  }

  restore({ tensors, counters }: LearnerState): void {
    const floats = (name: string): Float32Array => requireTensor(tensors, name, 'F32', [-1]).data
    const doubles = (name: string): Float64Array => requireTensor(tensors, name, 'F64', [-1]).data
    const held: EpisodesHeld = {
      ...{ returns: doubles('returns'), lengths: Int32Array.from(doubles('lengths')) },
      ...{ observations: floats('observations'), actions: floats('actions'), returnsToGo: floats('returnsToGo') },
    }
    const network = {
      ...{ values: floats('values'), firstMoment: floats('firstMoment'), secondMoment: floats('secondMoment') },
      updates: requireCounter(counters, 'updates'),
    }
    this.behavior.restore(network)
    this.buffer.restore(held)
  }

  memory(): MemoryUsage {
    const { policyHidden, batchSize } = this.context.settings
    const parameters = 3 * this.context.native.policySize(this.policySpec) * Float32Array.BYTES_PER_ELEMENT
    const widest = policyHidden.reduce((sum, width) => sum + width, 4 * policyHidden[0]!)
    const workspace = 3 * batchSize * widest * Float32Array.BYTES_PER_ELEMENT + parameters
    return { parameters, buffer: this.buffer.bytes, fullBuffer: this.fullBytes, workspace, device: 0 }
  }

  dispose(): void {
    this.behavior.dispose()
    this.buffer.dispose()
  }
}

/** The network sees a return as a share of the range, and a horizon as a share of the longest episode, times commandScale. */
const scalesOf = (maxEpisodeSteps: number, { returnMin, returnMax, commandScale }: UdrlSettings) => ({
  returnScale: commandScale / (returnMax - returnMin),
  horizonScale: commandScale / maxEpisodeSteps,
})

/** Vectors as tensors. */
const columns = <D extends 'F32' | 'F64'>(dtype: D, all: Record<string, Tensor<D>['data']>): Record<string, Tensor> =>
  Object.fromEntries(Object.entries(all).map(([name, data]) => [name, { dtype, shape: [data.length], data } as Tensor]))

const project = 'this project'

const settings = {
  policyHidden: setting(
    widths,
    [256, 256],
    'widths of the behavior function’s hidden layers; the first one, of tanh units, is gated by the command, the others are ReLU layers',
    'paper of GoGePo',
  ),
  learningRate: setting(real(0, 1), 1e-3, 'Adam learning rate', project),
  updates: setting(whole(0, 100_000), 50, 'updates per iteration', project),
  batchSize: setting(whole(1, 65536), 256, 'segments in the batch of an update', project),
  bufferSize: setting(whole(1, 1_000_000), 50, 'capacity of the buffer, in episodes; the best are kept', project),
  warmupEpisodes: setting(
    whole(0, 1_000_000),
    30,
    'episodes of the first iteration, whose actions are uniform between the bounds',
    project,
  ),
  episodes: setting(whole(1, 65536), 10, 'episodes per iteration', project),
  lastFew: setting(
    whole(1, 1_000_000),
    10,
    'number of best episodes from which commands are derived: from the mean and standard deviation of their returns, and from their mean length',
    project,
  ),
  noise: setting(
    real(0, 1000),
    0.3,
    'standard deviation of the Gaussian actions while exploring, as a share of an action’s half-range; a discrete choice is sampled by its probability',
    project,
  ),
  noiseCorrelation: setting(
    real(0, 0.999999),
    0,
    'correlation of the noise of consecutive steps; 0: independent',
    project,
  ),
  returnMin: setting(
    single,
    undefined,
    'the lowest return, for the scale on which the network sees returns',
    'the task',
  ),
  returnMax: setting(single, undefined, 'the highest return, for the same scale', 'the task'),
  commandScale: setting(
    real(1e-6, 1e6),
    1,
    'scale of the command input: the network sees a return divided by the range of returns, and a horizon divided by the longest episode, both multiplied by commandScale',
    project,
  ),
  correctionEpisodes: correctionEpisodesSetting(),
  backend: backendSetting(),
}

/** All settings of a run with udrl. Each is described in docs/settings.md. */
export type UdrlSettings = SettingsOf<typeof settings> & CommonSettings

/** What its presets share. It learns from observations and rewards as they are. */
const common = { normalizeObservations: false, removeSurvivalBonus: false, correctionEpisodes: 41 }

export const udrl = defineAlgorithm({
  name: 'udrl',
  summary:
    'Upside-Down Reinforcement Learning: learns a single policy that is asked for a return in a number of steps, by supervision from its best episodes',
  paper:
    'Srivastava et al. 2019, Training Agents using Upside-Down Reinforcement Learning, https://arxiv.org/abs/1912.02877',
  settings,
  presets: {
    default: { help: 'commands are corrected once training has ended', settings: common },
    'mountain-car': {
      help: 'tuned for MountainCarContinuous: strong exploration noise that is correlated over time, and few random episodes',
      settings: { ...common, noise: 1, noiseCorrelation: 0.95, warmupEpisodes: 5 },
    },
  },
  control: { updates: 0 },
  metrics: {
    behaviorLoss:
      'mean over the iteration’s updates of the loss before the update: of continuous actions the squared error as shares of their half-range, of discrete ones −log of the probability, in nats',
    returnMean: 'mean return of the iteration’s episodes, in reward units',
    desiredReturn: 'mean return M of the best episodes, in reward units',
    desiredHorizon: 'mean length of the best episodes, in steps',
  },
  phases: ['learn'],
  takesCommands: true,
  check({ normalizeObservations, removeSurvivalBonus, returnMin, returnMax }) {
    for (const [name, value] of Object.entries({ normalizeObservations, removeSurvivalBonus }))
      if (value)
        throw new GogepoError(
          'ERR_SETTING',
          `Setting ${name}: expected false, since udrl learns from observations and rewards as they are.`,
        )
    if (!(returnMax > returnMin))
      throw new GogepoError(
        'ERR_SETTING',
        `Setting returnMax: expected more than returnMin (${returnMin}), got ${returnMax}.`,
      )
  },
  create: (context) => new Udrl(context),
})
