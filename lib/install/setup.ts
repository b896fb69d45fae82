/** Installs a LibTorch: decides which one from where to which folder, and puts it there whole or not at all. */
import { existsSync, readdirSync, statSync } from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import { GogepoError } from '../base/errors.js'
import { engineMinors } from './binaries.js'
import { cacheFolder, type Environment } from './cache.js'
import { fetchLibtorch, wheelsFor } from './fetch.js'
import { spaceFor, type Kind } from './layouts.js'
import { inspect, listed, type Libtorch, type Wanted } from './libtorch.js'
import { lockFolder, tryLock } from './lock.js'
import { hasNvidiaDriver } from './machine.js'
import { defaultVersion, pinnedVersions, type PinnedLibtorch } from './pins.js'
import { recordOf } from './record.js'
import { described, mirrorAt, sourceFrom, usualSource, type Fetching, type Source } from './sources.js'
import { finish, openStaging, removeLeftovers, unwritable } from './staging.js'
import { damage } from './verify.js'

export interface SetupOptions {
  /** By default a CUDA build where there is an NVIDIA driver. */
  kind?: Kind | undefined
  /** Such as 2.13.0. */
  version?: string | undefined
  from?: string | undefined
  mirror?: string | undefined
  /** The folder to install into instead of the cache. */
  dir?: string | undefined
}

/** What an installation is going to do. */
export interface SetupPlan {
  version: string
  /** Whether another version at the target will not do. */
  exactly: boolean
  kind: Kind
  source: Source
  /** In words. */
  sourceName: string
  target: string
  /** The archives to fetch; empty where the source is not made of pinned wheels. */
  wheels: readonly string[]
  /** Bytes that are needed at most, for the download and what is unpacked. */
  space: number
  pinned: PinnedLibtorch
}

export interface Doing extends Fetching {
  /** Called if another process installs into the same folder. */
  waiting?: () => void
}

