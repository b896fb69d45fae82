/**
 * Installs native libraries from Python wheels: downloaded with pip (using the index, mirror, proxy and cache that it
 * is configured for), checked against pinned hashes, and unpacked without being installed into a Python environment.
 */
import { spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, readdirSync, renameSync, rmSync, statfsSync, writeFileSync } from 'node:fs'
import { hostname } from 'node:os'
import { basename, dirname, join } from 'node:path'
import { GogepoError } from '../base/errors.js'
import { formatBytes } from '../base/words.js'

export interface Wheel {
  name: string
  version: string
  sha256: string
}

export interface WheelFolder {
  wheels: readonly Wheel[]
  /** Prefixes of the paths inside the wheels to unpack, except for those that begin with a prefix in `drop`. */
  keep: readonly string[]
  drop?: readonly string[]
  /** Free space needed during the installation. */
  megabytes: number
}

// The pinned wheels are those for CPython 3.11; with the version given explicitly, pip downloads them under any Python
// 3.
const platforms = ['manylinux_2_28', 'manylinux_2_27', 'manylinux_2_25', 'manylinux2014'].map((tag) => `${tag}_x86_64`)

// Unpacks the selected members of every wheel in a folder. Arguments: the folder, the target, the prefixes to keep,
// '--', those to drop.
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
 * Creates the folder `target` from wheels. The work is done in a temporary folder next to it, which is renamed at the
 * end, so the target is always complete. If two processes do this at once, either result remains; they are identical.
 * Progress goes to standard error.
 * @throws GogepoError ERR_SETUP
 */
export function installWheels(
  target: string,
  { wheels, keep, drop = [], megabytes }: WheelFolder,
  python = 'python3',
): void {
  if (existsSync(target)) return

  // Check the space.
  const parent = dirname(target)
  mkdirSync(parent, { recursive: true })
  removeAbandoned(parent)
  const { bavail, bsize } = statfsSync(parent)
  const free = bavail * bsize
  const needed = megabytes * 1e6
  if (free < needed)
    throw new GogepoError(
      'ERR_SETUP',
      `There is not enough space for ${basename(target)} in ${parent}: it needs ${formatBytes(needed)}, but only ${formatBytes(free)} are free. Free some space, or set GOGEPO_CACHE to a folder on another disk.`,
    )

  const staging = join(parent, `.part-${hostname()}-${process.pid}-${Date.now()}`)
  const fetched = join(staging, 'wheels')
  const unpacked = join(staging, 'unpacked')
  mkdirSync(fetched, { recursive: true })
  try {
    // Download.
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
      `pip could not download ${which}: see its message above. Make sure that pip can reach its package index (it uses your pip configuration), then run the same command again.`,
    )
    // Unpack, and move into place.
    run(
      python,
      ['-c', unpack, fetched, unpacked, ...keep, '--', ...drop],
      staging,
      `The wheels of ${which} could not be unpacked in ${staging}: see the message above. Fix its cause, then run the same command again.`,
    )
    try {
      renameSync(unpacked, target)
    } catch (error) {
      if (!existsSync(target)) throw error // otherwise another process was faster and installed the same files
    }
  } finally {
    rmSync(staging, { recursive: true, force: true })
  }
}

// pip's temporary files go into the same folder: /tmp may be too small, and they are removed with everything else.
function run(command: string, args: string[], tmpdir: string, failure: string): void {
  const { status, signal, error } = spawnSync(command, args, {
    stdio: ['ignore', 2, 2],
    env: { ...process.env, TMPDIR: tmpdir },
  })
  if (error)
    throw new GogepoError(
      'ERR_SETUP',
      `${command} could not be started: ${error.message}. Install Python 3 with pip (on Debian or Ubuntu: apt install python3 python3-pip).`,
      { cause: error },
    )
  if (status !== 0) throw new GogepoError('ERR_SETUP', signal ? `${failure} (killed by ${signal})` : failure)
}

/** Removes the temporary folders of killed processes: a folder's name contains the id of its process. */
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
