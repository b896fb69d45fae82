/** Finds LibTorch. The search only looks at files: it runs no interpreter and opens no library. */
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs'
import { basename, dirname, isAbsolute, join, resolve } from 'node:path'
import { GogepoError } from '../base/errors.js'
import { isClone } from '../base/package.js'
import { engineMinors } from './binaries.js'
import { cacheFolder, setupCommand, type Environment } from './cache.js'
import { defaultVersion, pinnedMinors } from './pins.js'

export interface Libtorch {
  /** The folder that contains lib/, and include/ unless it is only for running. */
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

/** What makes a LibTorch usable. */
export interface Wanted {
  /** The minor versions there is an addon for. */
  minors: readonly string[]
  /** Whether an addon is going to be built with it, which takes include/. */
  headers: boolean
}
export const toRun = (): Wanted => ({ minors: engineMinors(), headers: false })

/** 2.11, 2.13 or 2.14 */
export const listed = (minors: readonly string[]): string =>
  minors.length < 2 ? (minors[0] ?? 'none') : `${minors.slice(0, -1).join(', ')} or ${minors.at(-1)}`

/**
 * Searches, in this order: `named`, GOGEPO_LIBTORCH, LIBTORCH, the active Python environment, the cache. Returns the
 * first usable LibTorch and all places searched. A place that the user named is never skipped silently: if it is not
 * usable, the search ends there with the error `refused`.
 */
export function lookForLibtorch(
  named?: string,
  env: Environment = process.env,
  wanted = toRun(),
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
    const seen = inspect(resolve(path), wanted)
    places.push({ from, path, found: seen.found })
    if (seen.libtorch) return { libtorch: seen.libtorch, places }
    return { libtorch: undefined, places, refused: unusable(from, path, seen, wanted) }
  }

  // Active Python environments.
  for (const variable of ['VIRTUAL_ENV', 'CONDA_PREFIX']) {
    const environment = env[variable]
    if (!environment) {
      places.push({ from: variable, path: '', found: 'not set' })
      continue
    }
    const path = pythonTorch(environment)
    const seen = path ? inspect(path, wanted) : { found: 'no torch in this environment' }
    places.push({ from: variable, path: path ?? environment, found: seen.found })
    if (seen.libtorch) return { libtorch: seen.libtorch, places }
  }

  // The cache.
  const cache = join(cacheFolder(env), 'libtorch')
  const cached = inCache(cache).map((path) => ({ path, ...inspect(path, wanted) }))
  const usable = cached.find(({ libtorch }) => libtorch !== undefined)
  if (usable === undefined && cached.length === 0) places.push({ from: 'the cache', path: cache, found: 'empty' })
  for (const { path, found } of usable ? [usable] : cached) places.push({ from: 'the cache', path, found })
  return { libtorch: usable?.libtorch, places }
}

/** Each LibTorch in the cache, the one to prefer first: of the version that setup fetches, with CUDA, the newest. */
function inCache(cache: string): string[] {
  if (!existsSync(cache)) return []
  const rank = (name: string): number =>
    (name.startsWith(defaultVersion) ? 4 : 0) + (name.endsWith('-cuda') ? 2 : name.endsWith('-cpu') ? 0 : 1)
  return readdirSync(cache)
    .filter((name) => !name.startsWith('.'))
    .sort((a, b) => rank(b) - rank(a) || b.localeCompare(a, 'en', { numeric: true }))
    .map((name) => join(cache, name))
}

/** Why a place that the user named cannot be used. */
function unusable(from: string, path: string, { found, noEngine }: Seen, { minors, headers }: Wanted): GogepoError {
  const name = from.replace(/^t/, 'T') // at the start of a sentence
  if (noEngine !== undefined)
    return new GogepoError(
      'ERR_LIBTORCH_VERSION',
      `${name} is ${path}, which is ${found}, but this gogepo works with LibTorch ${listed(minors)}. Set it to such a version, or unset it${isClone && pinnedMinors.includes(noEngine) ? `; to build an addon for this one, run: ${setupCommand}` : '.'}`,
    )
  const problem = existsSync(path)
    ? `${name} is ${path}, which is not a usable LibTorch: ${found}`
    : `The folder named by ${from} does not exist: ${path}`
  return new GogepoError(
    'ERR_LIBTORCH_NOT_FOUND',
    `${problem}. Set it to the folder that contains lib/libtorch_cpu.so${headers ? ' and include/' : ''}, or unset it.`,
  )
}

/** As `lookForLibtorch`, but throws `refused`. @throws GogepoError ERR_LIBTORCH_VERSION, ERR_LIBTORCH_NOT_FOUND */
export function searchLibtorch(
  named?: string,
  env: Environment = process.env,
  wanted = toRun(),
): { libtorch: Libtorch | undefined; places: SearchedPlace[] } {
  const { libtorch, places, refused } = lookForLibtorch(named, env, wanted)
  if (refused) throw refused
  return { libtorch, places }
}

/**
 * As `searchLibtorch`, but also throws if there is none: the error lists all places searched and the command that
 * fetches LibTorch.
 */
export function findLibtorch(named?: string, env: Environment = process.env, wanted = toRun()): Libtorch {
  const { libtorch, places } = searchLibtorch(named, env, wanted)
  if (libtorch) return libtorch
  const wrong = places.some(({ found }) => found.startsWith('LibTorch '))
  throw new GogepoError(
    wrong ? 'ERR_LIBTORCH_VERSION' : 'ERR_LIBTORCH_NOT_FOUND',
    [
      `No LibTorch ${listed(wanted.minors)} was found. Places searched:`,
      ...places.map(({ from, path, found }) => `  ${from}${path && ` (${path})`}: ${found}`),
      `Fetch it with: ${setupCommand}`,
    ].join('\n'),
  )
}

interface Seen {
  found: string
  libtorch?: Libtorch
  /** The minor version, where it is the only thing that is wrong. */
  noEngine?: string
}

/** Examines a path that may be a LibTorch, the lib/ inside one, or a folder of Python packages that includes torch. */
export function inspect(path: string, { minors, headers }: Wanted): Seen {
  if (!existsSync(path)) return { found: 'does not exist' }
  const folder = [path, join(path, 'torch'), ...(basename(path) === 'lib' ? [dirname(path)] : [])].find((candidate) =>
    existsSync(join(candidate, 'lib', 'libtorch_cpu.so')),
  )
  if (!folder) return { found: 'no lib/libtorch_cpu.so in it' }
  if (!existsSync(join(folder, 'lib', 'libc10.so'))) return { found: 'lib/libc10.so is missing' }
  const version = versionOf(folder)
  if (!version) return { found: 'unknown version: neither version.py nor build-version contains one' }
  const minor = version.split('.').slice(0, 2).join('.')
  if (!minors.includes(minor)) return { found: `LibTorch ${version}, which there is no addon for`, noEngine: minor }
  if (headers && !existsSync(join(folder, 'include', 'torch')))
    return { found: `LibTorch ${version} without include/, which building takes` }
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

/** Whether the folder of a LibTorch lacks what it is linked against, as a wheel of torch does without the others. */
export const lacksRuntime = (folder: string): boolean =>
  missingCudaRuntime(folder, versionOf(folder) ?? '') !== undefined

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
