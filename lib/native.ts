/** The contract with C++: everything the engine exports, typed. Whole verbs cross, tensors do not. */
import { existsSync } from 'node:fs'
import { cudaUnavailable, findDriver, whyNoDevice } from './cuda.js'
import { openEngine } from './engine.js'
import { GogepoError } from './errors.js'
import { openLoader } from './loader.js'

/** A range is [low, high]; its ends may be infinite. */
export type TaskOptionValue = number | boolean | readonly [low: number, high: number]
/** Under Gymnasium's names. */
export type TaskOptions = Readonly<Record<string, TaskOptionValue>>

/** What may be changed of a task. */
export interface TaskOption {
  name: string
  kind: 'number' | 'whole number' | 'boolean' | 'range'
  default: TaskOptionValue
  /** Of a number, where there are bounds. */
  least?: number
  most?: number
  help: string
}

/** A task as its page in native/env registers it. Sizes in numbers, returns and bonus in reward units. */
export interface EnvSpec {
  id: string
  observationSize: number
  /** Dimensions of the action; of a discrete task the number of actions. */
  actionSize: number
  discrete: boolean
  actionLow: number[]
  actionHigh: number[]
  /** NaN in both: the task does not say, and the settings must. */
  returnMin: number
  returnMax: number
  maxEpisodeSteps: number
  /** Paid for each step alive and left out of stored returns. */
  survivalBonus: number
  /** The usual budget and spacing of evaluations, in steps. */
  trainingSteps: number
  evaluateEvery: number
  source: string
  options: TaskOption[]
}

export interface Architecture {
  observationSize: number
  actionSize: number
  discrete: boolean
  /** Actions are center + scale · tanh, each (A). */
  actionCenter: number[]
  actionScale: number[]
  policyHidden: readonly number[]
  sliceSize: number
  embeddingSize: number
  generatorHidden: readonly number[]
  outputScale: number
  probingStates: number
  criticKind: 'fingerprint' | 'parameters'
  criticHidden: readonly number[]
  returnMin: number
  returnMax: number
}

/** Numbers in θ, ρ and w. */
export interface Sizes {
  policy: number
  generator: number
  critic: number
}

/** A device and the thread that computes on it: one job at a time, a second is refused with ERR_BUSY. */
export interface NativeEngine {
  readonly sizes: Sizes
  readonly device: string
  /** V(θ) → r on stored pairs, then V(G(r)) → r on stored returns: networks and buffer of this engine. */
  fit(critic: Critic, generator: Generator, buffer: ReplayBuffer, options: FitOptions): Promise<Fitted>
  /** Milliseconds of each of LibTorch's own products (m, k)·(k, n) on the CPU: what benchmarks measure the updates against. */
  sgemm(options: { m: number; n: number; k: number; repeats: number }): Promise<Float64Array>
  dispose(): void
}

/** θ of a batch of policies, (n, |θ|), on the device. */
export interface Policies {
  readonly count: number
  toArray(): Float32Array
  /** states (N, O) → actions (n, N, A) */
  actions(states: Float32Array): Promise<Float32Array>
  dispose(): void
}

export interface NamedTensor {
  name: string
  shape: number[]
  offset: number
  size: number
}

/** A network's flat parameters, its Adam moments and how many updates it has had. */
export interface NetworkState {
  values: Float32Array
  firstMoment: Float32Array
  secondMoment: Float32Array
  updates: number
}

export interface FitOptions {
  criticUpdates: number
  generatorUpdates: number
  batchSize: number
  criticLearningRate: number
  generatorLearningRate: number
  seed: number
}
/** Losses before each update; seconds it took, on a CUDA device by its own clock. */
export interface Fitted {
  critic: Float32Array
  generator: Float32Array
  seconds: { draw: number; critic: number; generator: number }
}
/** One update's loss before it, and its gradient by the flat parameters. */
export interface Update {
  loss: number
  gradient: Float32Array
}

