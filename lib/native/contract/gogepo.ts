/** The generator, the critic and the replay buffer of GoGePo, and what UDRLPG and PSSVF add. */
import type { Network, Regression, RegressionOptions, Update } from './networks.js'
import type { Device, Policies, PolicySpec } from './policies.js'

/** The shapes of GoGePo's networks beside the policy's. */
export interface Architecture {
  /** tanh throughout, with biases and at least one hidden layer; widths are multiples of sliceSize. */
  policy: PolicySpec
  sliceSize: number
  embeddingSize: number
  generatorHidden: readonly number[]
  /** Generated weights and biases are multiplied by outputScale / √fan_in; 0: by nothing. */
  outputScale: number
  probingStates: number
  criticKind: 'fingerprint' | 'parameters'
  criticHidden: readonly number[]
  returnMin: number
  returnMax: number
}

/** Number of parameters of a policy (θ), the generator (ρ) and the critic (w). */
export interface Sizes {
  policy: number
  generator: number
  critic: number
}

export interface FitOptions {
  criticUpdates: number
  generatorUpdates: number
  batchSize: number
  criticLearningRate: number
  generatorLearningRate: number
  seed: number
}

/** The loss before each update, and the seconds each phase took (on a CUDA device by its own clock). */
export interface Fitted {
  critic: Float32Array
  generator: Float32Array
  seconds: { draw: number; critic: number; generator: number }
}

/** GoGePo's update backend for one architecture on one device. */
export interface Networks {
  readonly sizes: Sizes
  /** V(θ) → r on stored pairs, then V(G(r)) → r on stored returns and, in the balanced share, on returns between them. */
  fit(critic: Critic, generator: Generator, buffer: ReplayBuffer, options: FitOptions): Promise<Fitted>
  dispose(): void
}

export interface Generator extends Network {
  /**
   * θ = G(c) + noise · ε, where ε of row i comes from the stream of episode firstEpisode + i; 0 in the rows marked in noiseFree.
   * commands (n), in return units.
   */
  generate(
    commands: Float32Array,
    options: { noise: number; seed: number; firstEpisode: number; noiseFree?: Uint8Array },
  ): Promise<Policies>
  /** G(r) → θ on stored pairs: minimizes the mean of (G(r) − θ)² over the batch and the elements of θ. */
  fit(buffer: ReplayBuffer, options: RegressionOptions): Promise<Regression>
  /** V(G(r)) → r: one update on these returns. */
  update(critic: Critic, returns: Float32Array, options: { learningRate: number }): Promise<Update>
}

export interface Critic extends Network {
  /** Predicted returns (n). */
  value(policies: Policies): Promise<Float32Array>
  /** Probing actions (n, N·A), states outermost. */
  fingerprint(policies: Policies): Promise<Float32Array>
  /** V(θ) → r on stored pairs. */
  fit(buffer: ReplayBuffer, options: RegressionOptions): Promise<Regression>
  /** V(θ) → r: one update on these pairs. */
  update(policies: Policies, returns: Float32Array, options: { learningRate: number }): Promise<Update>
}

/** One policy that is learned by ascending a critic. */
export interface LearnedPolicy extends Omit<Network, 'tensors'> {
  /** θ + noise · ε, where ε comes from the stream of this episode. */
  perturb(options: { noise: number; seed: number; episode: number }): Promise<Policies>
  /** `updates` Adam steps of θ along the gradient of V(θ). @returns V(θ) before each */
  ascend(critic: Critic, options: { updates: number; learningRate: number }): Promise<Float32Array>
}

/** Buckets of returns, from which UDRLPG samples. */
export interface BucketOptions {
  /** Buckets per unit of return: return r belongs to bucket ⌊perUnit · r⌋. */
  perUnit: number
  /** Entries per bucket; a policy whose bucket is full is not stored. */
  capacity: number
  /** The i-th from below of the buckets that hold something is sampled with weight exp(rankWeight · i). */
  rankWeight: number
}

export interface ReplayBuffer {
  /** Entries held now. */
  readonly count: number
  /** Entries ever pushed. */
  readonly pushed: number
  readonly bytes: number
  /** @param leave policies marked here are not stored */
  push(policies: Policies, returns: Float32Array, leave?: Uint8Array): void
  /** Entries by their number in the run: thetas (count, |θ|), returns (count). */
  rows(range: { first: number; count: number }): { thetas: Float32Array; returns: Float32Array }
  /** The entries that these updates of a fit would sample from the current contents, by their number in the run: (updates, min(batchSize, count)). */
  draw(options: {
    network: 'critic' | 'generator'
    seed: number
    firstUpdate: number
    updates: number
    batchSize: number
  }): Float64Array
  /** Empties the buffer; the next entry pushed gets this number. */
  clear(options: { pushed: number }): void
  dispose(): void
}

/** What the addon exports for GoGePo, UDRLPG and PSSVF. */
export interface GogepoClasses {
  /** On a CUDA device `fast` is `static`. */
  Networks: new (
    device: Device,
    options: { architecture: Architecture; backend: 'fast' | 'reference' | 'static' },
  ) => Networks
  Generator: new (networks: Networks, options: { seed: number }) => Generator
  Critic: new (networks: Networks, options: { seed: number }) => Critic
  LearnedPolicy: new (networks: Networks, options: { seed: number }) => LearnedPolicy
  /**
   * balancedShare: the share of each batch that is sampled evenly over the stored returns; 0 when left out. buckets: entries are
   * sampled by the buckets of their returns, and neither recencyExponent nor balancedShare matters.
   */
  ReplayBuffer: new (
    networks: Networks,
    options: {
      capacity: number
      recencyExponent: number
      balancedShare?: number
      buckets?: BucketOptions
      pinned: boolean
    },
  ) => ReplayBuffer
  /** Parameter counts of such networks; nothing is allocated. */
  sizes(architecture: Architecture): Sizes
}
