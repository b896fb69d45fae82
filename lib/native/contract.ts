/** The contract with C++: every class and function that the addon exports, typed. Coarse operations cross; tensors do not. */
import type { GogepoError } from '../base/errors.js'

/** A range is [low, high]; its ends may be infinite. Text, null, other lists and objects are for Python tasks. */
export type TaskOptionValue =
  number | boolean | string | null | readonly TaskOptionValue[] | { readonly [name: string]: TaskOptionValue }
/** Task options by name. The names are Gymnasium's. */
export type TaskOptions = Readonly<Record<string, TaskOptionValue>>

/** One option that a task accepts. */
export interface TaskOption {
  name: string
  kind: 'number' | 'whole number' | 'boolean' | 'range'
  default: TaskOptionValue
  /** The smallest number allowed, where there is one. */
  least?: number
  /** The largest number allowed, where there is one. */
  most?: number
  help: string
}

/** A task, as its page in native/env registers it. Returns and bonus are in reward units. */
export interface EnvSpec {
  id: string
  observationSize: number
  /** Dimensions of the action; for a discrete task, the number of actions. */
  actionSize: number
  discrete: boolean
  /** (A) each; empty for a discrete task. */
  actionLow: number[]
  actionHigh: number[]
  /** The range of returns that can be commanded. NaN in both: the task does not declare it, and the settings must. */
  returnMin: number
  returnMax: number
  maxEpisodeSteps: number
  /** Reward for each step alive, which stored returns leave out. */
  survivalBonus: number
  /** The usual training budget and evaluation interval, in steps. */
  trainingSteps: number
  evaluateEvery: number
  source: string
  options: TaskOption[]
}

/**
 * The shape of a policy: an MLP from an observation (O) to an action (A). θ is flat: for each layer its weights (out, in), row-major,
 * then its biases (out) where there are any.
 */
export interface PolicySpec {
  observationSize: number
  /** Dimensions of the action; for a discrete task, the number of actions. */
  actionSize: number
  discrete: boolean
  /** Bounds of the action, (A) each; empty for a discrete task. An action never leaves them. */
  actionLow: readonly number[]
  actionHigh: readonly number[]
  /** Widths of the hidden layers; an empty list is a linear policy. */
  hidden: readonly number[]
  bias: boolean
  /** The activation of the hidden layers. */
  activation: 'tanh' | 'relu'
  /**
   * tanh: the action is center + half-range · tanh(output). clip: the action is the output, clipped to the bounds.
   * A discrete policy acts by the argmax of either. gaussian: the outputs are A means μ, then A logarithms of standard deviations σ,
   * clamped to −20 … 2; the action is center + half-range · tanh(μ), and a sample has μ + σ · N(0, 1) in place of μ.
   */
  output: 'tanh' | 'clip' | 'gaussian'
  /** The scales of a commanded policy, which acts on an observation and on what its episode is still asked for. */
  command?: CommandScales
}

/**
 * What an episode of a commanded policy is still asked for is a return, and the number of steps in which to reach it; the network sees
 * each multiplied by its scale. Its first hidden layer is tanh(W o + b) · sigmoid(V c + d), where c are these two. In θ, V and d
 * follow b; what an episode is asked for at its start, the return in reward units and the steps, comes last. After each step, its
 * reward is subtracted from the return, and 1 from the steps, of which at least 1 is left.
 */
export interface CommandScales {
  returnScale: number
  horizonScale: number
}

/** A network's tensor inside a flat vector. */
export interface NamedTensor {
  name: string
  shape: number[]
  offset: number
  size: number
}

/** A device, the thread that computes on it, and its stream. It runs one job at a time; a second is refused with ERR_BUSY. */
export interface Device {
  /** cpu or cuda:<i>. */
  readonly name: string
  /** Milliseconds of each of LibTorch's own matrix multiplications (m, k)·(k, n) on the CPU: the yardstick of the benchmarks. */
  sgemm(options: { m: number; n: number; k: number; repeats: number }): Promise<Float64Array>
  /** Stops the job that is running, and frees the device. */
  dispose(): void
}