/** @throws GogepoError ERR_ARGUMENT, ERR_LIBTORCH_VERSION */
export function planSetup(
  { kind = hasNvidiaDriver() ? 'cuda' : 'cpu', version, from, mirror, dir }: SetupOptions,
  env: Environment = process.env,
  {
    minors = engineMinors(),
    pins = pinnedVersions,
    python,
  }: { minors?: readonly string[]; pins?: readonly PinnedLibtorch[]; python?: string } = {},
): SetupPlan {
  if (from !== undefined && mirror !== undefined)
    throw new GogepoError('ERR_ARGUMENT', 'Expected --from or --mirror, got both. Leave one of them out.')
  const usable = pins.filter((pin) => minors.includes(minorOf(pin.version)))
  const pinned =
    version === undefined
      ? (usable.find((pin) => pin.version === defaultVersion) ?? usable.at(-1))
      : usable.find((pin) => pin.version === version)
  if (pinned === undefined)
    throw new GogepoError(
      'ERR_LIBTORCH_VERSION',
      `--torch is ${version ?? 'not given'}, but this gogepo installs LibTorch ${listed(usable.map((pin) => pin.version))}. Name one of these; to use another LibTorch ${listed(minors)}, set GOGEPO_LIBTORCH to its folder.`,
    )
  const source =
    from !== undefined ? sourceFrom(from) : mirror !== undefined ? mirrorAt(mirror) : usualSource(pinned, kind, python)
  const ofWheels = source.from === 'archive' ? /\.whl(#.*)?$/.test(source.url) : source.from !== 'libtorch'
  return {
    version: pinned.version,
    exactly: version !== undefined || dir === undefined,
    kind,
    source,
    sourceName: described(source),
    target: dir !== undefined ? resolve(dir) : cachedLibtorch(pinned, kind, env),
    wheels: ofWheels ? wheelsFor(pinned, kind).map(({ file }) => file) : [],
    space: spaceFor[kind],
    pinned,
  }
}

const minorOf = (version: string): string => version.split('.').slice(0, 2).join('.')

/** A LibTorch to build with keeps the name that its version has in full. */
const cachedLibtorch = ({ version, cuda }: PinnedLibtorch, kind: Kind, env: Environment): string =>
  join(cacheFolder(env), 'libtorch', kind === 'build' ? `${version}+${cuda}` : `${version}-${kind}`)

/** The LibTorch at the target of a plan, if it is there and no file is cut short. */
export function installed(
  { target, kind, version, exactly }: SetupPlan,
  minors = engineMinors(),
): Libtorch | undefined {
  const { libtorch } = inspect(target, wanted(kind, minors))
  if (libtorch === undefined || (kind === 'cuda' && !libtorch.cuda)) return undefined
  if (exactly && release(libtorch) !== version) return undefined
  if (recordOf(libtorch.folder) === undefined) return undefined // installed by an older version, with fewer files
  return damage(libtorch) === undefined ? libtorch : undefined
}
const release = ({ version }: Libtorch): string => version.split('+')[0]!
const wanted = (kind: Kind, minors: readonly string[]): Wanted => ({ minors, headers: kind === 'build' })

/**
 * Installs what a plan says. Nothing is done where it is there already. The target is complete or absent at any moment;
 * what a killed process leaves, the next one continues or removes.
 * @throws GogepoError ERR_DOWNLOAD, ERR_FILE, ERR_DISK_FULL, ERR_SETUP, ERR_LIBTORCH_VERSION
 */
export async function install(plan: SetupPlan, how: Doing = {}, minors = engineMinors()): Promise<Libtorch> {
  const { target, kind, source, version, pinned } = plan
  const parent = dirname(target)
  const unlock = await lockFolder(parent, how.waiting ?? (() => {}), how.signal)
  try {
    const there = installed(plan, minors)
    if (there) {
      removeLeftovers(parent)
      return there
    }
    refuseOther(target)
    const staging = openStaging(parent, JSON.stringify([version, kind, source]))
    const unpacked = await fetchLibtorch(pinned, kind, source, staging, how)
    const { libtorch, found, noEngine } = inspect(unpacked, wanted(kind, minors))
    const wrongKind = libtorch !== undefined && kind === 'cuda' && !libtorch.cuda
    const problem = wrongKind
      ? `LibTorch ${libtorch.version}, a CPU build`
      : libtorch === undefined || release(libtorch) !== version
        ? found
        : undefined
    if (problem !== undefined) {
      removeLeftovers(parent)
      const other = !wrongKind && libtorch && release(libtorch)
      const advice = !other
        ? 'Name another source.'
        : pinnedVersions.some((pin) => pin.version === other)
          ? `Name another source, or add --torch ${other}.`
          : 'Name another source, or unpack this one and set GOGEPO_LIBTORCH to its folder.'
      throw new GogepoError(
        noEngine === undefined ? 'ERR_SETUP' : 'ERR_LIBTORCH_VERSION',
        `${plan.sourceName} does not contain what it should (${problem}): LibTorch ${version} for ${kind === 'cpu' ? 'the CPU' : kind === 'cuda' ? 'CUDA' : 'building'} was expected. ${advice}`,
      )
    }
    finish(staging, unpacked, target)
    return inspect(target, wanted(kind, minors)).libtorch!
  } catch (error) {
    if (error instanceof GogepoError || (error as NodeJS.ErrnoException).syscall === undefined) throw error
    throw unwritable(error, (error as NodeJS.ErrnoException).path ?? target)
  } finally {
    unlock()
  }
}

/** Removes what interrupted installations have left in the cache, unless another process is at work there. */
export async function tidyCache(env: Environment = process.env): Promise<void> {
  const parent = join(cacheFolder(env), 'libtorch')
  const unlock = await tryLock(parent)
  try {
    if (unlock) removeLeftovers(parent)
  } catch {
    // A cache that may only be read can be used all the same.
  } finally {
    unlock?.()
  }
}

/** A folder that holds something else must not be replaced, and one that is a disk of its own cannot be. */
function refuseOther(target: string): void {
  if (existsSync(target) && statSync(target).dev !== statSync(dirname(target)).dev)
    throw new GogepoError(
      'ERR_FILE',
      `${target} is where another disk is mounted, so it cannot be put in place as a whole. Name a folder in it, such as ${join(target, 'libtorch')}.`,
    )
  if (!existsSync(target) || existsSync(join(target, 'RECORD')) || existsSync(join(target, 'torch', 'version.py')))
    return
  if (readdirSync(target).length > 0)
    throw new GogepoError(
      'ERR_FILE',
      `${target} contains something other than a LibTorch. Name a folder that is empty or does not exist.`,
    )
}