interface Network {
  /** Where each tensor sits in the flat vectors. */
  readonly tensors: NamedTensor[]
  state(): NetworkState
  restore(state: NetworkState): void
  dispose(): void
}
export interface Generator extends Network {
  /** θ = G(c) + noise · ε, ε of row i from the stream of episode firstEpisode + i. commands (n), in return units. */
  generate(commands: Float32Array, options: { noise: number; seed: number; firstEpisode: number }): Promise<Policies>
  /** V(G(r)) → r, one update on these returns. */
  update(critic: Critic, returns: Float32Array, options: { learningRate: number }): Promise<Update>
}
export interface Critic extends Network {
  /** Predicted returns (n). */
  value(policies: Policies): Promise<Float32Array>
  /** Probing actions (n, N·A), states outermost. */
  fingerprint(policies: Policies): Promise<Float32Array>
  /** V(θ) → r, one update on these pairs. */
  update(policies: Policies, returns: Float32Array, options: { learningRate: number }): Promise<Update>
}

export interface ReplayBuffer {
  /** Entries held now, and ever pushed. */
  readonly count: number
  readonly pushed: number
  readonly bytes: number
  /** @param leave policies marked here are not stored */
  push(policies: Policies, returns: Float32Array, leave?: Uint8Array): void
  /** Entries by their number in the run: thetas (count, |θ|), returns (count). */
  rows(range: { first: number; count: number }): { thetas: Float32Array; returns: Float32Array }
  /** Which entries these updates of a fit draw from what it now holds, by their number in the run: (updates, min(batchSize, count)). */
  draw(options: {
    network: 'critic' | 'generator'
    seed: number
    firstUpdate: number
    updates: number
    batchSize: number
  }): Float64Array
  /** Forgets what it holds; the next entry pushed has this number. */
  clear(options: { pushed: number }): void
  dispose(): void
}

/** Statistics of observations: how many, their mean and their sum of squared deviations, (O) each. */
export interface Statistics {
  count: number
  mean: Float64Array
  m2: Float64Array
}

export interface RolloutOptions {
  /** For each policy. */
  episodes: number
  seed: number
  purpose: 'training' | 'evaluation'
  /** Episode e of policy p starts from the random stream numbered firstIndex + p · episodes + e. */
  firstIndex: number
  /** null: observations are not normalized. */
  statistics: Statistics | null
  /** The statistics grow while an episode runs, and each episode's additions are reported. */
  learning: boolean
  removeSurvivalBonus: boolean
}
/** Episodes in the order (policy, episode). */
export interface Episodes {
  /** In stored units: without the survival bonus. */
  returns: Float64Array
  fullReturns: Float64Array
  lengths: Int32Array
  terminated: Uint8Array
  /** 1 where the simulation was no longer finite. */
  diverged: Uint8Array
  /** Of the simulator, all episodes together. */
  warnings: number
  /** What each episode observed: counts (n), means and m2s (n, O). Empty unless learning. */
  moments: { counts: Float64Array; means: Float64Array; m2s: Float64Array }
}
/** What runs policies on a task, whatever kind of task it is. */
export interface Rollout {
  run(policies: Policies, options: RolloutOptions): Promise<Episodes>
  dispose(): void
}

/** What a policy outside of any task is made of, θ apart. */
export interface PolicyShape {
  /** Of an observation, the hidden layers and an action. */
  sizes: readonly number[]
  discrete: boolean
  /** (A) */
  actionCenter: readonly number[]
  actionScale: readonly number[]
  /** (O) */
  observationMean: Float64Array
  observationStd: Float64Array
}
/** One policy on this thread, for one observation after another. */
export interface NativePolicy {
  /** Where each layer's weight (out, in) and bias (out) sit in θ. */
  readonly tensors: NamedTensor[]
  load(theta: Float32Array): void
  /** observations (n, O) → actions (n, A); of a discrete task (n). */
  act(observations: Float64Array, actions: Float32Array): void
  dispose(): void
}

/** Policies that act side by side on observations from JavaScript; a row is one episode under way. */
export interface Actors {
  /** No episode is under way any more. */
  start(policies: Policies, options: { statistics: Statistics | null; learning: boolean }): void
  /** An episode of this policy begins on this row. */
  begin(row: number, policy: number): void
  /** observations (rows, O) → actions (rows, A), or (rows) when discrete, of the rows that are active. */
  act(observations: Float32Array, actions: Float32Array, active: Uint8Array): void
  /** What the row's episode observed so far. */
  moments(row: number): Statistics
  dispose(): void
}

