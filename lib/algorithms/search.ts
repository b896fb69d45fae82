/** What ARS, OpenAI-ES and PGPE share: they move one policy by what policies on both sides of it return. */
import { requireTensor, type Tensor } from '../base/safetensors.js'
import { meanAndStd } from '../base/statistics.js'
import { either, widths, word } from '../base/values.js'
import type { EnvSpec, Episodes, Policies, PolicySpec, Search, SearchState } from '../native/contract.js'
import { setting } from '../settings/setting.js'
import { policySpecOf, requireCounter, type Context, type LearnerState, type MemoryUsage } from './algorithm.js'

/** The settings that they share. */
interface SearchSettings {
  readonly directions: number
  readonly policyHidden: 'linear' | readonly number[]
}

/** Everything of a learner but its iteration. */
export abstract class SearchLearner<S extends SearchSettings> {
  readonly policySpec: PolicySpec
  protected abstract readonly search: Search
  /** How many vectors of the size of θ it holds. */
  protected abstract readonly vectors: number
  private iterations = 0

  constructor(protected readonly context: Context<S>) {
    this.policySpec = policyOf(context.task, context.settings.policyHidden)
  }

  /** θ ± νδ of new directions; their number goes into each direction’s random stream. */
  protected perturb(noise: { noise?: number } = {}): Promise<Policies> {
    const { settings, seed, stopwatch } = this.context
    const { directions } = settings
    const firstDirection = this.iterations++ * directions
    return stopwatch.of('perturb', () => this.search.perturb({ ...noise, directions, seed, firstDirection }))
  }

  /** Standard deviation of the exploration noise: of each parameter, or a single one for all. */
  protected abstract stdev(): number | Float64Array

  get parameterNoise(): number {
    const stdev = this.stdev()
    return typeof stdev === 'number' ? stdev : meanAndStd([...stdev]).mean
  }

  async policies(_commands?: readonly number[], exploration?: { seed: number }): Promise<Policies> {
    if (exploration === undefined) return this.search.policy()
    const { native, device } = this.context
    const { theta } = this.search.state()
    const stdev = this.stdev()
    const delta = native.normals({ seed: exploration.seed, index: 0, count: theta.length })
    const noisy = Float32Array.from(theta, (x, i) => x + (typeof stdev === 'number' ? stdev : stdev[i]!) * delta[i]!)
    return new native.Policies(device, this.policySpec, noisy)
  }

  state(): LearnerState {
    const tensors: Record<string, Tensor> = {}
    const counters: Record<string, number> = { iterations: this.iterations }
    for (const [name, value] of Object.entries(this.search.state()))
      if (typeof value === 'number') counters[name] = value
      else tensors[name] = { dtype: 'F64', shape: [value.length], data: value }
    return { tensors, counters }
  }

  restore({ tensors, counters }: LearnerState): void {
    const state: Record<string, number | Float64Array> = {}
    for (const [name, value] of Object.entries(this.search.state()))
      state[name] =
        typeof value === 'number'
          ? requireCounter(counters, name)
          : requireTensor(tensors, name, 'F64', [this.search.size]).data
    this.search.restore(state as unknown as SearchState)
    this.iterations = requireCounter(counters, 'iterations')
  }

  memory(): MemoryUsage {
    const vector = this.search.size * Float64Array.BYTES_PER_ELEMENT
    const parameters = this.vectors * vector
    const workspace = 2 * this.context.settings.directions * vector // δ, and θ ± νδ in single precision
    return { parameters, buffer: 0, fullBuffer: 0, workspace, device: 0 }
  }

  dispose(): void {
    this.search.dispose()
  }
}

/** A linear policy is a matrix alone, as in the ARS paper: its outputs are the actions, clipped to the bounds. */
const policyOf = (task: EnvSpec, hidden: SearchSettings['policyHidden']): PolicySpec =>
  hidden === 'linear' ? policySpecOf(task, [], { bias: false, output: 'clip' }) : policySpecOf(task, hidden)

/** The setting policyHidden of these algorithms. */
export const policyHidden = (standard: 'linear' | readonly number[], source: string) =>
  setting(either(word('linear'), widths), standard, 'linear, or widths of the hidden layers of a tanh network', source)

/** Mean return of the episodes that did not diverge, in stored units; null where all did. */
export function returnMean({ returns, diverged }: Episodes): number | null {
  const sound = Array.from(returns).filter((_, i) => diverged[i] === 0)
  return sound.length > 0 ? meanAndStd(sound).mean : null
}
