/** DDPG, TD3 and SAC. */
import type { NamedTensor, NetworkState } from './networks.js'
import type { Device, Policies, PolicySpec } from './policies.js'
import type { Transitions } from './rollout.js'

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

/** What the addon exports for DDPG, TD3 and SAC. */
export interface ActorCriticClasses {
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
}