export interface Native {
  /** On a CUDA device fast is static. tf32: products of matrices with mantissas of 10 bits; of a CUDA device alone. */
  Engine: new (options: {
    architecture: Architecture
    engine: 'fast' | 'reference' | 'static'
    device: string
    threads: number
    tf32?: boolean
  }) => NativeEngine
  Policies: new (engine: NativeEngine, thetas: Float32Array) => Policies
  Generator: new (engine: NativeEngine, options: { seed: number }) => Generator
  Critic: new (engine: NativeEngine, options: { seed: number }) => Critic
  ReplayBuffer: new (
    engine: NativeEngine,
    options: { capacity: number; recencyExponent: number; pinned?: boolean },
  ) => ReplayBuffer
  Rollout: new (engine: NativeEngine, options: { env: string; options: TaskOptions; threads: number }) => Rollout
  Policy: new (shape: PolicyShape) => NativePolicy
  /** (O), what a deviation from the mean is divided by: infinity where a coordinate has hardly moved. */
  observationStd(statistics: Statistics): Float64Array
  Actors: new (engine: NativeEngine, options: { rows: number }) => Actors
  /** 32 bits from the stream of an episode: what a task that is not native starts from. */
  episodeSeed(episode: { seed: number; purpose: RolloutOptions['purpose']; index: number }): number
  envs(): EnvSpec[]
  /** The task as these options make it. Throws ERR_TASK_OPTION. */
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
  /** Of this process: wrapped objects that are alive, and bytes of workspace of all fast engines. */
  memory(): { objects: number; workspace: number }
  /** The CUDA devices LibTorch finds; what each is once the part for CUDA graphs is open. Bytes. */
  cudaDevices(): { name?: string; capability?: string; memory?: number }[]
  /** Throws the system's reason. */
  openCudaPart(path: string): void
  setErrorClass(errorClass: typeof GogepoError): void
  /** Of an engine for it; nothing is allocated. */
  sizes(architecture: Architecture): Sizes
  versions: { libtorch: string; mujoco: string }
}

let native: Native | undefined
let graphs: true | string | undefined

/**
 * Opens LibTorch and the engine, at the first call only, and LibTorch's part for CUDA at the first that needs it. `auto` takes CUDA
 * where it can be had; asking for cuda and not getting it is an error.
 * @throws GogepoError ERR_LIBTORCH_NOT_FOUND, ERR_LIBTORCH_VERSION, ERR_ADDON, ERR_CUDA_UNAVAILABLE
 */
export function openNative(device = 'cpu'): Native {
  if (device.startsWith('cuda')) return openWithCuda(device)
  if (device !== 'auto' || !existsSync('/proc/driver/nvidia/version')) return open(false) // its libraries are large
  try {
    return openWithCuda('cuda')
  } catch (error) {
    if (error instanceof GogepoError && error.code === 'ERR_CUDA_UNAVAILABLE') return open(false)
    throw error
  }
}

function open(cuda: boolean): Native {
  const { exports } = openEngine({ cuda })
  if (native === undefined) {
    native = exports as Native
    native.setErrorClass(GogepoError)
  }
  return native
}

function openWithCuda(device: string): Native {
  const native = open(true)
  const { libtorch, cudaPart } = openEngine()
  const devices = native.cudaDevices().length
  if (Number(device.split(':')[1] ?? 0) >= devices) {
    const { loader } = openLoader()
    throw cudaUnavailable(
      device,
      whyNoDevice(
        devices,
        findDriver((name) => loader.open([name])),
        libtorch,
      ),
    )
  }
  if (graphs === undefined)
    try {
      native.openCudaPart(cudaPart)
      graphs = true
    } catch (error) {
      graphs = existsSync(cudaPart)
        ? (error as Error).message
        : `there is no ${cudaPart}: it is built where CUDA’s headers are`
    }
  return native
}

/** What a CUDA device is, and whether updates are recorded on it as CUDA graphs, or why not. */
export interface CudaUse {
  name?: string
  /** Such as 9.0. */
  capability?: string
  /** In bytes. */
  memory?: number
  /** True, or why not. */
  graphs: true | string
}
export function cudaUse(native: Native, device: string): CudaUse | undefined {
  if (!device.startsWith('cuda')) return undefined
  return {
    ...native.cudaDevices()[Number(device.split(':')[1] ?? 0)],
    graphs: graphs ?? 'the part for CUDA graphs has not been opened',
  }
}
