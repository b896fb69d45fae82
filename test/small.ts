// What keeps tests of whole runs short: small networks, one thread, and a learner without a run around it.
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { settingsFor, type Algorithm } from '../lib/algorithms/algorithm.js'
import { findPreset } from '../lib/algorithms/registry.js'
import { gogepo, type GogepoSettings } from '../lib/algorithms/gogepo.js'
import { architectureOf } from '../lib/algorithms/gogepo-memory.js'
import { nativeTask } from '../lib/env/native-task.js'
import type { Task } from '../lib/env/task.js'
import { policySpecOf } from '../lib/algorithms/algorithm.js'
import type { Architecture, EnvSpec, PolicySpec, RolloutOptions } from '../lib/native/contract.js'
import { openNative } from '../lib/native/open.js'
import { RunFolder } from '../lib/run/folder.js'
import { startRun, type RunResult, type StartOptions } from '../lib/run/start.js'
import type { SettingValues } from '../lib/settings/setting.js'
import { Session } from '../lib/train/session.js'

/** Settings of gogepo: networks of a few numbers. */
export const small = {
  policyHidden: [16],
  sliceSize: 8,
  generatorHidden: [16],
  criticHidden: [16],
  probingStates: 8,
  bufferSize: 20,
  evaluateEvery: 1000,
  evaluationEpisodes: 2,
} as const satisfies Partial<GogepoSettings>

export const oneThread = { threads: 1, torchThreads: 1, device: 'cpu' } as const

/** Settings as `--set` takes them. */
export const sets = (settings: SettingValues): string[] =>
  Object.entries(settings).flatMap(([name, value]) => ['--set', `${name}=${String(value)}`])

/** A run of gogepo with small networks and, unless another preset is named, the paper’s loop: one episode per iteration. */
export function startSmall(options: StartOptions): Promise<RunResult> {
  return startRun({ preset: 'paper', ...oneThread, ...options, settings: { ...small, ...options.settings } })
}

/** The events of a run, without their times. */
export function events(run: string): Record<string, unknown>[] {
  const lines = readFileSync(join(run, 'events.jsonl'), 'utf8').split('\n').slice(0, -1)
  return lines.map((line) => ({ ...(JSON.parse(line) as Record<string, unknown>), seconds: undefined }))
}

/** What a run leaves behind, apart from times and its folder: events, and everything that its last checkpoint contains. */
export function remains(run: string) {
  const { checkpoints } = RunFolder.open(run, undefined)
  const last = checkpoints.list().at(-1)!
  const { counters, progress, identity, best } = checkpoints.manifest(last)
  const learner = readFileSync(join(run, 'checkpoints', String(last), 'learner.safetensors')).toString('base64')
  return { events: events(run), last, counters, identity, best, learner, progress: { ...progress, seconds: undefined } }
}

/** All settings of a task, with the default preset unless another is named. */
export const settingsOf = (
  algorithm: Algorithm,
  spec: EnvSpec,
  given: SettingValues = {},
  preset?: string,
): SettingValues => settingsFor(algorithm, spec, { given, preset: findPreset(algorithm, preset) })

/** The shapes of gogepo's networks for a task. */
export function smallArchitecture(spec: EnvSpec, given: Partial<GogepoSettings> = {}): Architecture {
  const settings = settingsOf(gogepo, spec, { ...small, ...given }) as SettingValues & GogepoSettings
  return architectureOf(policySpecOf(spec, settings.policyHidden), settings)
}

/** A session with the settings of a run, which is in no folder. */
export function session(algorithm: Algorithm, task: string | Task, given: SettingValues = {}, seed = 1): Session {
  const native = openNative('cpu')
  const found = typeof task === 'string' ? nativeTask(native, task) : task
  return new Session({
    native,
    algorithm,
    task: found,
    settings: settingsOf(algorithm, found.spec, given),
    seed,
    ...oneThread,
  })
}

/** Options of one training episode. */
export const once: RolloutOptions = {
  episodes: 1,
  seed: 1,
  purpose: 'training',
  firstIndex: 0,
  statistics: null,
  observe: 'grow',
  removeSurvivalBonus: true,
}

/** Numbers that look random, the same ones every time: θ of policies, and whatever else a test needs. */
export function randoms(count: number, scale = 1, seed = 1): Float32Array {
  let bits = (seed * 0x9e3779b1) | 1
  return Float32Array.from({ length: count }, () => {
    bits ^= bits << 13
    bits ^= bits >>> 17
    bits ^= bits << 5
    return scale * ((bits >>> 0) / 2 ** 31 - 1)
  })
}

/** What a promise rejects with. */
export async function rejection(promise: Promise<unknown>): Promise<Error & { code?: string; cause?: unknown }> {
  const error: unknown = await promise.then(
    () => undefined,
    (reason: unknown) => reason,
  )
  if (error instanceof Error) return error
  throw new Error('nothing was thrown', { cause: error })
}

/** A tanh MLP for a task. */
export const specOf = (spec: EnvSpec, hidden: readonly number[] = [8]): PolicySpec => policySpecOf(spec, hidden)
