/**
 * A run on disk: runs/<id>/{config.json, events.jsonl, checkpoints/<steps>/, buffer/}.
 *
 * A checkpoint is one folder, written aside and renamed: learner.safetensors with every tensor, manifest.json with every counter
 * and the list of the buffer's segments. Segments are files of their own, written once: a checkpoint costs only what is new.
 */
import { appendFileSync, closeSync, existsSync, fsyncSync, mkdirSync, openSync, readdirSync, readFileSync, renameSync, rmSync, statSync, truncateSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import { completeSettings, type Settings } from './config.js'
import { GogepoError } from './errors.js'
import type { Learner } from './learner.js'
import type { TrainEvent } from './report/reporter.js'
import { readSafetensors, requireTensor, writeSafetensors } from './safetensors.js'

/** What a run is, as config.json holds it. */
export interface RunConfig {
  format: 1
  task: string
  seed: number
  /** The budget, in steps. */
  steps: number
  stopAt: number | null
  settings: Settings
  device: string
  threads: number
  torchThreads: number
  versions: { gogepo: string; libtorch: string; mujoco: string; node: string }
  machine: { cpu: string; cores: number; platform: string }
  created: string
}

/** Where a run stands, beside the learner's own state. */
export interface Progress {
  /** Bytes of events.jsonl that belong to it. */
  eventBytes: number
  /** Multiples of evaluateEvery that have been passed and evaluated. */
  evaluated: number
  iterations: number
  /** Wall time of all sittings. */
  seconds: number
  lastEvaluation: LastEvaluation | null
  bestEvaluation: LastEvaluation | null
}
export interface LastEvaluation {
  steps: number
  command: number
  mean: number
  std: number
}

interface Segment {
  file: string
  first: number
  count: number
}
interface Manifest {
  progress: Progress
  counters: Record<string, number>
  segments: Segment[]
}

const kept = 3 // the last checkpoints, and the best besides

export class RunStore {
  private segments: Segment[] = []
  eventBytes = 0

  private constructor(
    readonly folder: string,
    readonly config: RunConfig,
  ) {}

  /** @throws GogepoError ERR_RUN when there is something there already. */
  static create(folder: string, config: RunConfig): RunStore {
    if (existsSync(folder) && readdirSync(folder).length > 0)
      throw new GogepoError('ERR_RUN', `${folder} exists and is not empty; a run is never overwritten. Choose another --run folder, or go on with: gogepo train --resume ${folder}`)
    mkdirSync(join(folder, 'checkpoints'), { recursive: true })
    mkdirSync(join(folder, 'buffer'))
    writeWhole(join(folder, 'config.json'), `${JSON.stringify(config, null, 2)}\n`)
    return new RunStore(folder, config)
  }

  /** @throws GogepoError ERR_RUN when it is no run, ERR_CHECKPOINT when its config.json is broken. */
  static open(folder: string): RunStore {
    if (!existsSync(folder)) throw new GogepoError('ERR_RUN', `${folder} does not exist. A run is the folder that gogepo train made.`)
    const path = join(folder, 'config.json')
    if (!existsSync(path)) throw new GogepoError('ERR_RUN', `${folder} is not a run: it has no config.json. A run is the folder that gogepo train made.`)
    return new RunStore(folder, parseConfig(path))
  }

  append(event: TrainEvent): void {
    const line = `${JSON.stringify(event)}\n`
    appendFileSync(join(this.folder, 'events.jsonl'), line)
    this.eventBytes += Buffer.byteLength(line)
  }

  /** Steps of every checkpoint there is, in order. */
  checkpoints(): number[] {
    const folder = join(this.folder, 'checkpoints')
    const names = existsSync(folder) ? readdirSync(folder) : []
    return names.filter((name) => /^\d+$/.test(name)).map(Number).sort((a, b) => a - b)
  }

  save(learner: Learner, progress: Omit<Progress, 'eventBytes'>): void {
    const { tensors, counters } = learner.state()
    this.saveRows(learner)
    const manifest: Manifest = { progress: { ...progress, eventBytes: this.eventBytes }, counters, segments: this.segments }
    const steps = learner.history.steps
    const place = join(this.folder, 'checkpoints', String(steps))
    const aside = `${place}.tmp`
    rmSync(aside, { recursive: true, force: true })
    mkdirSync(aside)
    writeSafetensors(join(aside, 'learner.safetensors'), { tensors, metadata: {} })
    writeWhole(join(aside, 'manifest.json'), JSON.stringify(manifest))
    rmSync(place, { recursive: true, force: true })
    renameSync(aside, place)
    this.tidy(progress.bestEvaluation?.steps)
  }

  /** Writes the rows that no segment holds yet, and forgets segments whose rows have all left the buffer. */
  private saveRows({ buffer }: Learner): void {
    const oldest = buffer.pushed - buffer.count
    this.segments = this.segments.filter((s) => s.first + s.count > oldest)
    const end = this.segments.at(-1)
    const first = Math.max(oldest, end ? end.first + end.count : 0)
    const count = buffer.pushed - first
    if (count === 0) return
    const { thetas, returns } = buffer.rows({ first, count })
    const file = `${first}-${count}.safetensors`
    writeSafetensors(join(this.folder, 'buffer', file), {
      tensors: { thetas: { dtype: 'F32', shape: [count, thetas.length / count], data: thetas }, returns: { dtype: 'F32', shape: [count], data: returns } },
      metadata: {},
    })
    this.segments = [...this.segments, { file, first, count }]
  }

  private tidy(best: number | undefined): void {
    const all = this.checkpoints()
    for (const steps of all.slice(0, -kept)) if (steps !== best) rmSync(join(this.folder, 'checkpoints', String(steps)), { recursive: true, force: true })
    const used = new Set(all.slice(-kept).flatMap((steps) => this.manifest(steps).segments.map((s) => s.file)))
    for (const file of readdirSync(join(this.folder, 'buffer'))) if (!used.has(file)) rmSync(join(this.folder, 'buffer', file), { force: true })
  }

  /**
   * Puts a checkpoint back into a learner made with this run's settings.
   * @param rows also the replay buffer, which only going on with the run needs
   * @throws GogepoError ERR_CHECKPOINT, with the file and what is wrong with it.
   */
  load(learner: Learner, which: 'last' | 'best' | number, rows: boolean): Progress {
    const steps = this.choose(which)
    const path = join(this.folder, 'checkpoints', String(steps), 'learner.safetensors')
    return blame(path, () => {
      const { tensors } = readSafetensors(path)
      const { progress, counters, segments } = this.manifest(steps)
      learner.restore({ tensors, counters })
      if (rows) this.loadRows(learner, segments)
      this.segments = segments
      this.eventBytes = progress.eventBytes
      return progress
    })
  }

  private loadRows(learner: Learner, segments: Segment[]): void {
    for (const { file, first, count } of segments) {
      const path = join(this.folder, 'buffer', file)
      const { tensors } = readSafetensors(path)
      learner.restoreRows(first, requireTensor(tensors, 'thetas', 'F32', [count, -1]).data, requireTensor(tensors, 'returns', 'F32', [count]).data)
    }
  }

  private choose(which: 'last' | 'best' | number): number {
    const all = this.checkpoints()
    const last = all.at(-1)
    if (last === undefined) throw new GogepoError('ERR_CHECKPOINT', `${this.folder} has no checkpoint yet.`)
    if (which === 'last') return last
    const steps = which === 'best' ? (this.manifest(last).progress.bestEvaluation?.steps ?? last) : which
    if (!all.includes(steps)) throw new GogepoError('ERR_CHECKPOINT', `${this.folder} has no checkpoint at ${steps} steps. It has: ${all.join(', ')}.`)
    return steps
  }

  private manifest(steps: number): Manifest {
    const path = join(this.folder, 'checkpoints', String(steps), 'manifest.json')
    return blame(path, () => {
      const manifest = JSON.parse(readFileSync(path, 'utf8')) as Manifest | null
      const sound =
        manifest !== null && typeof manifest === 'object' && typeof manifest.progress?.eventBytes === 'number' && typeof manifest.counters === 'object' && Array.isArray(manifest.segments) &&
        manifest.segments.every((s) => /^\d+-\d+\.safetensors$/.test(s.file) && Number.isSafeInteger(s.first) && Number.isSafeInteger(s.count))
      if (!sound) throw new Error('it is incomplete')
      return manifest
    })
  }

  /** Cuts off events that are newer than the checkpoint from which the run goes on. */
  rewindEvents(): void {
    const path = join(this.folder, 'events.jsonl')
    if (!existsSync(path)) return
    if (statSync(path).size < this.eventBytes) throw new GogepoError('ERR_CHECKPOINT', `${path} is shorter than its checkpoint says: expected at least ${this.eventBytes} bytes.`)
    truncateSync(path, this.eventBytes)
  }
}

function blame<T>(path: string, read: () => T): T {
  try {
    return read()
  } catch (error) {
    if (error instanceof GogepoError && error.code === 'ERR_CHECKPOINT' && error.message.startsWith('Checkpoint')) throw error
    throw new GogepoError('ERR_CHECKPOINT', `Checkpoint ${path}: ${(error as Error).message}`, { cause: error })
  }
}

function parseConfig(path: string): RunConfig {
  const refuse = (what: string): never => {
    throw new GogepoError('ERR_CHECKPOINT', `${path} is broken: ${what}. Without it the folder is not a run.`)
  }
  let config: RunConfig
  try {
    config = JSON.parse(readFileSync(path, 'utf8')) as RunConfig
  } catch (error) {
    return refuse((error as Error).message)
  }
  if (typeof config !== 'object' || config === null || config.format !== 1) return refuse('expected format 1')
  if (typeof config.task !== 'string') return refuse('expected a task')
  for (const key of ['seed', 'steps', 'threads', 'torchThreads'] as const)
    if (!Number.isSafeInteger(config[key]) || config[key] < 0) return refuse(`expected a whole number ${key}`)
  if (typeof config.device !== 'string' || typeof config.settings !== 'object' || config.settings === null) return refuse('expected device and settings')
  try {
    return { ...config, settings: completeSettings(config.settings) }
  } catch (error) {
    return refuse((error as Error).message)
  }
}

function writeWhole(path: string, text: string): void {
  const aside = `${path}.tmp`
  const file = openSync(aside, 'w')
  try {
    writeSync(file, text)
    fsyncSync(file)
  } finally {
    closeSync(file)
  }
  renameSync(aside, path)
}
