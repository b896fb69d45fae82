/**
 * Finds, checks and installs LibTorch and MuJoCo. The search only looks at files: it runs no interpreter and opens no
 * library.
 */
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs'
import { homedir } from 'node:os'
import { basename, dirname, isAbsolute, join, resolve } from 'node:path'
import { GogepoError } from '../base/errors.js'
import { installWheels, type WheelFolder } from './wheels.js'

/**
 * The minor versions of LibTorch that gogepo supports. LibTorch's C++ ABI changes between minor versions, so each has
 * its own addon.
 */
const supportedMinors: readonly string[] = ['2.11', '2.13']
export const mujocoVersion = '3.14.0'
export const mujocoLibrary = `libmujoco.so.${mujocoVersion}`

export interface Libtorch {
  /** The folder that contains lib/ and include/. */
  folder: string
  /** As LibTorch reports it, for example 2.13.0+cu130. */
  version: string
  /** For example 2.13: the version that an addon is built for. */
  minor: string
  /** Whether it is a CUDA build. */
  cuda: boolean
}

/** A place that was searched. */
export interface SearchedPlace {
  /** The variable or rule that names it. */
  from: string
  path: string
  /** What was found there, in words. */
  found: string
}

type Environment = Readonly<Record<string, string | undefined>>

/** Whether this is a clone of the repository, which can build the addon, rather than an installed package. */
export const isClone = existsSync(new URL('../../CMakeLists.txt', import.meta.url))

/** Fetches LibTorch. In a clone it also fetches MuJoCo and builds the addon; an installed package contains both. */
export const setupCommand = isClone ? 'npm run setup' : 'npx gogepo setup'

/** How to get a MuJoCo that is missing. */
export const mujocoFix = isClone ? 'Fetch it with: npm run setup' : 'Reinstall gogepo, which contains it.'

const libtorchVersion = '2.13.0+cu130'
// PyPI's wheel of torch is the CUDA build. With two libraries of the CUDA runtime it also works on machines without a
// GPU. Their headers, and those of nvidia-cuda-crt, are for building the code that captures CUDA graphs.
const libtorchWheels: WheelFolder = {
  wheels: [
    { name: 'torch', version: '2.13.0', sha256: '60fcdcb2f3876e21146cb4524ef06397d727ca9ad5f020818547e25075fe3cb7' },
    {
      name: 'nvidia-cuda-runtime',
      version: '13.0.96',
      sha256: '7f82250d7782aa23b6cfe765ecc7db554bd3c2870c43f3d1821f1d18aebf0548',
    },
    {
      name: 'nvidia-cuda-cupti',
      version: '13.0.85',
      sha256: '4eb01c08e859bf924d222250d2e8f8b8ff6d3db4721288cf35d14252a4d933c8',
    },
    {
      name: 'nvidia-cuda-crt',
      version: '13.0.88',
      sha256: '2c8043c7c9e02492716426e9919fc78d2c5b3b2a7a768a88e952676b08aa55a4',
    },
  ],
  keep: ['torch/lib/', 'torch/include/', 'torch/version.py', 'nvidia/'],
  drop: ['torch/lib/libtorch_python.so', 'torch/lib/libshm'],
  megabytes: 1800,
}
const mujocoWheels: WheelFolder = {
  wheels: [
    {
      name: 'mujoco',
      version: mujocoVersion,
      sha256: '922983dfdf88d29f4eb0f451a1d18867156d9fc97e3df6e63b9933cc0eba4d38',
    },
  ],
  keep: ['mujoco/include/', `mujoco/${mujocoLibrary}`],
  megabytes: 80,
}

export function cacheFolder(env: Environment = process.env): string {
  return resolve(env['GOGEPO_CACHE'] || join(env['XDG_CACHE_HOME'] || join(homedir(), '.cache'), 'gogepo'))
}
const cachedLibtorch = (env: Environment) => join(cacheFolder(env), 'libtorch', libtorchVersion)
const cachedMujoco = (env: Environment) => join(cacheFolder(env), 'mujoco', mujocoVersion)

/**
 * How to replace a LibTorch or MuJoCo that is damaged.
 * @param variable the environment variable that names another one
 */
export function replacementFor(folder: string, variable: string, env: Environment = process.env): string {
  const cached = [cachedLibtorch(env), cachedMujoco(env)].find((place) => `${folder}/`.startsWith(`${place}/`))
  return cached === undefined
    ? `Reinstall it, or set ${variable} to another one.`
    : `Delete ${cached} and fetch it again with: ${setupCommand}`
}

/**
 * Searches, in this order: `named`, GOGEPO_LIBTORCH, LIBTORCH, the active Python environment, the cache. Returns the
 * first usable LibTorch and all places searched. A place that the user named is never skipped silently: if it is not
 * usable, the search ends there with the error `refused`.
 */
