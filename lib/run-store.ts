/** A run on disk: runs/<id>/{config.json, events.jsonl, checkpoints/, buffer/, lock}. One process at a time trains it. */
import { closeSync, existsSync, ftruncateSync, mkdirSync, readdirSync, renameSync, statSync, writeSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { Checkpoints, type Progress } from './checkpoint.js'
import { completeSettings, type Preset, type Settings } from './config.js'
import { GogepoError } from './errors.js'
import { openAnew, openToAppend, openToRead, quoted, readExactly, readText, refuseLink, syncNow } from './files.js'
import { lockFile, unlockFile } from './loader.js'
import type { CudaUse, TaskOptions } from './native.js'
import type { TrainEvent } from './report/reporter.js'
import { readTaskOptions, taskOptionsJson } from './task-options.js'

/** Of what made a run. */
export interface Versions {
  gogepo: string
  libtorch: string
  mujoco: string
  node: string
  /** Of a task in Python. */
  python?: string
  gymnasium?: string
  numpy?: string
}

/** What a run is, as config.json holds it. */
export interface RunConfig {
  format: 1
  task: string
  /** Whether a program gave it: only a program, or a file named anew, can give it again. */
  ownTask?: boolean
  /** Those given; the others are the task's own. In the file an infinite number is "inf". */
  taskOptions: TaskOptions
  /** What policies saw and did in it, in words; left out where the task is gogepo’s own. */
  spaces?: string
  seed: number
  /** The budget, in steps. */
  steps: number
  stopAt: number | null
  /** The preset that was asked for; what it said stands in settings. */
  preset?: Preset
  settings: Settings
  device: string
  /** Of a CUDA device: what it is. */
  cuda?: CudaUse
  threads: number
  torchThreads: number
  /** The interpreter that was named for a task in Python. */
  python?: string
  versions: Versions
  /** Other versions that went on with it, and from how many steps. */
  versionChanges?: { steps: number; versions: Versions }[]
  machine: { cpu: string; cores: number; platform: string }
  created: string
  /** Trained with a command strategy that a program brought: going on needs it again. */
  ownStrategy?: boolean
}

const unfinishedConfig = 'config.json.tmp'
const largestConfig = 1 << 20
const largestText = 1 << 28

export class RunStore {
  readonly checkpoints: Checkpoints
  private lock: number | undefined
  private events: number | undefined
  /** Bytes of events written so far. */
  eventBytes = 0

  private constructor(
    readonly folder: string,
    readonly config: RunConfig,
  ) {
    const { task, taskOptions, seed, settings } = config
    this.checkpoints = new Checkpoints(
      folder,
      { task, taskOptions: taskOptionsJson(taskOptions), seed, settings },
      () => config.versionChanges?.at(-1)?.versions ?? config.versions,
    )
  }

  /** Makes the folder, for training. @throws GogepoError ERR_RUN when there is something there already. */
  static create(folder: string, config: RunConfig): RunStore {
    if (
      existsSync(folder) &&
      (!statSync(folder).isDirectory() || readdirSync(folder).some((name) => name !== unfinishedConfig))
    )
      throw new GogepoError(
        'ERR_RUN',
        `${folder} exists and is not an empty folder; a run is never overwritten. Choose another --run folder${existsSync(join(folder, 'config.json')) ? `, or go on with: gogepo train --resume ${folder}` : '.'}`,
      )
    makeFolder(folder)
    const store = new RunStore(folder, config)
    store.writeConfig() // first: from here on it is a run, and can be resumed
    store.claim()
    store.makeFolders()
    return store
  }

  /** @throws GogepoError ERR_RUN when it is no run, ERR_CHECKPOINT when its config.json is broken. */
  static open(folder: string): RunStore {
    if (!existsSync(folder))
      throw new GogepoError('ERR_RUN', `${folder || '""'} does not exist. A run is the folder that gogepo train made.`)
    const path = join(folder, 'config.json')
    if (!existsSync(path))
      throw new GogepoError(
        'ERR_RUN',
        `${folder} is not a run: it has no config.json. A run is the folder that gogepo train made.`,
      )
    return new RunStore(folder, parseConfig(path))
  }

  /** Takes the run for this process until close(); the kernel gives it back when the process dies. @throws GogepoError ERR_RUN */
  claim(): void {
    this.lock = lockFile(join(this.folder, 'lock'))
    if (this.lock === undefined)
      throw new GogepoError('ERR_RUN', `${this.folder} is being trained by another process. Wait for it, or end it.`)
  }

  private makeFolders(): void {
    for (const name of ['checkpoints', 'buffer']) {
      refuseLink(join(this.folder, name))
      makeFolder(join(this.folder, name))
    }
  }

  /** Whether a process trains it now. */
  isRunning(): boolean {
    const path = join(this.folder, 'lock')
    const lock = existsSync(path) ? lockFile(path) : -1
    if (lock !== undefined && lock >= 0) unlockFile(lock)
    return lock === undefined
  }

  /** The budget, versions and the like changed: written whole. */
  writeConfig(): void {
    const path = join(this.folder, 'config.json')
    const aside = join(this.folder, unfinishedConfig)
    const file = openAnew(aside)
    try {
      writeSync(
        file,
        `${JSON.stringify({ ...this.config, taskOptions: taskOptionsJson(this.config.taskOptions) }, null, 2)}\n`,
      )
      syncNow(file)
    } finally {
      closeSync(file)
    }
    renameSync(aside, path)
  }

  append(event: TrainEvent): void {
    const line = Buffer.from(`${JSON.stringify(event)}\n`)
    this.events ??= this.openEvents().file
    try {
      for (let at = 0; at < line.length;) at += writeSync(this.events, line, at)
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOSPC')
        throw new GogepoError(
          'ERR_DISK_FULL',
          `The disk of ${this.folder} is full: an event of ${line.length} bytes did not fit. The checkpoints are whole. Make room, then: gogepo train --resume ${this.folder}`,
          { cause: error },
        )
      throw error
    }
    this.eventBytes += line.length
  }

  private openEvents(): { file: number; size: number } {
    const path = join(this.folder, 'events.jsonl')
    try {
      return openToAppend(path)
    } catch (error) {
      throw new GogepoError('ERR_RUN', `${path} cannot be written: ${(error as Error).message}.`, { cause: error })
    }
  }

  /** Makes the events written so far durable: a checkpoint must not know of events that a power cut takes away. */
  syncEvents(): void {
    if (this.events !== undefined) syncNow(this.events)
  }

  /** Cuts off what is newer than the checkpoint from which the run goes on: events, and what a killed process left half written. */
  async rewind(progress: Progress | undefined): Promise<void> {
    this.makeFolders()
    await this.checkpoints.sweep()
    if (progress === undefined) this.refuseLostCheckpoints()
    this.eventBytes = progress?.eventBytes ?? 0
    const { file, size } = this.openEvents()
    this.events = file
    if (size < this.eventBytes)
      throw new GogepoError(
        'ERR_CHECKPOINT',
        `${join(this.folder, 'events.jsonl')} is shorter than its checkpoint says: expected at least ${this.eventBytes} bytes, got ${size}.`,
      )
    ftruncateSync(this.events, this.eventBytes)
  }

  /** A checkpoint follows every evaluation, at the latest before the one after next: a kill leaves two evaluations without one, not three. */
  private refuseLostCheckpoints(): void {
    const path = join(this.folder, 'events.jsonl')
    const evaluations = existsSync(path)
      ? readText(path, largestText)
          .split('\n')
          .filter((line) => line.startsWith('{"type":"evaluation"')).length
      : 0
    if (evaluations > 2)
      throw new GogepoError(
        'ERR_CHECKPOINT',
        `${join(this.folder, 'checkpoints')} holds no checkpoint, although ${evaluations} evaluations were recorded: they have been removed. Put them back, or train anew in another folder.`,
      )
  }

  /** The newest event, when its line is whole. */
  lastEvent(): TrainEvent | undefined {
    const path = join(this.folder, 'events.jsonl')
    let file: number | undefined
    try {
      const opened = openToRead(path)
      file = opened.file
      const tail = Buffer.alloc(Math.min(opened.size, 1 << 16))
      readExactly(file, tail, opened.size - tail.length)
      const event = JSON.parse(tail.toString('utf8').split('\n').at(-2) ?? '') as TrainEvent | null
      return event !== null && Number.isSafeInteger(event.steps) ? event : undefined
    } catch {
      return undefined // there is none, or somebody is writing it
    } finally {
      if (file !== undefined) closeSync(file)
    }
  }

  close(): void {
    if (this.events !== undefined) closeSync(this.events)
    if (this.lock !== undefined) unlockFile(this.lock)
    this.events = this.lock = undefined
  }
}

/** With its parents. Node's own way of making those never ends in folders that take none, such as /proc. */
function makeFolder(path: string): void {
  if (existsSync(path)) return
  makeFolder(dirname(path))
  mkdirSync(path)
}

function parseConfig(path: string): RunConfig {
  const refuse = (what: string): never => {
    throw new GogepoError('ERR_CHECKPOINT', `${path} is broken: ${what}. Without it the folder is not a run.`)
  }
  let config: RunConfig
  try {
    config = JSON.parse(readText(path, largestConfig)) as RunConfig
  } catch (error) {
    return refuse((error as Error).message)
  }
  if (typeof config !== 'object' || config === null || config.format !== 1) return refuse('expected format 1')
  if (typeof config.task !== 'string') return refuse('expected a task')
  for (const [key, least] of [
    ['seed', 0],
    ['steps', 1],
    ['threads', 1],
    ['torchThreads', 1],
  ] as const)
    if (!Number.isSafeInteger(config[key]) || config[key] < least)
      return refuse(`expected ${key} to be a whole number from ${least}`)
  for (const key of ['python', 'spaces'] as const)
    if (config[key] !== undefined && typeof config[key] !== 'string') return refuse(`expected ${key} to be a text`)
  if (config.stopAt !== null && typeof config.stopAt !== 'number')
    return refuse('expected stopAt to be a number or null')
  if (typeof config.device !== 'string' || typeof config.settings !== 'object' || config.settings === null)
    return refuse('expected device and settings')
  if (!/^(auto|cpu|cuda(:\d{1,3})?)$/.test(config.device))
    return refuse(`expected device to be auto, cpu, cuda or cuda:<i>, got ${quoted(config.device)}`)
  for (const part of ['gogepo', 'libtorch', 'mujoco'] as const)
    if (typeof config.versions?.[part] !== 'string') return refuse(`expected versions.${part}`)
  const changes: unknown = config.versionChanges ?? []
  if (!Array.isArray(changes) || !changes.every(isVersionChange))
    return refuse('expected versionChanges to be a list of steps and versions')
  try {
    return {
      ...config,
      taskOptions: readTaskOptions(config.taskOptions ?? {}),
      settings: completeSettings(config.settings),
    }
  } catch (error) {
    return refuse((error as Error).message)
  }
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
