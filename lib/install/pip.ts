/**
 * Downloads wheels with pip, which knows the index, mirror, proxy and credentials that it is configured for, and checks
 * them against pinned hashes. Nothing is installed into a Python environment.
 */
import { spawn, spawnSync, type ChildProcess } from 'node:child_process'
import { mkdirSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { GogepoError } from '../base/errors.js'
import type { Pin } from './pins.js'
import { elsewhere, type Transfer } from './web.js'

// The kernel ends pip when this process dies, even where it is killed and can end nothing itself.
const program = `
import ctypes, os, runpy, sys
parent = int(sys.argv.pop(1))
ctypes.CDLL(None).prctl(1, 9)
try: os.kill(parent, 0)
except ProcessLookupError: sys.exit(1)
runpy.run_module('pip', run_name='__main__', alter_sys=True)`

// The pinned wheels are those for CPython 3.11; with the version given explicitly, pip downloads them under any Python 3.
const platforms = [
  'manylinux_2_28',
  'manylinux_2_27',
  'manylinux_2_25',
  'manylinux_2_18',
  'manylinux2014',
  'manylinux2010',
  'manylinux1',
]
const choice = [
  ...['--no-deps', '--only-binary=:all:', '--implementation', 'cp', '--python-version', '3.11'],
  ...['--abi', 'cp311', '--abi', 'none', ...platforms.flatMap((tag) => ['--platform', `${tag}_x86_64`])],
]

/** Whether there is a Python with pip. */
export const hasPip = (python = 'python3'): boolean =>
  spawnSync(python, ['-m', 'pip', '--version'], { stdio: 'ignore', timeout: 120_000 }).status === 0

/**
 * Downloads one wheel into a folder, and returns its path. Its temporary files are in this folder too.
 * @throws GogepoError ERR_DOWNLOAD, ERR_SETUP
 */
export async function pipDownload(
  { name, version, sha256, file }: Pin,
  folder: string,
  { progress, signal }: Transfer = {},
  python = 'python3',
): Promise<string> {
  const temporary = join(folder, 'pip')
  rmSync(temporary, { recursive: true, force: true })
  mkdirSync(temporary, { recursive: true })
  const requirements = join(temporary, 'requirements.txt')
  writeFileSync(requirements, `${name}==${version} --hash=sha256:${sha256}\n`)
  const watch = setInterval(() => progress?.(bytesIn(temporary), undefined), 200)
  try {
    const args = ['download', '--disable-pip-version-check', '--progress-bar=off', '--quiet', '--no-color', ...choice]
    const { status, output, error } = await run(
      python,
      ['-c', program, String(process.pid), ...args, '--require-hashes', '-r', requirements, '--dest', folder],
      temporary,
      signal,
    )
    signal?.throwIfAborted()
    if (error)
      throw new GogepoError(
        'ERR_SETUP',
        `${python} could not be started: ${error.message}. Install Python 3 with pip (on Debian or Ubuntu: apt install python3 python3-pip), or ${elsewhere}`,
        { cause: error },
      )
    if (/No space left on device|Disk quota exceeded/.test(output))
      throw new GogepoError(
        'ERR_DISK_FULL',
        `The disk is full: pip could not write ${name} ${version} to ${folder}. Free some space, or set GOGEPO_CACHE to a folder on another disk.`,
      )
    if (status !== 0)
      throw new GogepoError(
        'ERR_DOWNLOAD',
        `pip could not download ${name} ${version}: ${why(output) ?? `it ended with ${status}`}. Make sure that pip can reach its index (pip config list), or ${elsewhere}`,
      )
    return join(folder, file)
  } finally {
    clearInterval(watch)
    rmSync(temporary, { recursive: true, force: true })
  }
}

interface Ended {
  status: number | NodeJS.Signals | null
  output: string
  error?: Error
}

/** In a process group of its own, so that an end of this process ends whatever pip has started. */
function run(command: string, args: string[], temporary: string, signal?: AbortSignal): Promise<Ended> {
  return new Promise((settle) => {
    const child: ChildProcess = spawn(command, args, {
      detached: true,
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { ...process.env, TMPDIR: temporary }, // /tmp may be too small
    })
    let output = ''
    for (const stream of [child.stdout, child.stderr]) stream?.on('data', (text) => (output += String(text)))
    const end = (): void => {
      if (child.pid === undefined) return
      try {
        process.kill(-child.pid, 'SIGKILL')
      } catch {
        // It has ended already.
      }
    }
    process.on('exit', end)
    signal?.addEventListener('abort', end)
    const ended = (how: Ended): void => {
      process.off('exit', end)
      signal?.removeEventListener('abort', end)
      settle(how)
    }
    child.on('error', (error) => ended({ status: null, output, error }))
    child.on('close', (code, killed) => ended({ status: code ?? killed, output }))
  })
}

/** pip's own reason: its last error, or that the hash differs, which it spreads over several lines. */
function why(output: string): string | undefined {
  if (/DO NOT MATCH THE HASHES/.test(output)) return 'the file on the index does not have the pinned SHA-256'
  const line = output
    .trim()
    .split('\n')
    .filter((text) => /error/i.test(text))
    .at(-1)
  return line
    ?.replace(/^ERROR: */, '')
    .replace(/\.$/, '')
    .slice(0, 300)
}

function bytesIn(folder: string): number {
  try {
    return readdirSync(folder, { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile())
      .reduce((sum, { parentPath, name }) => sum + statSync(join(parentPath, name)).size, 0)
  } catch {
    return 0 // a file was moved in between
  }
}