/** θ of a batch of policies, (n, |θ|), on a device. */
export interface Policies {
  readonly count: number
  /** (n · |θ|) */
  toArray(): Float32Array
  /** states (N, O), already normalized → actions (n, N, A), without noise; a discrete policy's outputs themselves. */
  actions(states: Float32Array): Promise<Float32Array>
  /** Frees their memory. */
  dispose(): void
}

/** Running statistics of observations: how many, their mean (O) and their sum of squared deviations (O). */
export interface Statistics {
  count: number
  mean: Float64Array
  m2: Float64Array
}

/**
 * What an episode does with the observations it acts on. none: nothing. report: it reports their moments. grow: it also adds each one
 * to its own copy of the statistics before normalizing it.
 */
export type Observe = 'none' | 'report' | 'grow'

/** How the actions of an episode deviate from those that its policy would choose. Actions stay inside the bounds. */
export interface Exploration {
  /** Standard deviation of Gaussian noise added to each action, as a share of its half-range; 0 when left out. */
  noise?: number
  /** Correlation of the noise of consecutive steps, from 0 to below 1; 0 when left out. */
  correlation?: number
  /** So many actions at the start of the episode are uniform between the bounds; 0 when left out. */
  uniformSteps?: number
  /** A gaussian policy samples its actions, a discrete one its choice: softmax of the outputs are the probabilities. */
  sample?: boolean
}

export interface RolloutOptions {
  /** Episodes of each policy. */
  episodes: number
  seed: number
  /** Which family of random streams the episodes use. */
  purpose: 'training' | 'evaluation' | 'final'
  /** Episode e of policy p uses the random streams numbered firstIndex + p · episodes + e. */
  firstIndex: number
  /** null: observations are not normalized. */
  statistics: Statistics | null
  observe: Observe
  removeSurvivalBonus: boolean
  /** None when left out. */
  exploration?: Exploration
  /** Pauses every episode after this many more steps. Episodes that have not ended by then continue in the next call with resume: true. */
  maxSteps?: number
  /** Continues the paused episodes of the last call; the options and the number of policies must be the same, θ may differ. */
  resume?: boolean
  /** Also returns every transition of this call. */
  record?: boolean
}

/** T transitions, episode by episode. Observations are raw: not normalized. */
export interface Transitions {
  /** (T) the episode each belongs to. */
  episodes: Int32Array
  /** (T, O) */
  observations: Float32Array
  /** (T, A) as the task received them; of a discrete task (T). */
  actions: Float32Array
  /** (T) full rewards. */
  rewards: Float64Array
  /** (T, O) */
  nextObservations: Float32Array
  /** (T) 1 where the task itself ended the episode in this step; an episode that a time limit ends has none. */
  terminated: Uint8Array
}

/** Episodes in the order (policy, episode). Totals count from the start of each episode, also after a pause. */
export interface Episodes {
  /** Without the survival bonus, where that is removed. */
  returns: Float64Array
  fullReturns: Float64Array
  lengths: Int32Array
  /** 1 where the task itself ended the episode. */
  terminated: Uint8Array
  /** 1 where the simulation produced NaN or infinity; such an episode is worthless. */
  diverged: Uint8Array
  /** Why, as a clause, by the number of the episode; only where the task shows it. */
  divergedBecause?: Map<number, string>
  /** 1 where the episode has ended, 0 where it is paused. */
  done: Uint8Array
  /** Simulator warnings, all episodes together. */
  warnings: number
  /** Moments of the observations of each episode: counts (n), means and m2s (n, O). Empty unless observed. */
  moments: { counts: Float64Array; means: Float64Array; m2s: Float64Array }
  /** Only where they were recorded. */
  transitions?: Transitions
}

/** Runs policies on a task, whatever the task is made of. */
export interface Rollout {
  run(policies: Policies, options: RolloutOptions): Promise<Episodes>
  dispose(): void
}

