/**
 * Python wheels as archives of native libraries: fetched with pip (whatever index, mirror, proxy and cache it is configured for),
 * checked against pinned hashes, unpacked without being installed.
 */
import { spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, readdirSync, renameSync, rmSync, statfsSync, writeFileSync } from 'node:fs'
import { hostname } from 'node:os'
import { basename, dirname, join } from 'node:path'
import { GogepoError } from '../base/errors.js'

export interface Wheel {
  name: string
  version: string
  sha256: string
}

export interface WheelFolder {
  wheels: readonly Wheel[]
  /** What is kept, as path prefixes inside the wheels; a longer prefix in `drop` takes something out again. */
  keep: readonly string[]
  drop?: readonly string[]
  /** Free space needed while it is being made. */
  megabytes: number
}

// The wheels pinned are those for CPython 3.11; said so, pip takes them under any Python 3. Older glibc tags come with the newer ones.
const platforms = ['manylinux_2_28', 'manylinux_2_27', 'manylinux_2_25', 'manylinux2014'].map((tag) => `${tag}_x86_64`)

// Unpacks the wanted members of each wheel of a folder: argv is the folder, the target, then the prefixes to keep, '--', those to drop.
const unpack = `
import glob, sys, zipfile
wheels, target, *prefixes = sys.argv[1:]
cut = prefixes.index('--')
keep, drop = tuple(prefixes[:cut]), tuple(prefixes[cut + 1:])
for wheel in sorted(glob.glob(glob.escape(wheels) + '/*.whl')):
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(target, [name for name in archive.namelist() if name.startswith(keep) and not (drop and name.startswith(drop))])
`

/**
 * Makes `target` from wheels, whole or not at all: everything happens in a folder beside it, which is renamed at the end. Two at
 * once end with one of the two, which are equal. Progress goes to standard error.
 */
export function installWheels(
  target: string,
  { wheels, keep, drop = [], megabytes }: WheelFolder,
  python = 'python3',
): void {
  if (existsSync(target)) return
  const parent = dirname(target)
  mkdirSync(parent, { recursive: true })
  removeAbandoned(parent)
  const { bavail, bsize } = statfsSync(parent)
  const free = Math.floor((bavail * bsize) / 1e6)
  if (free < megabytes)
    throw new GogepoError(
      'ERR_SETUP',
      `Not enough space for ${basename(target)} in ${parent}: ${megabytes} MB are needed, ${free} MB are free. Free some, or set GOGEPO_CACHE to a folder on another disk.`,
    )

  const staging = join(parent, `.part-${hostname()}-${process.pid}-${Date.now()}`)
  const fetched = join(staging, 'wheels')
  const unpacked = join(staging, 'unpacked')
  mkdirSync(fetched, { recursive: true })
  try {
    const requirements = join(staging, 'requirements.txt')
    writeFileSync(
      requirements,
      wheels.map(({ name, version, sha256 }) => `${name}==${version} --hash=sha256:${sha256}\n`).join(''),
    )
    const which = wheels.map(({ name, version }) => `${name} ${version}`).join(', ')
    run(
      python,
      [
        ...['-m', 'pip', 'download', '--no-deps', '--only-binary=:all:', '--disable-pip-version-check'],
        ...[
          '--implementation',
          'cp',
          '--python-version',
          '3.11',
          '--abi',
          'cp311',
          ...platforms.flatMap((tag) => ['--platform', tag]),
        ],
        ...['--require-hashes', '-r', requirements, '--dest', fetched],
      ],
      staging,
      `pip could not fetch ${which}: see its message above. It uses the index, proxy and cache that pip is configured for; once it can reach them, run the same command again.`,
    )
    run(
      python,
      ['-c', unpack, fetched, unpacked, ...keep, '--', ...drop],
      staging,
      `The wheels of ${which} could not be unpacked in ${staging}: see the message above.`,
    )
    try {
      renameSync(unpacked, target)
    } catch (error) {
      if (!existsSync(target)) throw error // otherwise another process was faster, with the same files
    }
  } finally {
    rmSync(staging, { recursive: true, force: true })
  }
}

// pip's own temporary files go beside the target too: /tmp may be small, and they are removed with the rest.
function run(command: string, args: string[], tmpdir: string, failure: string): void {
  const { status, signal, error } = spawnSync(command, args, {
    stdio: ['ignore', 2, 2],
    env: { ...process.env, TMPDIR: tmpdir },
  })
  if (error)
    throw new GogepoError(
      'ERR_SETUP',
      `${command} could not be started: ${error.message}. Install Python 3 with pip.`,
      { cause: error },
    )
  if (status !== 0) throw new GogepoError('ERR_SETUP', signal ? `${failure} (ended by ${signal})` : failure)
}

/** What a process that was killed left behind: its folder carries its id, and no such process of this machine lives any more. */
function removeAbandoned(parent: string): void {
  for (const name of readdirSync(parent)) {
    const pid = name.startsWith(`.part-${hostname()}-`) ? Number(name.split('-').at(-2)) : NaN
    if (Number.isInteger(pid) && !alive(pid)) rmSync(join(parent, name), { recursive: true, force: true })
  }
}

function alive(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM'
  }
}
