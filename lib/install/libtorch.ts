/** Finds, checks and installs LibTorch and MuJoCo. Finding only looks at files: no interpreter and no library is started. */
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs'
import { homedir } from 'node:os'
import { basename, dirname, isAbsolute, join, resolve } from 'node:path'
import { GogepoError } from '../base/errors.js'
import { installWheels, type WheelFolder } from './wheels.js'

/** The minors of LibTorch that the engine is built and tested for: between minors LibTorch's C++ interface changes. */
const supportedMinors: readonly string[] = ['2.11', '2.13']
export const mujocoVersion = '3.14.0'
export const mujocoLibrary = `libmujoco.so.${mujocoVersion}`

export interface Libtorch {
  /** Holds lib/ and include/. */
  folder: string
  /** As LibTorch says it, for example 2.13.0+cu130. */
  version: string
  /** For example 2.13: what an engine is built for. */
  minor: string
  /** Whether it can compute on CUDA devices. */
  cuda: boolean
}

/** A place that was looked at: who named it, where it is, what was found there. */
export interface SearchedPlace {
  from: string
  path: string
  found: string
}

type Environment = Readonly<Record<string, string | undefined>>

/** What makes up for something missing: a clone also builds, an installed package only fetches. */
export const setupCommand = existsSync(new URL('../../CMakeLists.txt', import.meta.url))
  ? 'npm run setup'
  : 'npx gogepo setup'

const libtorchVersion = '2.13.0+cu130'
// The default index's wheel of torch is the CUDA build; beside two libraries of CUDA's runtime it serves machines without a GPU as well.
// Their headers and nvidia-cuda-crt's are for building what includes CUDA's.
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
 * The first usable LibTorch of: `named`, GOGEPO_LIBTORCH, LIBTORCH, the active Python environment, the cache; and every place looked
 * at. A place the user named must be usable: it is never passed over in silence, and the search ends there, `refused`.
 */
export function lookForLibtorch(
  named?: string,
  env: Environment = process.env,
): { libtorch: Libtorch | undefined; places: SearchedPlace[]; refused?: GogepoError } {
  const places: SearchedPlace[] = []
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
    const refused = seen.wrongVersion
      ? new GogepoError(
          'ERR_LIBTORCH_VERSION',
          `${from} is ${path}, and that is ${seen.found}. gogepo needs LibTorch ${supported}: name such a one, or leave ${from} out.`,
        )
      : new GogepoError(
          'ERR_LIBTORCH_NOT_FOUND',
          `${from} is ${path}, and there is no usable LibTorch: ${seen.found}. Name the folder that holds lib/libtorch_cpu.so and include/, or leave ${from} out.`,
        )
    return { libtorch: undefined, places, refused }
  }
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
  const path = cachedLibtorch(env)
  const seen = inspect(path)
  places.push({ from: 'the cache', path, found: seen.found })
  return { libtorch: seen.libtorch, places }
}

/** The same. @throws GogepoError ERR_LIBTORCH_VERSION, ERR_LIBTORCH_NOT_FOUND of a place that was named and cannot serve */
export function searchLibtorch(
  named?: string,
  env: Environment = process.env,
): { libtorch: Libtorch | undefined; places: SearchedPlace[] } {
  const { libtorch, places, refused } = lookForLibtorch(named, env)
  if (refused) throw refused
  return { libtorch, places }
}

/** As `searchLibtorch`, but finding none is an error that lists each place and the one command that mends it. */
export function findLibtorch(named?: string, env: Environment = process.env): Libtorch {
  const { libtorch, places } = searchLibtorch(named, env)
  if (libtorch) return libtorch
  const wrong = places.some(({ found }) => found.startsWith('LibTorch '))
  throw new GogepoError(
    wrong ? 'ERR_LIBTORCH_VERSION' : 'ERR_LIBTORCH_NOT_FOUND',
    [
      `No LibTorch ${supported} was found. Looked at:`,
      ...places.map(({ from, path, found }) => `  ${from}${path && ` (${path})`}: ${found}`),
      `Fetch it with: ${setupCommand}`,
    ].join('\n'),
  )
}

/** Where MuJoCo's library was looked for: GOGEPO_MUJOCO, which must be usable where it is set, `beside` (a package's own), the cache. */
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
          `GOGEPO_MUJOCO is ${named}, and there is no ${mujocoLibrary} in it. Name the folder that holds it and include/, or leave GOGEPO_MUJOCO out.`,
        ),
      }
  }
  return { folder: undefined, places }
}

/** The folder of MuJoCo's library, and of include/ where it came from its wheel. @throws GogepoError ERR_SETUP */
export function findMujoco(beside?: string, env: Environment = process.env): string {
  const { folder, places, refused } = lookForMujoco(beside, env)
  if (folder) return folder
  throw (
    refused ??
    new GogepoError(
      'ERR_SETUP',
      [
        `MuJoCo's ${mujocoLibrary} was not found. Looked in:`,
        ...places.filter(({ path }) => path).map(({ path }) => `  ${path}`),
        `Fetch it with: ${setupCommand}`,
      ].join('\n'),
    )
  )
}

/** A usable LibTorch, fetched into the cache when there is none yet. */
export function installLibtorch(named?: string, env: Environment = process.env): Libtorch {
  const { libtorch } = searchLibtorch(named, env)
  if (libtorch) return libtorch
  checkMachine()
  installWheels(cachedLibtorch(env), libtorchWheels)
  return findLibtorch(named, env)
}

/** The folder of MuJoCo's headers and library, fetched into the cache when they are not there yet. */
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

/** What lies at a path that may be a LibTorch, its lib/, or a folder of Python packages with a torch in it. */
function inspect(path: string): Seen {
  if (!existsSync(path)) return { found: 'does not exist' }
  const folder = [path, join(path, 'torch'), ...(basename(path) === 'lib' ? [dirname(path)] : [])].find((candidate) =>
    existsSync(join(candidate, 'lib', 'libtorch_cpu.so')),
  )
  if (!folder) return { found: 'no lib/libtorch_cpu.so in it' }
  if (!existsSync(join(folder, 'lib', 'libc10.so'))) return { found: 'lib/libc10.so is missing' }
  const version = versionOf(folder)
  if (!version) return { found: 'neither version.py nor build-version says which LibTorch it is' }
  const minor = version.split('.').slice(0, 2).join('.')
  if (!supportedMinors.includes(minor)) return { found: `LibTorch ${version}`, wrongVersion: true }
  const missing = missingCudaRuntime(folder, version)
  if (missing)
    return {
      found: `LibTorch ${version} without ${missing}, which it needs even to run on a CPU (pip install torch brings it)`,
    }
  const cuda = existsSync(join(folder, 'lib', 'libtorch_cuda.so'))
  return { found: `LibTorch ${version}`, libtorch: { folder, version, minor, cuda } }
}

/** A wheel of torch says its version in version.py, PyTorch's own archive in build-version. */
function versionOf(folder: string): string | undefined {
  const read = (name: string) => (existsSync(join(folder, name)) ? readFileSync(join(folder, name), 'utf8') : '')
  return /__version__ = '([^']+)'/.exec(read('version.py'))?.[1] ?? (read('build-version').trim() || undefined)
}

/** The CUDA 13 build links CUDA's runtime, which Python packages keep in nvidia/cu13/lib; a torch installed without it cannot be opened. */
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
      `gogepo runs on Linux x86-64 for now; this is ${process.platform} ${process.arch}.`,
    )
}
