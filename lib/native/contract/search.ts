/** ARS, OpenAI-ES and PGPE. */
import type { Device, Policies, PolicySpec } from './policies.js'

/** What a search has learned, named; float64. */
export interface SearchState {
  /** (|θ|) */
  theta: Float64Array
}

/** θ, the center of a Gaussian over policies, and the directions that are being tried out on both sides of it. */
export interface Search<State extends SearchState = SearchState> {
  /** |θ| */
  readonly size: number
  /** θ alone, as one policy. */
  policy(): Policies
  /**
   * θ ± stdev · δ_k for each direction k, in the order (+, −) of the first, (+, −) of the second, …: 2 · directions policies. δ_k comes
   * from stream firstDirection + k. The standard deviation is `noise`, or those that Pgpe has learned.
   */
  perturb(options: { directions: number; noise?: number; seed: number; firstDirection: number }): Promise<Policies>
  state(): State
  restore(state: State): void
  dispose(): void
}

export interface ArsStepOptions {
  stepSize: number
  /** How many of the best directions to use, 1 to all. */
  topDirections: number
}

/** What one step of ARS did. */
export interface ArsStep {
  /** Standard deviation σ_R of the returns that were used; 0 when no usable direction was left. */
  returnStd: number
  /** Euclidean norm of the change of θ. */
  stepNorm: number
}

/** Augmented Random Search. */
export interface Ars extends Search {
  /**
   * θ ← θ + stepSize / (b · σ_R) · Σ (r₊ − r₋) · δ over the b best directions by max(r₊, r₋).
   * @param returns (2 · directions), in the order of perturb
   * @param leave (2 · directions) episodes marked here diverged: their direction is not used
   */
  step(returns: Float64Array, leave: Uint8Array, options: ArsStepOptions): Promise<ArsStep>
}

/** θ with its Adam moments, (|θ|) each. */
export interface EsState extends SearchState {
  firstMoment: Float64Array
  secondMoment: Float64Array
  updates: number
}

/** What one step of OpenAI-ES did. */
export interface EsStep {
  /** Euclidean norm of the gradient estimate; 0 when no usable direction was left. */
  gradientNorm: number
  /** Euclidean norm of the change of θ. */
  stepNorm: number
}

/** Evolution strategies as of OpenAI. */
export interface Es extends Search<EsState> {
  /**
   * One Adam step of θ along 1 / (2 · directions) · Σ (f₊ − f₋) · δ − weightDecay · θ, where f are the centered ranks of all returns.
   * @param returns (2 · directions), in the order of perturb
   * @param leave (2 · directions) episodes marked here diverged: their direction is not used
   */
  step(
    returns: Float64Array,
    leave: Uint8Array,
    options: { learningRate: number; weightDecay: number },
  ): Promise<EsStep>
}

/** θ and the standard deviation of each parameter, (|θ|) each. */
export interface PgpeState extends SearchState {
  stdev: Float64Array
}

/** What one step of PGPE did. */
export interface PgpeStep {
  /** Euclidean norm of the change of θ. */
  stepNorm: number
  /** Mean of the standard deviations, after the step. */
  stdevMean: number
}

/** Parameter-exploring policy gradients. */
export interface Pgpe extends Search<PgpeState> {
  /**
   * With ε = stdev · δ and the centered ranks f of all returns, θ ← θ + centerLearningRate · mean ε · (f₊ − f₋) / 2 and
   * stdev ← stdev + stdevLearningRate · mean (ε² − stdev²) / stdev · (f₊ + f₋) / 2, by at most stdevMaxChange · stdev.
   * @param returns (2 · directions), in the order of perturb
   * @param leave (2 · directions) episodes marked here diverged: their direction is not used
   */
  step(
    returns: Float64Array,
    leave: Uint8Array,
    options: { centerLearningRate: number; stdevLearningRate: number; stdevMaxChange: number },
  ): Promise<PgpeStep>
}

/** What the addon exports for ARS, OpenAI-ES and PGPE. */
export interface SearchClasses {
  /** θ starts at zero where the policy is linear, else at PyTorch's default initialization of a Linear layer. */
  Ars: new (device: Device, options: { policy: PolicySpec; seed: number }) => Ars
  /** θ starts as with Ars. */
  Es: new (device: Device, options: { policy: PolicySpec; seed: number }) => Es
  /** θ starts as with Ars, each standard deviation at `stdev`. */
  Pgpe: new (device: Device, options: { policy: PolicySpec; seed: number; stdev: number }) => Pgpe
}
