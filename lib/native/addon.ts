/**
 * Opens the native side: the loader, LibTorch, MuJoCo, then the addon built for that LibTorch. Importing this file
 * opens nothing.
 */
import { existsSync, realpathSync } from 'node:fs'
import { constants } from 'node:os'
import { dirname, join } from 'node:path'
import { cudaUnavailable, findDriver, whyNoDriver } from './cuda.js'
import { GogepoError } from '../base/errors.js'
import { isClone } from '../base/package.js'
import { engineName } from '../install/binaries.js'
import { replacementFor } from '../install/cache.js'
import { findLibtorch, type Libtorch } from '../install/libtorch.js'
import { findMujoco, mujocoLibrary } from '../install/mujoco.js'
import { sizeProblem } from '../install/record.js'
import { damage } from '../install/verify.js'
import { attempt, findLoader, openLoader, type Loader } from './loader.js'

export interface AddonOptions {
  /** The folder of a LibTorch to use instead of searching for one. */
  libtorch?: string
  /** Also opens LibTorch's CUDA libraries. */
  cuda?: boolean
}

export interface OpenedAddon {
  /** What the addon exports. */
  exports: unknown
  libtorch: Libtorch
  /** The loader that was opened: from a local build or from the package. */
  loader: string
  /**
   * The library that captures CUDA graphs, which the addon opens after LibTorch's CUDA libraries. The file may be
   * missing.
   */
  cudaPart: string
}

/** The addon that was built for this LibTorch, in the loader's folder. The file may be missing. */
export const addonFile = (loader: string, libtorch: Libtorch): string =>
  join(dirname(loader), engineName(libtorch.minor))

/** The library by which policies act in other processes, in the loader's folder. @throws GogepoError ERR_ADDON */
export function actorLibrary(): string {
  const path = join(dirname(findLoader()), 'gogepo-actor.so')
  if (existsSync(path)) return path
  throw new GogepoError(
    'ERR_ADDON',
    `${path} is missing. ${isClone ? 'Build it with: npm run setup' : 'Reinstall gogepo.'}`,
  )
}

/** Why an addon cannot be opened whose file is missing. */
export const missingAddon = (addon: string, { folder, version }: Libtorch): GogepoError =>
  new GogepoError(
    'ERR_LIBTORCH_VERSION',
    `There is no addon for LibTorch ${version} in ${folder}: ${addon} is missing. ${isClone ? 'Build it with: npm run setup' : 'Set GOGEPO_LIBTORCH to a LibTorch of another version, or reinstall gogepo.'}`,
  )

let opened: OpenedAddon | undefined
let openedCuda = false

/**
 * Opens the addon on the first call. A process can hold only one LibTorch, so later calls return what the first one
 * opened.
 */
export function openAddon({ libtorch: named, cuda = false }: AddonOptions = {}): OpenedAddon {
  if (opened && (openedCuda || !cuda)) return opened
  const { loader, path: loaderPath } = openLoader()
  const libtorch = opened?.libtorch ?? findLibtorch(named)
  const library = (name: string) => join(libtorch.folder, 'lib', name)
  refuseAnother(loader, library('libtorch_cpu.so'))

  // Refuse CUDA early: LibTorch's CUDA libraries are large.
  if (cuda && !libtorch.cuda)
    throw cudaUnavailable(
      'cuda',
      `LibTorch ${libtorch.version} in ${libtorch.folder} is a CPU build. Set GOGEPO_LIBTORCH to a CUDA build, or use --device cpu.`,
    )
  if (cuda) {
    const why = whyNoDriver(findDriver((name) => loader.open([name])))
    if (why !== undefined) throw cudaUnavailable('cuda', why)
  }

  // Open the libraries first and the addon last, since it links against all of them.
  if (!opened) {
    const addon = addonFile(loaderPath, libtorch)
    if (!existsSync(addon)) throw missingAddon(addon, libtorch)
    const mujoco = findMujoco(dirname(loaderPath))
    if (!loader.hasAvx()) throw noAvx()
    const damaged = damage(libtorch)
    if (damaged !== undefined) throw libtorchDamaged(damaged, libtorch)
    attempt(
      `LibTorch ${libtorch.version} in ${libtorch.folder} cannot be opened`,
      () => loader.open([library('libc10.so'), library('libtorch_cpu.so')]),
      replacementFor(libtorch.folder, 'GOGEPO_LIBTORCH'),
    )
    if (cuda) openCuda()
    attempt(
      `MuJoCo in ${mujoco} cannot be opened`,
      () => loader.open([join(mujoco, mujocoLibrary)]),
      replacementFor(mujoco, 'GOGEPO_MUJOCO'),
    )
    const module = { exports: {} as unknown }
    attempt(`The addon ${addon} cannot be opened`, () =>
      process.dlopen(module, addon, constants.dlopen.RTLD_NOW | constants.dlopen.RTLD_LOCAL),
    )
    opened = {
      exports: module.exports,
      libtorch,
      loader: loaderPath,
      cudaPart: join(dirname(loaderPath), `gogepo-cuda.torch${libtorch.minor}.so`),
    }
  } else openCuda()
  return opened

  // Called before the addon is opened, if possible: LibTorch caches whether CUDA is available.
  function openCuda(): void {
    const libraries = [library('libc10_cuda.so'), library('libtorch_cuda.so')]
    for (const path of libraries) if (existsSync(path)) refuseDamaged(path, libtorch)
    try {
      loader.open(libraries)
    } catch (error) {
      throw cudaUnavailable(
        'cuda',
        `the CUDA libraries of LibTorch cannot be opened: ${(error as Error).message}. Set GOGEPO_LIBTORCH to a complete CUDA build, such as the one that pip install torch installs, or use --device cpu.`,
        error,
      )
    }
    openedCuda = true
  }
}

export const noAvx = (): GogepoError =>
  new GogepoError(
    'ERR_CPU',
    'This CPU has no AVX instructions, which MuJoCo needs, or a virtual machine hides them. Use a CPU from 2011 or later, or pass the host’s CPU through to the virtual machine.',
  )

const libtorchDamaged = (damaged: string, { folder }: Libtorch): GogepoError =>
  new GogepoError('ERR_LIBTORCH_DAMAGED', `${damaged}. ${replacementFor(folder, 'GOGEPO_LIBTORCH')}`)

/** Refuses a library that was cut short: reading it would kill the process. */
function refuseDamaged(path: string, libtorch: Libtorch): void {
  const problem = sizeProblem(libtorch.folder, path)
  if (problem !== undefined) throw libtorchDamaged(`${path} is damaged: ${problem}`, libtorch)
}

/** Refuses a second LibTorch: two in one process would share their symbols and crash. */
function refuseAnother(loader: Loader, wanted: string): void {
  const other = loader.mapped('libtorch_cpu.so').find((path) => realpathSync(path) !== realpathSync(wanted))
  if (other)
    throw new GogepoError(
      'ERR_LIBTORCH_VERSION',
      `Another LibTorch is already open in this process: ${other}, but gogepo would use ${wanted}. Make both use the same one: set GOGEPO_LIBTORCH to ${dirname(dirname(other))}.`,
    )
}
