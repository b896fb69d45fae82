/** Examines everything that gogepo needs, tries it out in a child process, and reports each problem with its fix. */
import { spawn } from 'node:child_process'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { constants, cpus, totalmem } from 'node:os'
import { dirname } from 'node:path'
import { fileURLToPath } from 'node:url'
import { versionIn } from '../native/cuda.js'
import { addonFile, missingAddon } from '../native/addon.js'
import { availableCpus } from '../base/cpus.js'
import { GogepoError } from '../base/errors.js'
import { setupCommand } from '../install/cache.js'
import { lookForLibtorch, type Libtorch, type SearchedPlace } from '../install/libtorch.js'
import { refuseMachine } from '../install/machine.js'
import { lookForMujoco, mujocoFix, mujocoVersion } from '../install/mujoco.js'
import { findLoader } from '../native/loader.js'
import { version } from '../base/package.js'
import type { Exercise } from './exercise.js'

/** A problem and its fix, each as sentences. */
export interface Problem {
  what: string
  fix: string
}

export interface Diagnosis {
  versions: { gogepo: string; node: string; libtorch: string | null; mujoco: string | null }
  platform: string
  libtorch: { chosen: Libtorch | null; places: SearchedPlace[] }
  mujoco: { chosen: string | null; places: SearchedPlace[] }
  /** The paths of the two binaries: the loader, and the addon for the chosen LibTorch. */
  addon: { loader: string | null; engine: string | null }
  cpu: { model: string; flags: string[]; kernels: 'AVX-512' | 'AVX2' | 'SSE2'; cores: number; threads: number }
  /** In bytes. */
  memory: { free: number; total: number }
  /** The version of NVIDIA's driver, and its device files; null and empty without an NVIDIA GPU. */
  nvidia: { driver: string | null; devices: string[] }
  /** The timings of a matrix multiplication and an episode; null if that failed or could not be tried. */
  check: Exercise | null
  problems: Problem[]
}

const timeLimit = 120_000 // milliseconds; the check takes about one second, and longer if LibTorch is read from a cold disk

export async function examine(): Promise<Diagnosis> {
  const problems: Problem[] = []
  const add = ({ message }: GogepoError): void => void problems.push(problemOf(message))

  // Look for each part. On a machine that gogepo cannot run on, nothing else would help.
  const fit = attempted(() => (refuseMachine(), true), add)
  const loader = fit ? attempted(findLoader, add) : undefined
  const torch = lookForLibtorch()
  if (fit && torch.refused) add(torch.refused)
  else if (fit && !torch.libtorch)
    problems.push({
      what: 'No usable LibTorch was found in any of the places above.',
      fix: `Fetch it with: ${setupCommand}`,
    })
  const mujoco = lookForMujoco(loader && dirname(loader))
  if (fit && mujoco.refused) add(mujoco.refused)
  else if (fit && !mujoco.folder)
    problems.push({ what: `MuJoCo ${mujocoVersion} was not found in any of the places above.`, fix: mujocoFix })
  const addon = loader && torch.libtorch && addonFile(loader, torch.libtorch)
  if (addon && !existsSync(addon)) add(missingAddon(addon, torch.libtorch!))

  // Try them out, if nothing is missing.
  const tried = problems.length === 0 ? await exercise() : null
  if (tried && 'what' in tried) problems.push(tried)
  return {
    versions: {
      gogepo: version,
      node: process.versions.node,
      libtorch: torch.libtorch?.version ?? null,
      mujoco: mujoco.folder ? mujocoVersion : null,
    },
    platform: `${process.platform}-${process.arch}`,
    libtorch: { chosen: torch.libtorch ?? null, places: torch.places },
    mujoco: { chosen: mujoco.folder ?? null, places: mujoco.places },
    addon: { loader: loader ?? null, engine: addon && existsSync(addon) ? addon : null },
    cpu: { ...cpuFeatures(), cores: cpus().length, threads: availableCpus() },
    memory: { free: process.availableMemory(), total: totalmem() },
    nvidia: nvidia(),
    check: tried && 'what' in tried ? null : tried,
    problems,
  }
}

function attempted<T>(look: () => T, failed: (error: GogepoError) => void): T | undefined {
  try {
    return look()
  } catch (error) {
    if (!(error instanceof GogepoError)) throw error
    failed(error)
    return undefined
  }
}

