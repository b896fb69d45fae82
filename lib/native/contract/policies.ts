/** Policies, and the devices that hold them. */
import type { NamedTensor } from './networks.js'

/** A device, the thread that computes on it, and its stream. It runs one job at a time; a second is refused with ERR_BUSY. */
export interface Device {
  /** cpu or cuda:<i>. */
  readonly name: string
  /** Milliseconds of each of LibTorch's own matrix multiplications (m, k)·(k, n) on the CPU: the yardstick of the benchmarks. */
  sgemm(options: { m: number; n: number; k: number; repeats: number }): Promise<Float64Array>
  /** Stops the job that is running, and frees the device. */
  dispose(): void
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

/** What the addon exports for policies. */
export interface PolicyClasses {
  /** tf32: on a CUDA device, matrix multiplications with 10-bit mantissas. */
  Device: new (options: { device: string; threads: number; tf32?: boolean }) => Device
  Policies: new (device: Device, spec: PolicySpec, thetas: Float32Array) => Policies
  Policy: new (shape: PolicyShape) => NativePolicy
  /** |θ| of such a policy. */
  policySize(spec: PolicySpec): number
  /** (O) what a deviation from the mean is divided by: infinity where a coordinate has hardly moved. */
  observationStd(statistics: Statistics): Float64Array
}
