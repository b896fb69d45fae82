/** Looks at everything that gogepo needs, tries it in a child process, and says of each problem how to mend it. */
import { spawn } from 'node:child_process'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { availableParallelism, constants, cpus, totalmem } from 'node:os'
import { dirname } from 'node:path'
import { fileURLToPath } from 'node:url'
import { versionIn } from '../native/cuda.js'
import { addonFile } from '../native/addon.js'
import { GogepoError } from '../base/errors.js'
import {
  lookForLibtorch,
  lookForMujoco,
  mujocoVersion,
  setupCommand,
  type Libtorch,
  type SearchedPlace,
} from '../install/libtorch.js'
import { findLoader } from '../native/loader.js'
import { version } from '../base/version.js'
import type { Exercise } from './exercise.js'

export interface Problem {
  what: string
  fix: string
}

export interface Diagnosis {
  versions: { gogepo: string; node: string; libtorch: string | null; mujoco: string | null }
  platform: string
  libtorch: { chosen: Libtorch | null; places: SearchedPlace[] }
  mujoco: { chosen: string | null; places: SearchedPlace[] }
  /** The two binaries; the engine is the one for the LibTorch that was chosen. */
  addon: { loader: string | null; engine: string | null }
  cpu: { model: string; flags: string[]; kernels: 'AVX-512' | 'AVX2' | 'SSE2'; cores: number; threads: number }
  /** Bytes. */
  memory: { free: number; total: number }
  /** NVIDIA's driver and the files of its devices; null and none where there is no such GPU. */
  nvidia: { driver: string | null; devices: string[] }
  /** What a matrix product and an episode took; null where it went wrong or could not be tried. */
  check: Exercise | null
  problems: Problem[]
}

const time = 30_000 // milliseconds for the check, of which it needs one second; opening LibTorch from a cold disk takes some

export async function examine(): Promise<Diagnosis> {
  const problems: Problem[] = []
  const blame = ({ message }: GogepoError): void => void problems.push(apart(message))
  const fetch = `Run: ${setupCommand}`

  if (process.platform !== 'linux' || process.arch !== 'x64')
    problems.push({
      what: `gogepo runs on Linux x86-64 for now; this is ${process.platform} ${process.arch}.`,
      fix: 'Use it on such a machine.',
    })
  const loader = attempted(findLoader, blame)
  const torch = lookForLibtorch()
  if (torch.refused) blame(torch.refused)
  else if (!torch.libtorch)
    problems.push({ what: 'No usable LibTorch was found in any of the places above.', fix: fetch })
  const mujoco = lookForMujoco(loader && dirname(loader))
  if (mujoco.refused) blame(mujoco.refused)
  else if (!mujoco.folder)
    problems.push({ what: `MuJoCo ${mujocoVersion} was not found in any of the places above.`, fix: fetch })
  const engine = loader && torch.libtorch && addonFile(loader, torch.libtorch)
  if (engine && !existsSync(engine))
    problems.push({
      what: `There is no engine for LibTorch ${torch.libtorch!.version}: ${engine} is missing.`,
      fix: fetch,
    })

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
    addon: { loader: loader ?? null, engine: engine && existsSync(engine) ? engine : null },
    cpu: { ...cpuFeatures(), cores: cpus().length, threads: availableParallelism() },
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

/** The flags that matter here, and the kernels that native/kernels/kernels.cc chooses by them. */
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

/** In a child, started as this process was: a crash or a hang there is a finding here. */
function exercise(): Promise<Exercise | Problem> {
  return new Promise((settle) => {
    const child = spawn(
      process.execPath,
      [...process.execArgv, fileURLToPath(new URL('exercise.js', import.meta.url))],
      { stdio: ['ignore', 'pipe', 'pipe'] },
    )
    const said = { stdout: '', stderr: '' }
    child.stdout.on('data', (text) => (said.stdout += String(text)))
    child.stderr.on('data', (text) => (said.stderr += String(text)))
    let late = false
    const timer = setTimeout(() => {
      late = true
      child.kill('SIGKILL')
    }, time)
    child.on('error', (error) =>
      settle({
        what: `The check could not be started: ${error.message}.`,
        fix: 'Let Node start itself: a permission model or a sandbox may forbid it.',
      }),
    )
    child.on('close', (status, signal) => {
      clearTimeout(timer)
      settle(
        late
          ? {
              what: `The check had not ended after ${time / 1000} seconds.`,
              fix: 'Try again when the machine has less to do; if it stays so, report it with what is above.',
            }
          : outcome(said, status, signal),
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
    const told = JSON.parse(stdout.trim().split('\n').at(-1)!) as
      Exercise | { error: { code?: string; message: string } }
    if (!('error' in told)) return told
    return apart(told.error.message)
  } catch {
    return {
      what: `The check ended with exit code ${status} and said nothing that could be read${lastLine(stderr)}.`,
      fix: `Set up again with: ${setupCommand}`,
    }
  }
}

/** gogepo's messages end with what to do, a sentence of its own. */
function apart(message: string): Problem {
  const end = message.lastIndexOf('. ')
  return end < 0
    ? { what: message, fix: 'Report it with what is above.' }
    : { what: message.slice(0, end + 1), fix: message.slice(end + 2) }
}

const deaths: Partial<Record<NodeJS.Signals, readonly [what: string, fix: string]>> = {
  SIGILL: [
    'it used an instruction that this CPU does not have',
    'Name a LibTorch that was built for this CPU in GOGEPO_LIBTORCH.',
  ],
  SIGSEGV: [
    'it touched memory that is not its own: most often two libraries that do not belong together',
    `Name another LibTorch in GOGEPO_LIBTORCH, or set up again with: ${setupCommand}`,
  ],
  SIGBUS: [
    'a library is cut short, or the disk beneath it went away',
    `Remove what is damaged and set up again with: ${setupCommand}`,
  ],
  SIGABRT: ['a library gave up', `Name another LibTorch in GOGEPO_LIBTORCH, or set up again with: ${setupCommand}`],
  SIGKILL: [
    'the system ended it: most often because memory ran out',
    'Free memory, or raise the limit of this container.',
  ],
}

function death(signal: NodeJS.Signals, stderr: string): Problem {
  const [why, fix] = deaths[signal] ?? [
    'something outside of it ended it',
    'Try again; if it stays so, report it with what is above.',
  ]
  return {
    what: `The check was ended by ${signal} (signal ${constants.signals[signal]}): ${why}${lastLine(stderr)}.`,
    fix,
  }
}

function lastLine(stderr: string): string {
  const line = stderr.trim().split('\n').at(-1)?.slice(0, 200)
  return line ? `; its last words: ${line.replace(/\.$/, '')}` : ''
}
