/** config.json: what a run is. It is written first and whole. */
import { join } from 'node:path'
import { tableOf, checkSettings, type Algorithm } from '../algorithms/algorithm.js'
import { algorithms } from '../algorithms/registry.js'
import { GogepoError } from '../base/errors.js'
import { readText, writeWhole } from '../base/files.js'
import { deviceName } from '../base/values.js'
import { quoted } from '../base/words.js'
import { readTaskOptions, taskOptionsJson } from '../env/task-options.js'
import type { TaskOptions } from '../native/contract.js'
import type { CudaUse } from '../native/open.js'
import { completeSettings, type SettingValues } from '../settings/setting.js'
import type { Identity } from './manifest.js'

/** The versions that compute a run. */
export interface Versions {
  gogepo: string
  libtorch: string
  mujoco: string
  node: string
  /** Python and its packages: only for a Python task. */
  python?: string
  gymnasium?: string
  numpy?: string
}

/** What a run is. */
export interface RunConfig {
  format: 2
  algorithm: string
  /** A program passed the algorithm: only a program can pass it again. */
  ownAlgorithm?: boolean
  task: string
  /** A program passed the task: only a program, or a file that is named again, can provide it again. */
  ownTask?: boolean
  /** The options that were given; the others have the task's defaults. An infinite number is "inf" in the file. */
  taskOptions: TaskOptions
  /** The task's spaces in words; absent for native tasks. */
  spaces?: string
  seed: number
  /** The budget, in environment steps. */
  steps: number
  stopAt: number | null
  /** The preset that was requested; its values are in settings. */
  preset: string
  settings: SettingValues
  device: string
  /** What the CUDA device is, where one is used. */
  cuda?: CudaUse
  threads: number
  torchThreads: number
  /** The interpreter of a Python task. */
  python?: string
  versions: Versions
  /** Other versions that resumed the run, and at how many steps. */
  versionChanges?: { steps: number; versions: Versions }[]
  machine: { cpu: string; cores: number; platform: string }
  created: string
  /** A program passed the command strategy: resuming needs it again. */
  ownStrategy?: boolean
}

/** The versions that computed the run last. */
export const lastVersions = (config: RunConfig): Versions => config.versionChanges?.at(-1)?.versions ?? config.versions

/** What a checkpoint must agree with. Settings of scope schedule or compute may differ. */
export function identityOf(config: RunConfig, algorithm: Algorithm): Identity {
  const { task, taskOptions, seed, settings } = config
  const table = tableOf(algorithm)
  const method = Object.entries(settings).filter(([name]) => table[name]?.scope === 'method')
  return {
    algorithm: config.algorithm,
    task,
    taskOptions: taskOptionsJson(taskOptions),
    seed,
    settings: Object.fromEntries(method),
  }
}

const largest = 1 << 20 // bytes

/** @throws GogepoError ERR_DISK_FULL, ERR_FILE */
export function writeConfig(folder: string, config: RunConfig): void {
  const json = { ...config, taskOptions: taskOptionsJson(config.taskOptions) }
  writeWhole(join(folder, 'config.json'), [Buffer.from(`${JSON.stringify(json, null, 2)}\n`)], true)
}

/** @throws GogepoError ERR_CHECKPOINT, saying what is wrong with the file */
export function readConfig(path: string): RunConfig {
  const refuse = (what: string): never => {
    throw new GogepoError('ERR_CHECKPOINT', `${path} is broken: ${what}. Without it the folder is not a run.`)
  }
  let config: RunConfig
  try {
    config = JSON.parse(readText(path, largest)) as RunConfig
  } catch (error) {
    return refuse((error as Error).message)
  }
  if (typeof config !== 'object' || config === null || config.format !== 2) return refuse('expected format 2')
  for (const key of ['algorithm', 'task', 'preset', 'device'] as const)
    if (typeof config[key] !== 'string') return refuse(`expected ${key} to be a string`)
  for (const [key, least] of [
    ['seed', 0],
    ['steps', 1],
    ['threads', 1],
    ['torchThreads', 1],
  ] as const)
    if (!Number.isSafeInteger(config[key]) || config[key] < least)
      return refuse(`expected ${key} to be a whole number of at least ${least}`)
  for (const key of ['python', 'spaces'] as const)
    if (config[key] !== undefined && typeof config[key] !== 'string') return refuse(`expected ${key} to be a string`)
  if (config.stopAt !== null && typeof config.stopAt !== 'number')
    return refuse('expected stopAt to be a number or null')
  if (typeof config.settings !== 'object' || config.settings === null)
    return refuse('expected settings to be an object')
  if (!deviceName.fits(config.device))
    return refuse(`expected device to be ${deviceName.expected}, got ${quoted(config.device)}`)
  for (const part of ['gogepo', 'libtorch', 'mujoco'] as const)
    if (typeof config.versions?.[part] !== 'string') return refuse(`expected versions.${part}`)
  const changes: unknown = config.versionChanges ?? []
  if (!Array.isArray(changes) || !changes.every(isVersionChange))
    return refuse('expected versionChanges to be a list of steps and versions')
  try {
    const builtIn = algorithms.find(({ name }) => name === config.algorithm)
    if (builtIn === undefined && !config.ownAlgorithm)
      throw new Error(`there is no algorithm ${quoted(config.algorithm)}`)
    return {
      ...config,
      taskOptions: readTaskOptions(config.taskOptions ?? {}),
      settings:
        config.ownAlgorithm || builtIn === undefined ? config.settings : checkedSettings(builtIn, config.settings),
    }
  } catch (error) {
    return refuse((error as Error).message)
  }
}

/** The settings of a config, checked against an algorithm. @throws GogepoError ERR_SETTING */
export function checkedSettings(algorithm: Algorithm, given: SettingValues): SettingValues {
  const settings = completeSettings(tableOf(algorithm), { given, preset: {}, task: {} })
  checkSettings(algorithm, settings)
  return settings
}

function isVersionChange(json: unknown): boolean {
  const { steps, versions } = (json ?? {}) as Partial<{
    steps: unknown
    versions: Partial<Record<string, unknown>> | null
  }>
  return (
    Number.isSafeInteger(steps) &&
    ['gogepo', 'libtorch', 'mujoco'].every((part) => typeof versions?.[part] === 'string')
  )
}
