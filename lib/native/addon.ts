/** Opens the native side: the loader, LibTorch, MuJoCo, then the engine built for that LibTorch. Importing this opens nothing. */
import { existsSync, realpathSync } from 'node:fs'
import { constants } from 'node:os'
import { dirname, join } from 'node:path'
import { cudaUnavailable, findDriver, whyNoDriver } from './cuda.js'
import { GogepoError } from '../base/errors.js'
import { findLibtorch, findMujoco, mujocoLibrary, type Libtorch } from '../install/libtorch.js'
import { attempt, openLoader, type Loader } from './loader.js'

export interface AddonOptions {
  /** A LibTorch to use instead of the one that would be found. */
  libtorch?: string
  /** Whether CUDA's part of LibTorch is opened as well. */
  cuda?: boolean
}

export interface OpenedAddon {
  /** What the engine's addon exports. */
  exports: unknown
  libtorch: Libtorch
  /** The loader that was taken, from a build or from the package. */
  loader: string
  /** The library that records CUDA graphs, for the engine to open once LibTorch's part for CUDA is open; it need not be there. */
  cudaPart: string
}

/** The engine beside a loader that was built for a LibTorch. */
export const addonFile = (loader: string, libtorch: Libtorch): string =>
  join(dirname(loader), `gogepo-engine.torch${libtorch.minor}.so`)

let opened: OpenedAddon | undefined
let openedCuda = false

/** The engine of this process, opened at the first call. LibTorch can be in a process once: a later call gets what the first opened. */
export function openAddon({ libtorch: named, cuda = false }: AddonOptions = {}): OpenedAddon {
  if (opened && (openedCuda || !cuda)) return opened
  const { loader, path: loaderPath } = openLoader()
  const libtorch = opened?.libtorch ?? findLibtorch(named)
  const library = (name: string) => join(libtorch.folder, 'lib', name)
  refuseAnother(loader, library('libtorch_cpu.so'))
  if (cuda && !libtorch.cuda)
    throw cudaUnavailable(
      'cuda',
      `the LibTorch in ${libtorch.folder} (${libtorch.version}) has no CUDA part. Take one that has, with GOGEPO_LIBTORCH, or use --device cpu.`,
    )
  if (cuda) {
    const why = whyNoDriver(findDriver((name) => loader.open([name]))) // before LibTorch's part, which is large
    if (why !== undefined) throw cudaUnavailable('cuda', why)
  }

  if (!opened) {
    const engine = addonFile(loaderPath, libtorch)
    if (!existsSync(engine))
      throw new GogepoError(
        'ERR_LIBTORCH_VERSION',
        `The LibTorch found in ${libtorch.folder} is ${libtorch.version}, and there is no engine for it: ${engine} is missing. Name a LibTorch there is one for with GOGEPO_LIBTORCH, or, in a clone, build it with: npm run setup`,
      )
    const mujoco = join(findMujoco(dirname(loaderPath)), mujocoLibrary)
    attempt(`LibTorch ${libtorch.version} cannot be opened`, () =>
      loader.open([library('libc10.so'), library('libtorch_cpu.so')]),
    )
    if (cuda) openCuda()
    attempt('MuJoCo cannot be opened', () => loader.open([mujoco]))
    const addon = { exports: {} as unknown }
    attempt(`The engine ${engine} cannot be opened`, () =>
      process.dlopen(addon, engine, constants.dlopen.RTLD_NOW | constants.dlopen.RTLD_LOCAL),
    )
    opened = {
      exports: addon.exports,
      libtorch,
      loader: loaderPath,
      cudaPart: join(dirname(loaderPath), `gogepo-cuda.torch${libtorch.minor}.so`),
    }
  } else openCuda()
  return opened

  // Before the engine where that is still possible: LibTorch keeps its first answer to whether there is a CUDA.
  function openCuda(): void {
    try {
      loader.open([library('libc10_cuda.so'), library('libtorch_cuda.so')])
    } catch (error) {
      throw cudaUnavailable(
        'cuda',
        `LibTorch’s part for CUDA cannot be opened: ${(error as Error).message}. Name a LibTorch that has all it needs (pip install torch brings it) with GOGEPO_LIBTORCH, or use --device cpu.`,
        error,
      )
    }
    openedCuda = true
  }
}

/** Two LibTorches in one process share their symbols and crash. */
function refuseAnother(loader: Loader, wanted: string): void {
  const other = loader.mapped('libtorch_cpu.so').find((path) => realpathSync(path) !== realpathSync(wanted))
  if (other)
    throw new GogepoError(
      'ERR_LIBTORCH_VERSION',
      `Another LibTorch is already open in this process: ${other}; gogepo would take ${wanted}. Let both use the same one: set GOGEPO_LIBTORCH to ${dirname(dirname(other))}.`,
    )
}
