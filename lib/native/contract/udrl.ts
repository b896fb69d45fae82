/** UDRL. */
import type { Network, RegressionOptions, Update } from './networks.js'
import type { Device, Policies, PolicySpec } from './policies.js'
import type { Transitions } from './rollout.js'

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

/** What the addon exports for UDRL. */
export interface UdrlClasses {
  EpisodeBuffer: new (device: Device, options: { policy: PolicySpec; capacity: number }) => EpisodeBuffer
  /**
   * PyTorch's default initialization of a Linear layer. policy: commanded, with biases, ReLU and at least one hidden layer; its output
   * is tanh, or clip where it is discrete.
   */
  Behavior: new (
    device: Device,
    options: { policy: PolicySpec; backend: 'fast' | 'reference'; seed: number },
  ) => Behavior
}
