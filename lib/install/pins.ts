/** The wheels that LibTorch and MuJoCo come in, pinned by hash, and the versions that gogepo is tested with. */
import { pinnedLibtorches } from './pinned-wheels.js'

export { pinnedLibtorches }

export interface Pin {
  name: string
  version: string
  /** The wheel's file name. */
  file: string
  sha256: string
  /** Its size, where it is known. */
  bytes?: number
  /** The SHA-256 of its list of files, by which parts of the wheel can be checked without the rest. */
  list?: string
}

/**
 * A LibTorch made of wheels. The wheel of torch on pip's index is the CUDA build; with two libraries of the CUDA runtime
 * it also works on machines without a GPU.
 */
export interface PinnedLibtorch {
  version: string
  /** The CUDA version, as PyTorch writes it: cu130. */
  cuda: string
  torch: Pin
  runtime: Pin
  cupti: Pin
  /** Headers for building the code that captures CUDA graphs. */
  crt: Pin
  /** What else CUDA devices take: cuBLAS, cuDNN and others. */
  libraries: readonly Pin[]
}

/** The LibTorch that setup installs if none is named, and that gogepo is tested with. */
export const defaultVersion = '2.13.0'

export const pinnedMinors: readonly string[] = pinnedLibtorches.map(({ version }) =>
  version.split('.').slice(0, 2).join('.'),
)

export const mujocoVersion = '3.14.0'
export const mujocoPin: Pin = {
  name: 'mujoco',
  version: mujocoVersion,
  file: 'mujoco-3.14.0-cp311-cp311-manylinux_2_27_x86_64.manylinux_2_28_x86_64.whl',
  sha256: '922983dfdf88d29f4eb0f451a1d18867156d9fc97e3df6e63b9933cc0eba4d38',
}