export function lookForLibtorch(
  named?: string,
  env: Environment = process.env,
): { libtorch: Libtorch | undefined; places: SearchedPlace[]; refused?: GogepoError } {
  const places: SearchedPlace[] = []

  // Places that the user named.
  const chosen: [string, string | undefined][] = [
    ['the option libtorch', named],
    ['GOGEPO_LIBTORCH', env['GOGEPO_LIBTORCH']],
    ['LIBTORCH', env['LIBTORCH']],
  ]
  for (const [from, path] of chosen) {
    if (!path) {
      places.push({ from, path: '', found: 'not set' })
      continue
    }
    const seen = inspect(resolve(path))
    places.push({ from, path, found: seen.found })
    if (seen.libtorch) return { libtorch: seen.libtorch, places }
    return { libtorch: undefined, places, refused: unusable(from, path, seen) }
  }

  // Active Python environments.
  for (const variable of ['VIRTUAL_ENV', 'CONDA_PREFIX']) {
    const environment = env[variable]
    if (!environment) {
      places.push({ from: variable, path: '', found: 'not set' })
      continue
    }
    const path = pythonTorch(environment)
    const seen = path ? inspect(path) : { found: 'no torch in this environment' }
    places.push({ from: variable, path: path ?? environment, found: seen.found })
    if (seen.libtorch) return { libtorch: seen.libtorch, places }
  }

  // The cache.
  const path = cachedLibtorch(env)
  const seen = inspect(path)
  places.push({ from: 'the cache', path, found: seen.found })
  return { libtorch: seen.libtorch, places }
}

/** Why a place that the user named cannot be used. */
function unusable(from: string, path: string, { found, wrongVersion }: Seen): GogepoError {
  const name = from.replace(/^t/, 'T') // at the start of a sentence
  if (wrongVersion)
    return new GogepoError(
      'ERR_LIBTORCH_VERSION',
      `${name} is ${path}, which is ${found}, but gogepo needs LibTorch ${supported}. Set it to such a version, or unset it.`,
    )
  const problem = existsSync(path)
    ? `${name} is ${path}, which is not a usable LibTorch: ${found}`
    : `The folder named by ${from} does not exist: ${path}`
  return new GogepoError(
    'ERR_LIBTORCH_NOT_FOUND',
    `${problem}. Set it to the folder that contains lib/libtorch_cpu.so and include/, or unset it.`,
  )
}

/** As `lookForLibtorch`, but throws `refused`. @throws GogepoError ERR_LIBTORCH_VERSION, ERR_LIBTORCH_NOT_FOUND */
export function searchLibtorch(
  named?: string,
  env: Environment = process.env,
): { libtorch: Libtorch | undefined; places: SearchedPlace[] } {
  const { libtorch, places, refused } = lookForLibtorch(named, env)
  if (refused) throw refused
  return { libtorch, places }
}

/**
 * As `searchLibtorch`, but also throws if there is none: the error lists all places searched and the command that
 * fetches LibTorch.
 */
export function findLibtorch(named?: string, env: Environment = process.env): Libtorch {
  const { libtorch, places } = searchLibtorch(named, env)
  if (libtorch) return libtorch
  const wrong = places.some(({ found }) => found.startsWith('LibTorch '))
  throw new GogepoError(
    wrong ? 'ERR_LIBTORCH_VERSION' : 'ERR_LIBTORCH_NOT_FOUND',
    [
      `No LibTorch ${supported} was found. Places searched:`,
      ...places.map(({ from, path, found }) => `  ${from}${path && ` (${path})`}: ${found}`),
      `Fetch it with: ${setupCommand}`,
    ].join('\n'),
  )
}

/**
 * Searches for MuJoCo's library, in this order: GOGEPO_MUJOCO, which must be usable if it is set; `beside`, where an
 * installed package has it; the cache.
 */
export function lookForMujoco(
  beside?: string,
  env: Environment = process.env,
): { folder: string | undefined; places: SearchedPlace[]; refused?: GogepoError } {
  const named = env['GOGEPO_MUJOCO']
  const places: SearchedPlace[] = []
  for (const [from, path] of [
    ['GOGEPO_MUJOCO', named && resolve(named)],
    ['beside the addon', beside],
    ['the cache', join(cachedMujoco(env), 'mujoco')],
  ] as const) {
    const there = path !== undefined && path !== '' && existsSync(join(path, mujocoLibrary))
    places.push({
      from,
      path: path ?? '',
      found: there ? `MuJoCo ${mujocoVersion}` : path ? `no ${mujocoLibrary}` : 'not set',
    })
    if (there) return { folder: path, places }
    if (path && from === 'GOGEPO_MUJOCO')
      return {
        folder: undefined,
        places,
        refused: new GogepoError(
          'ERR_SETUP',
          `GOGEPO_MUJOCO is ${named}, which does not contain ${mujocoLibrary}. Set it to the folder that contains this library and include/, or unset it.`,
        ),
      }
  }
  return { folder: undefined, places }
}