/** Policies acting side by side on observations from JavaScript. Each row is one episode under way. */
export interface Actors {
  /** Forgets all episodes; loads nothing yet. */
  start(policies: Policies, options: Pick<RolloutOptions, 'seed' | 'statistics' | 'observe' | 'exploration'>): void
  /** Replaces the policies under the episodes that are under way: as many as before, with other θ. */
  reload(policies: Policies): void
  /** An episode of this policy begins on this row; `index` numbers the stream of its action noise. */
  begin(row: number, policy: number, index: number): void
  /** observations (rows, O) → actions (rows, A), or (rows) when discrete, for the rows that are active. */
  act(observations: Float64Array, actions: Float32Array, active: Uint8Array): void
  /** What the row's last action earned, which a commanded policy is no longer asked for. */
  reward(row: number, reward: number): void
  /** What the row's episode has observed so far. */
  moments(row: number): Statistics
  dispose(): void
}

/** A policy outside of any task: its spec, and the frozen statistics it normalizes observations by. */
export interface PolicyShape {
  spec: PolicySpec
  /** (O) */
  observationMean: Float64Array
  /** (O) what a deviation from the mean is divided by */
  observationStd: Float64Array
}
/** One policy on the calling thread, for one observation after another. */
export interface NativePolicy {
  /** Where each layer's weight (out, in) and bias (out) are in θ. */
  readonly tensors: NamedTensor[]
  load(theta: Float32Array): void
  /** observations (n, O) → actions (n, A); for a discrete policy (n). */
  act(observations: Float64Array, actions: Float32Array): void
  dispose(): void
}

/** Flat parameters, their Adam moments, and how many updates they have had. */
export interface NetworkState {
  values: Float32Array
  firstMoment: Float32Array
  secondMoment: Float32Array
  updates: number
}

// ---------------------------------------------------------------- GoGePo

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
/** Many updates of one network. */
export interface RegressionOptions {
  updates: number
  batchSize: number
  learningRate: number
  seed: number
}
/** The loss before each update, and the seconds each phase took (on a CUDA device by its own clock). */
export interface Regression {
  losses: Float32Array
  seconds: { draw: number; update: number }
}
/** One update's loss before it, and its gradient with respect to the flat parameters. */
export interface Update {
  loss: number
  gradient: Float32Array
}

/** GoGePo's update backend for one architecture on one device. */
export interface Networks {
  readonly sizes: Sizes
  /** V(θ) → r on stored pairs, then V(G(r)) → r on stored returns and, in the balanced share, on returns between them. */
  fit(critic: Critic, generator: Generator, buffer: ReplayBuffer, options: FitOptions): Promise<Fitted>
  dispose(): void
}