/** The CPU flags that matter here, and the kernels that native/kernels/kernels.cc selects for them. */
function cpuFeatures(): Pick<Diagnosis['cpu'], 'model' | 'flags' | 'kernels'> {
  const all = new Set(/^flags\s*:(.*)$/m.exec(read('/proc/cpuinfo'))?.[1]?.trim().split(' '))
  const has = (...flags: string[]): boolean => flags.every((flag) => all.has(flag))
  return {
    model: cpus()[0]?.model ?? 'unknown',
    flags: [...all].filter((flag) => /^(sse4_2|avx|avx2|fma|f16c|avx512.*|avx_vnni|amx.*)$/.test(flag)),
    kernels: has('avx2', 'fma') ? (has('avx512f') ? 'AVX-512' : 'AVX2') : 'SSE2',
  }
}

function nvidia(): Diagnosis['nvidia'] {
  const driver = versionIn(read('/proc/driver/nvidia/version')) ?? null
  return {
    driver,
    devices: existsSync('/dev')
      ? readdirSync('/dev')
          .filter((name) => /^nvidia\d+$/.test(name))
          .map((name) => `/dev/${name}`)
      : [],
  }
}

function read(path: string): string {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    return ''
  }
}

/**
 * Runs exercise.ts in a child process with this process's Node options, so that a crash or a hang becomes a problem to
 * report.
 */
function exercise(): Promise<Exercise | Problem> {
  return new Promise((settle) => {
    const child = spawn(
      process.execPath,
      [...process.execArgv, fileURLToPath(new URL('exercise.js', import.meta.url))],
      { stdio: ['ignore', 'pipe', 'pipe'] },
    )
    const output = { stdout: '', stderr: '' }
    child.stdout.on('data', (text) => (output.stdout += String(text)))
    child.stderr.on('data', (text) => (output.stderr += String(text)))
    let late = false
    const timer = setTimeout(() => {
      late = true
      child.kill('SIGKILL')
    }, timeLimit)
    child.on('error', (error) =>
      settle({
        what: `The check could not be started: ${error.message}.`,
        fix: 'Allow Node to start child processes (--allow-child-process under its permission model), and check any sandbox.',
      }),
    )
    child.on('close', (status, signal) => {
      clearTimeout(timer)
      settle(
        late
          ? {
              what: `The check did not finish within ${timeLimit / 1000} seconds.`,
              fix: `Try again when the machine is less busy; ${report}.`,
            }
          : outcome(output, status, signal),
      )
    })
  })
}

function outcome(
  { stdout, stderr }: { stdout: string; stderr: string },
  status: number | null,
  signal: NodeJS.Signals | null,
): Exercise | Problem {
  if (signal) return death(signal, stderr)
  try {
    const result = JSON.parse(stdout.trim().split('\n').at(-1)!) as
      Exercise | { error: { code?: string; message: string } }
    return 'error' in result ? problemOf(result.error.message) : result
  } catch {
    return {
      what: `The check ended with exit code ${status} and reported no result${lastLine(stderr)}.`,
      fix: otherLibtorch,
    }
  }
}

/** Splits a message: the last sentence of gogepo's messages is the fix. */
function problemOf(message: string): Problem {
  const end = message.lastIndexOf('. ')
  return end < 0
    ? { what: message, fix: 'Report this with the output above.' }
    : { what: message.slice(0, end + 1), fix: message.slice(end + 2) }
}

const report = 'if that does not help, report it with the output above'
const otherLibtorch = `Set GOGEPO_LIBTORCH to another LibTorch, or delete the one found above and fetch it again with: ${setupCommand}`

/** What usually causes each signal. */
const deaths: Partial<Record<NodeJS.Signals, readonly [what: string, fix: string]>> = {
  SIGILL: [
    'it used an instruction that this CPU does not have',
    'Set GOGEPO_LIBTORCH to a LibTorch that was built for this CPU.',
  ],
  SIGSEGV: ['it accessed invalid memory, most often because two libraries do not fit together', otherLibtorch],
  SIGBUS: ['a library file is truncated, or its disk is no longer available', otherLibtorch],
  SIGABRT: ['a library aborted', otherLibtorch],
  SIGKILL: [
    'the system killed it, most often because memory ran out',
    'Free some memory, or raise the memory limit of this container.',
  ],
}

function death(signal: NodeJS.Signals, stderr: string): Problem {
  const [why, fix] = deaths[signal] ?? ['something else on this machine killed it', `Try again; ${report}.`]
  return {
    what: `The check was killed by ${signal} (signal ${constants.signals[signal]}): ${why}${lastLine(stderr)}.`,
    fix,
  }
}

function lastLine(stderr: string): string {
  const line = stderr.trim().split('\n').at(-1)?.slice(0, 200)
  return line ? `; its last output was: ${line.replace(/\.$/, '')}` : ''
}