/** The folder that contains MuJoCo's library and, if it came from a wheel, include/. @throws GogepoError ERR_SETUP */
export function findMujoco(beside?: string, env: Environment = process.env): string {
  const { folder, places, refused } = lookForMujoco(beside, env)
  if (folder) return folder
  throw (
    refused ??
    new GogepoError(
      'ERR_SETUP',
      [
        `MuJoCo's ${mujocoLibrary} was not found. Places searched:`,
        ...places.filter(({ path }) => path).map(({ path }) => `  ${path}`),
        mujocoFix,
      ].join('\n'),
    )
  )
}

/** A usable LibTorch; fetches one into the cache if there is none. */
export function installLibtorch(named?: string, env: Environment = process.env): Libtorch {
  const { libtorch } = searchLibtorch(named, env)
  if (libtorch) return libtorch
  checkMachine()
  installWheels(cachedLibtorch(env), libtorchWheels)
  return findLibtorch(named, env)
}

/** The folder of MuJoCo's headers and library; fetches them into the cache if they are missing. */
export function installMujoco(env: Environment = process.env): string {
  if (!env['GOGEPO_MUJOCO']) {
    checkMachine()
    installWheels(cachedMujoco(env), mujocoWheels)
  }
  return findMujoco(undefined, env)
}

const supported = supportedMinors.map((minor) => `${minor}.x`).join(' or ')

interface Seen {
  found: string
  libtorch?: Libtorch
  wrongVersion?: boolean
}

/** Examines a path that may be a LibTorch, the lib/ inside one, or a folder of Python packages that includes torch. */
function inspect(path: string): Seen {
  if (!existsSync(path)) return { found: 'does not exist' }
  const folder = [path, join(path, 'torch'), ...(basename(path) === 'lib' ? [dirname(path)] : [])].find((candidate) =>
    existsSync(join(candidate, 'lib', 'libtorch_cpu.so')),
  )
  if (!folder) return { found: 'no lib/libtorch_cpu.so in it' }
  if (!existsSync(join(folder, 'lib', 'libc10.so'))) return { found: 'lib/libc10.so is missing' }
  const version = versionOf(folder)
  if (!version) return { found: 'unknown version: neither version.py nor build-version contains one' }
  const minor = version.split('.').slice(0, 2).join('.')
  if (!supportedMinors.includes(minor)) return { found: `LibTorch ${version}`, wrongVersion: true }
  const missing = missingCudaRuntime(folder, version)
  if (missing)
    return {
      found: `LibTorch ${version} without ${missing}, which it needs even on a CPU (pip install torch installs it)`,
    }
  const cuda = existsSync(join(folder, 'lib', 'libtorch_cuda.so'))
  return { found: `LibTorch ${version}`, libtorch: { folder, version, minor, cuda } }
}

/** A wheel of torch has its version in version.py, the archive that PyTorch publishes has it in build-version. */
function versionOf(folder: string): string | undefined {
  const read = (name: string) => (existsSync(join(folder, name)) ? readFileSync(join(folder, name), 'utf8') : '')
  return /__version__ = '([^']+)'/.exec(read('version.py'))?.[1] ?? (read('build-version').trim() || undefined)
}

/**
 * The library of the CUDA runtime that is missing, if any. The CUDA 13 build links against this runtime, which is a
 * Python package of its own in nvidia/cu13/lib; without it LibTorch cannot be opened.
 */
function missingCudaRuntime(folder: string, version: string): string | undefined {
  if (!/\+cu13/.test(version)) return undefined
  const places = [join(folder, 'lib'), join(dirname(folder), 'nvidia', 'cu13', 'lib')]
  return ['libcudart.so.13', 'libcupti.so.13'].find((name) => !places.some((place) => existsSync(join(place, name))))
}

/** The torch of a Python environment: lib/python3.N/site-packages/torch. */
function pythonTorch(environment: string): string | undefined {
  const lib = join(environment, 'lib')
  if (!isAbsolute(environment) || !existsSync(lib) || !statSync(lib).isDirectory()) return undefined
  return readdirSync(lib)
    .filter((name) => name.startsWith('python3'))
    .map((name) => join(lib, name, 'site-packages', 'torch'))
    .find((folder) => existsSync(folder))
}

function checkMachine(): void {
  if (process.platform !== 'linux' || process.arch !== 'x64')
    throw new GogepoError(
      'ERR_SETUP',
      `gogepo runs on Linux x86-64 only, but this machine is ${process.platform} ${process.arch}.`,
    )
}