interface Network {
  /** Where each tensor is in the flat vectors. */
  readonly tensors: NamedTensor[]
  state(): NetworkState
  restore(state: NetworkState): void
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

// ---------------------------------------------------------------- DDPG, TD3 and SAC

/** T transitions. */
export type TransitionColumns = Omit<Transitions, 'episodes'>

/** A ring buffer of transitions, in single precision. */
export interface TransitionBuffer {
  /** Transitions held now. */
  readonly count: number
  /** Transitions ever pushed. */
  readonly pushed: number
  readonly bytes: number
  push(transitions: TransitionColumns): void
  /** Transitions by their number in the run. */
  rows(range: { first: number; count: number }): TransitionColumns
  /** Empties the buffer; the next transition pushed gets this number. */
  clear(options: { pushed: number }): void
  dispose(): void
}

export interface ActorCriticRates {
  /** γ, from 0 to 1. */
  discount: number
  /** The share of itself that a target keeps, from 0 to 1. */
  polyak: number
  actorLearningRate: number
  criticLearningRate: number
}
export interface Td3Options extends ActorCriticRates {
  policyDelay: number
}
export interface SacOptions extends ActorCriticRates {
  automaticTemperature: boolean
  temperatureLearningRate: number
  /** In nats. */
  targetEntropy: number
}
/** Batches are sampled uniformly, with replacement; update u of the run draws from the streams numbered u. */
export interface Sampling {
  updates: number
  batchSize: number
  seed: number
}
/** Noise on target actions: its standard deviation and where it is clipped, as shares of an action's half-range. */
export interface TargetNoise {
  targetNoise: number
  targetNoiseClip: number
}

/** The losses before each update; delayed updates have none of the actor. */
export interface Td3Fitted {
  critic: Float32Array
  actor: Float32Array
}
/** Also α and the mean of −log π(a|s). */
export interface SacFitted extends Td3Fitted {
  temperature: Float32Array
  entropy: Float32Array
}
/** One update's losses before it, and its gradients with respect to the flat parameters; of the actor null if it was delayed. */
export interface ActorCriticUpdate {
  criticLoss: number
  criticGradient: Float32Array
  actorLoss: number | null
  actorGradient: Float32Array | null
}

export interface ActorCriticState {
  actor: NetworkState
  critics: NetworkState
  /** log α alone; only SAC uses it. */
  temperature: NetworkState
  /** Empty for a gaussian policy. */
  actorTarget: Float32Array
  criticsTarget: Float32Array
}

/** An actor, and critics of observations and actions, with their targets. Everything is computed on the CPU. */
export interface ActorCritic {
  /** Where each tensor is in the flat vectors. */
  readonly tensors: { actor: NamedTensor[]; critics: NamedTensor[] }
  /** The actor, as one policy. */
  policy(): Policies
  /** Updates of TD3, or of DDPG, on batches from the buffer. The policy's output is tanh. */
  fitTd3(buffer: TransitionBuffer, options: Td3Options & Sampling & TargetNoise): Promise<Td3Fitted>
  /** Updates of SAC on batches from the buffer. The policy's output is gaussian. */
  fitSac(buffer: TransitionBuffer, options: SacOptions & Sampling): Promise<SacFitted>
  /** One update of TD3 on this batch. @param noise (B, A) on the target actor's actions, in action units */
  updateTd3(batch: TransitionColumns, noise: Float32Array, options: Td3Options): Promise<ActorCriticUpdate>
  /** One update of SAC on this batch. @param nextNormals (B, A) what actions in s′ are sampled with, normals (B, A) those in s */
  updateSac(
    batch: TransitionColumns,
    nextNormals: Float32Array,
    normals: Float32Array,
    options: SacOptions,
  ): Promise<ActorCriticUpdate & { temperature: number; entropy: number }>
  state(): ActorCriticState
  restore(state: ActorCriticState): void
  dispose(): void
}

// ---------------------------------------------------------------- UDRL

/** The best episodes of a run, whole. Of equal returns the newer is the better. */
export interface EpisodeBuffer {
  readonly bytes: number
  /** Whole episodes, step by step. @param leave episodes marked here are not kept */
  push(transitions: Pick<Transitions, 'episodes' | 'observations' | 'actions' | 'rewards'>, leave: Uint8Array): void
  /** The returns and the lengths of the episodes that it holds, the best first. */
  totals(): { returns: Float64Array; lengths: Int32Array }
  /** What it holds. */
  state(): EpisodesHeld
  restore(state: EpisodesHeld): void
  dispose(): void
}

/** n episodes with T steps in all, one after another, the best first. */
export interface EpisodesHeld {
  /** (n) */
  returns: Float64Array
  /** (n) */
  lengths: Int32Array
  /** (T, O) raw: not normalized. */
  observations: Float32Array
  /** (T, A), or (T) when discrete. */
  actions: Float32Array
  /** (T) what was still earned, this step included. */
  returnsToGo: Float32Array
}

/** B observations, what was still asked for there, and the actions that did it. */
export interface Segments {
  /** (B, O) */
  observations: Float32Array
  /** (B, 2) a return in reward units and a number of steps each. */
  commands: Float32Array
  /** (B, A), or (B) when discrete. */
  actions: Float32Array
}

/** The behavior function of UDRL: a commanded policy, and its supervised updates. Everything is computed on the CPU. */
export interface Behavior extends Network {
  /** One policy for each command. @param commands (n, 2) a return in reward units and a number of steps, at least 1, each */
  policies(commands: Float32Array): Policies
  /** Updates on segments that are sampled from the buffer: an episode, then a step of it, uniformly. @returns the loss before each */
  fit(buffer: EpisodeBuffer, options: RegressionOptions): Promise<Float32Array>
  /** One update on these segments. */
  update(segments: Segments, options: { learningRate: number }): Promise<Update>
}

// ---------------------------------------------------------------- ARS, OpenAI-ES, PGPE

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

/** What the addon exports. */
export interface Native {
  /** tf32: on a CUDA device, matrix multiplications with 10-bit mantissas. */
  Device: new (options: { device: string; threads: number; tf32?: boolean }) => Device
  Policies: new (device: Device, spec: PolicySpec, thetas: Float32Array) => Policies
  Rollout: new (options: { policy: PolicySpec; env: string; options: TaskOptions; threads: number }) => Rollout
  Actors: new (options: { policy: PolicySpec; rows: number }) => Actors
  Policy: new (shape: PolicyShape) => NativePolicy

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
  TransitionBuffer: new (
    device: Device,
    options: { observationSize: number; actionSize: number; capacity: number },
  ) => TransitionBuffer
  /** PyTorch's default initialization of a Linear layer; the targets begin as copies. policy: ReLU and tanh or gaussian. */
  ActorCritic: new (
    device: Device,
    options: {
      policy: PolicySpec
      criticHidden: readonly number[]
      critics: number
      backend: 'fast' | 'reference'
      seed: number
    },
  ) => ActorCritic
  EpisodeBuffer: new (device: Device, options: { policy: PolicySpec; capacity: number }) => EpisodeBuffer
  /**
   * PyTorch's default initialization of a Linear layer. policy: commanded, with biases, ReLU and at least one hidden layer; its output
   * is tanh, or clip where it is discrete.
   */
  Behavior: new (
    device: Device,
    options: { policy: PolicySpec; backend: 'fast' | 'reference'; seed: number },
  ) => Behavior
  /** θ starts at zero where the policy is linear, else at PyTorch's default initialization of a Linear layer. */
  Ars: new (device: Device, options: { policy: PolicySpec; seed: number }) => Ars
  /** θ starts as with Ars. */
  Es: new (device: Device, options: { policy: PolicySpec; seed: number }) => Es
  /** θ starts as with Ars, each standard deviation at `stdev`. */
  Pgpe: new (device: Device, options: { policy: PolicySpec; seed: number; stdev: number }) => Pgpe

