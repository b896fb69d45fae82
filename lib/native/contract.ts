/** The contract with C++: every class and function that the addon exports, typed. Coarse operations cross; tensors do not. */
import type { GogepoError } from '../base/errors.js'
import type { ActorCriticClasses } from './contract/actor-critic.js'
import type { GogepoClasses } from './contract/gogepo.js'
import type { PolicyClasses } from './contract/policies.js'
import type { RolloutClasses } from './contract/rollout.js'
import type { SearchClasses } from './contract/search.js'
import type { TaskFunctions } from './contract/tasks.js'
import type { UdrlClasses } from './contract/udrl.js'

export type * from './contract/actor-critic.js'
export type * from './contract/gogepo.js'
export type * from './contract/networks.js'
export type * from './contract/policies.js'
export type * from './contract/rollout.js'
export type * from './contract/search.js'
export type * from './contract/tasks.js'
export type * from './contract/udrl.js'

/** What the addon exports. */
export interface Native
  extends TaskFunctions, PolicyClasses, RolloutClasses, GogepoClasses, ActorCriticClasses, UdrlClasses, SearchClasses {
  /** `count` samples from [0, 1), at most 2^23, of the stream from which the command strategy of this training episode draws. */
  uniforms(options: { seed: number; episode: number; count: number }): Float64Array
  /** `count` samples, at most 2^23, of N(0, 1) from the stream numbered `index` that is reserved for user-defined algorithms. */
  normals(options: { seed: number; index: number; count: number }): Float32Array
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
