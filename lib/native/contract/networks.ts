/** What the networks of several algorithms share. */

/** A network's tensor inside a flat vector. */
export interface NamedTensor {
  name: string
  shape: number[]
  offset: number
  size: number
}

/** Flat parameters, their Adam moments, and how many updates they have had. */
export interface NetworkState {
  values: Float32Array
  firstMoment: Float32Array
  secondMoment: Float32Array
  updates: number
}

export interface Network {
  /** Where each tensor is in the flat vectors. */
  readonly tensors: NamedTensor[]
  state(): NetworkState
  restore(state: NetworkState): void
  dispose(): void
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