  /** |θ| of such a policy. */
  policySize(spec: PolicySpec): number
  /** Parameter counts of such networks; nothing is allocated. */
  sizes(architecture: Architecture): Sizes
  /** (O) what a deviation from the mean is divided by: infinity where a coordinate has hardly moved. */
  observationStd(statistics: Statistics): Float64Array
  /** 32 bits from the stream of an episode, from which a task outside of C++ starts. */
  episodeSeed(episode: { seed: number; purpose: RolloutOptions['purpose']; index: number }): number
  /** `count` samples from [0, 1), at most 2^23, of the stream from which the command strategy of this training episode draws. */
  uniforms(options: { seed: number; episode: number; count: number }): Float64Array
  /** `count` samples, at most 2^23, of N(0, 1) from the stream numbered `index` that is reserved for user-defined algorithms. */
  normals(options: { seed: number; index: number; count: number }): Float32Array

  /** The native tasks, with their default options. */
  envs(): EnvSpec[]
  /** The task with these options. Throws ERR_TASK_OPTION. */
  env(task: { env: string; options: TaskOptions }): EnvSpec
  /** actions (T, A), states (E, n) → observations (T, O) and the rest (T). */
  replay(recording: {
    env: string
    options: TaskOptions
    actions: Float64Array
    resets: Float64Array
    states: Float64Array
  }): {
    observations: Float64Array
    rewards: Float64Array
    terminated: Uint8Array
    truncated: Uint8Array
  }

  /** In this process: wrapped objects that are alive, and bytes of workspace of all fast backends. */
  memory(): { objects: number; workspace: number }
  /** The CUDA devices that LibTorch finds; described once the CUDA part is open. Memory in bytes. */
  cudaDevices(): { name?: string; capability?: string; memory?: number }[]
  /** Throws the system's reason. */
  openCudaPart(path: string): void
  /** The class of the errors that native code throws. */
  setErrorClass(errorClass: typeof GogepoError): void
  versions: { libtorch: string; mujoco: string }
}
