/**
 * Checkpoints of a run: checkpoints/<steps>/{learner.safetensors, manifest.json} and the replay buffer's segments beside them.
 *
 * A checkpoint is written aside, synced, renamed into place, and its parent synced: it is there whole or not at all. The manifest
 * holds a hash of every file. The buffer is kept in segments that are written once and listed by the checkpoints that need them,
 * so that a checkpoint costs only what is new. What a checkpoint holds is copied at once; the writing goes on beside training.
 */
import { createHash, randomBytes } from 'node:crypto'
import { existsSync, readdirSync, statfsSync } from 'node:fs'
import { mkdir, open, rename, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { GogepoError } from './errors.js'
import { hashFile, openAnewAsync, piece, quoted, readText, refuseLink, sync } from './files.js'
import type { Learner } from './learner.js'
import { encodeSafetensors, readSafetensors, requireTensor, type TensorFile } from './safetensors.js'

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
/** An evaluation in short: after so many steps of training, asked for `command` (stored return); mean and population deviation of its episodes’ full rewards. */
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
  sha256: string
}
/** What decides a run's numbers: a checkpoint goes on only under what it was made with. */
export interface Identity {
  task: string
  taskOptions: unknown
  seed: number
  settings: Readonly<Record<string, unknown>>
}

export interface Manifest {
  format: 1
  identity: Identity
  versions: unknown
  progress: Progress
  counters: Record<string, number>
  /** The highest stored return so far; null before the first episode. */
  best: number | null
  /** SHA-256 of learner.safetensors. */
  learner: string
  segments: Segment[]
}

const kept = 3 // the last checkpoints, and the best besides
const largestManifest = 1 << 28 // a segment takes some hundred bytes of it
const rowsPerSegment = 256 // at most: a segment is read and written in one piece

export class Checkpoints {
  private readonly folder: string
  private readonly bufferFolder: string
  private segments: Segment[] = []
  private writing: Promise<void> = Promise.resolve()
  private failure: unknown

  /** @param versions those that compute now; recorded */
  constructor(
    private readonly run: string,
    private readonly identity: Identity,
    private readonly versions: () => unknown = () => null,
  ) {
    this.folder = join(run, 'checkpoints')
    this.bufferFolder = join(run, 'buffer')
  }

  /** Steps of every checkpoint there is, in order. */
  list(): number[] {
    const names = existsSync(this.folder) ? blame(this.folder, () => readdirSync(this.folder)) : []
    return names
      .filter((name) => String(Number(name)) === name && Number.isSafeInteger(Number(name)) && Number(name) >= 0)
      .map(Number)
      .sort((a, b) => a - b)
  }

  /**
   * Copies the learner's state and writes it beside what goes on; at most one is being written.
   * @throws GogepoError ERR_DISK_FULL, or the file system's own error, of this one or of the one before
   */
  async save(learner: Learner, progress: Progress): Promise<void> {
    await this.written()
    const { tensors, counters } = learner.state()
    const fresh = this.freshSegments(learner)
    const segments = this.segments
    const best = learner.history.episodes > 0 ? learner.history.best : null
    this.writing = this.write(learner.history.steps, { tensors, metadata: {} }, fresh, (learnerHash) => ({
      format: 1,
      identity: this.identity,
      versions: this.versions(),
      progress,
      counters,
      best,
      learner: learnerHash,
      segments,
    })).catch((error: unknown) => {
      this.failure = error
    })
  }

  /** When nothing is being written any more. Throws what went wrong. */
  async written(): Promise<void> {
    await this.writing
    const failure = this.failure
    this.failure = undefined
    if (failure !== undefined) throw failure
  }

  private async write(
    steps: number,
    state: TensorFile,
    fresh: { segment: Segment; file: TensorFile }[],
    makeManifest: (learner: string) => Manifest,
  ): Promise<void> {
    const place = join(this.folder, String(steps))
    const aside = `${place}.${randomBytes(4).toString('hex')}.tmp`
    try {
      for (const { segment, file } of fresh) {
        const path = join(this.bufferFolder, segment.file)
        segment.sha256 = await writeFile(`${path}.tmp`, encodeSafetensors(path, file))
        await rename(`${path}.tmp`, path)
      }
      if (fresh.length > 0) await syncFolder(this.bufferFolder)
      await mkdir(aside)
      const manifest = makeManifest(
        await writeFile(join(aside, 'learner.safetensors'), encodeSafetensors(place, state)),
      )
      await writeFile(join(aside, 'manifest.json'), [Buffer.from(seal(manifest))])
      await syncFolder(aside)
      await rm(place, { recursive: true, force: true })
      await rename(aside, place)
      await syncFolder(this.folder)
      await this.tidy(manifest.progress.bestEvaluation?.steps)
    } catch (error) {
      await rm(aside, { recursive: true, force: true }).catch(() => {})
      throw diskFull(error, this.run, [state, ...fresh.map(({ file }) => file)], this.list().at(-1)) ?? error
    }
  }

  /** The rows that no segment holds yet, copied; segments whose rows have all left the buffer are forgotten. */
  private freshSegments({ buffer }: Learner): { segment: Segment; file: TensorFile }[] {
    const oldest = buffer.pushed - buffer.count
    const end = this.segments.at(-1)
    const fresh: { segment: Segment; file: TensorFile }[] = []
    for (
      let first = Math.max(oldest, end ? end.first + end.count : 0);
      first < buffer.pushed;
      first += rowsPerSegment
    ) {
      const count = Math.min(rowsPerSegment, buffer.pushed - first)
      const { thetas, returns } = buffer.rows({ first, count })
      const file: TensorFile = {
        tensors: {
          thetas: { dtype: 'F32', shape: [count, thetas.length / count], data: thetas },
          returns: { dtype: 'F32', shape: [count], data: returns },
        },
        metadata: {},
      }
      fresh.push({ segment: { file: `${first}-${count}.safetensors`, first, count, sha256: '' }, file })
    }
    this.segments = [...this.segments.filter((s) => s.first + s.count > oldest), ...fresh.map(({ segment }) => segment)]
    return fresh
  }

  /** Removes what is neither among the last nor the best, and segments that none of the last needs. */
  private async tidy(best: number | undefined): Promise<void> {
    const all = this.list()
    for (const steps of all.slice(0, -kept))
      if (steps !== best) await rm(join(this.folder, String(steps)), { recursive: true, force: true })
    const used = new Set(all.slice(-kept).flatMap((steps) => this.manifest(steps).segments.map((s) => s.file)))
    for (const file of readdirSync(this.bufferFolder))
      if (!used.has(file)) await rm(join(this.bufferFolder, file), { force: true })
  }

  /** Removes what a killed process left half written. */
  async sweep(): Promise<void> {
    for (const folder of [this.folder, this.bufferFolder]) refuseLink(folder)
    for (const folder of [this.folder, this.bufferFolder])
      for (const name of existsSync(folder) ? readdirSync(folder) : [])
        if (name.endsWith('.tmp')) await rm(join(folder, name), { recursive: true, force: true })
  }

  /**
   * Puts a checkpoint back into a learner made with this run's settings.
   * @param rows also the replay buffer, which only going on with the run needs
   * @throws GogepoError ERR_CHECKPOINT, with the file and what is wrong with it.
   */
  load(learner: Learner, which: 'last' | 'best' | number, rows: boolean): Progress {
    const steps = this.choose(which)
    try {
      return this.loadFrom(steps, learner, rows)
    } catch (error) {
      const before = this.list()
        .filter((other) => other < steps)
        .at(-1)
      if (!(error instanceof Damaged) || before === undefined) throw error
      throw new Damaged(
        `${error.message.replace(/\.$/, '')}. There is an earlier one, at ${before} steps; to go on from it remove ${join(this.folder, String(steps))}`,
        { cause: error },
      )
    }
  }

  private loadFrom(steps: number, learner: Learner, rows: boolean): Progress {
    const { identity, progress, counters, segments, learner: hash } = this.manifest(steps)
    this.refuseOther(identity, steps)
    const path = join(this.folder, String(steps), 'learner.safetensors')
    blame(path, () => {
      verify(path, hash)
      learner.restore({ tensors: readSafetensors(path).tensors, counters })
    })
    if (rows)
      for (const { file, first, count, sha256 } of segments) {
        const path = join(this.bufferFolder, file)
        blame(path, () => {
          verify(path, sha256)
          const { tensors } = readSafetensors(path)
          learner.restoreRows(
            first,
            requireTensor(tensors, 'thetas', 'F32', [count, -1]).data,
            requireTensor(tensors, 'returns', 'F32', [count]).data,
          )
        })
      }
    this.segments = segments
    return progress
  }

  private refuseOther(made: Identity, steps: number): void {
    const flat = ({ task, taskOptions, seed, settings }: Identity): Record<string, string> =>
      Object.fromEntries(
        Object.entries({ task, taskOptions, seed, ...settings }).map(([name, value]) => [name, JSON.stringify(value)]),
      )
    const [then, now] = [flat(made), flat(JSON.parse(JSON.stringify(this.identity)) as Identity)]
    const changed = [...new Set([...Object.keys(then), ...Object.keys(now)])].filter(
      (name) => then[name] !== now[name] && (name in then || !(name in this.identity.settings)),
    ) // a setting may be newer than the checkpoint
    if (changed.length > 0)
      throw new GogepoError(
        'ERR_CHECKPOINT',
        `${join(this.run, 'config.json')} has been changed since the checkpoint at ${steps} steps was made: ${changed.map((name) => `${name} was ${then[name] ?? 'not there'}, is ${now[name] ?? 'not there'}`).join('; ')}. Change it back, or train anew.`,
      )
  }

  private choose(which: 'last' | 'best' | number): number {
    const all = this.list()
    const last = all.at(-1)
    if (last === undefined) throw new GogepoError('ERR_CHECKPOINT', `${this.run} has no checkpoint yet.`)
    if (which === 'last') return last
    const steps = which === 'best' ? (this.manifest(last).progress.bestEvaluation?.steps ?? last) : which
    if (!all.includes(steps))
      throw new GogepoError(
        'ERR_CHECKPOINT',
        `${this.run} has no checkpoint at ${steps} steps. It has: ${all.join(', ')}.`,
      )
    return steps
  }

  /** What the checkpoint at these steps lists. */
  manifest(steps: number): Manifest {
    const path = join(this.folder, String(steps), 'manifest.json')
    return blame(path, () => unseal(readText(path, largestManifest)))
  }
}

/** The manifest's text with its own hash before it. */
function seal(manifest: Manifest): string {
  const text = JSON.stringify(manifest)
  return `${sha256(text)}\n${text}\n`
}

function unseal(sealed: string): Manifest {
  const end = sealed.indexOf('\n')
  const text = sealed.slice(end + 1, -1)
  if (end !== 64 || !sealed.endsWith('\n') || sha256(text) !== sealed.slice(0, end))
    throw new Error('it is damaged: its content does not fit its hash')
  return checkManifest(JSON.parse(text))
}

// A hash tells what was written, not who wrote it: what is read is held against what it must be.
function checkManifest(json: unknown): Manifest {
  const refuse = (what: string): never => {
    throw new Error(`expected ${what}`)
  }
  const record = (value: unknown, what: string): Record<string, unknown> =>
    typeof value === 'object' && value !== null && !Array.isArray(value)
      ? (value as Record<string, unknown>)
      : refuse(`${what} to be an object`)
  const whole = (value: unknown): value is number => Number.isSafeInteger(value) && (value as number) >= 0
  const hash = (value: unknown): boolean => typeof value === 'string' && /^[0-9a-f]{64}$/.test(value)
  const evaluation = (value: unknown, what: string): void => {
    if (value === null) return
    const { steps, command, mean, std } = record(value, what)
    if (!whole(steps) || [command, mean, std].some((number) => typeof number !== 'number'))
      refuse(`${what} to hold steps, command, mean and std`)
  }

  const { format, identity, progress, counters, best, learner, segments } = record(json, 'the manifest')
  if (format !== 1) refuse('format 1')
  const { task, seed, settings } = record(identity, 'identity')
  if (typeof task !== 'string' || !whole(seed)) refuse('identity to hold task and seed')
  record(settings, 'settings')
  const { eventBytes, evaluated, iterations, seconds, lastEvaluation, bestEvaluation } = record(progress, 'progress')
  if (![eventBytes, evaluated, iterations].every(whole) || typeof seconds !== 'number')
    refuse('progress to hold eventBytes, evaluated, iterations and seconds')
  evaluation(lastEvaluation, 'lastEvaluation')
  evaluation(bestEvaluation, 'bestEvaluation')
  if (!Object.values(record(counters, 'counters')).every(whole)) refuse('counters to be whole numbers')
  if (best !== null && typeof best !== 'number') refuse('best to be a number or null')
  if (!hash(learner)) refuse('the hash of learner.safetensors')
  let end: number | undefined
  for (const segment of Array.isArray(segments) ? (segments as unknown[]) : refuse('segments to be a list')) {
    const { file, first, count, sha256 } = record(segment, 'a segment')
    if (!whole(first) || !whole(count) || count === 0 || !hash(sha256))
      refuse('a segment to hold first, count and sha256')
    if (file !== `${String(first)}-${String(count)}.safetensors`)
      refuse(`segment ${String(first)}-${String(count)}.safetensors, found ${quoted(String(file))}`)
    if (end !== undefined && first !== end) refuse(`the segment that begins at ${end}, found ${String(first)}`)
    end = (first as number) + (count as number)
  }
  return json as Manifest
}

const sha256 = (bytes: string | Uint8Array): string => createHash('sha256').update(bytes).digest('hex')

function verify(path: string, hash: string): void {
  if (hashFile(path) !== hash) throw new Error('it is damaged: its content does not fit the hash in its manifest')
}

/** Writes and syncs a file; returns the hash of what was written. */
async function writeFile(path: string, pieces: Iterable<Uint8Array>): Promise<string> {
  const hash = createHash('sha256')
  const file = await openAnewAsync(path)
  try {
    for (const bytes of pieces)
      for (let at = 0; at < bytes.length;) {
        const { bytesWritten } = await file.write(bytes, at, Math.min(piece, bytes.length - at))
        hash.update(bytes.subarray(at, (at += bytesWritten)))
      }
    await sync(file)
  } finally {
    await file.close()
  }
  return hash.digest('hex')
}

/** Makes a folder's names durable. */
async function syncFolder(folder: string): Promise<void> {
  const handle = await open(folder, 'r')
  try {
    await sync(handle)
  } finally {
    await handle.close()
  }
}

/** A file of a checkpoint that is not what was written. */
class Damaged extends GogepoError {
  constructor(message: string, options: ErrorOptions) {
    super('ERR_CHECKPOINT', message, options)
  }
}

function blame<T>(path: string, read: () => T): T {
  try {
    return read()
  } catch (error) {
    throw new Damaged(`Checkpoint ${path}: ${(error as Error).message}`, { cause: error })
  }
}

function diskFull(
  error: unknown,
  folder: string,
  files: TensorFile[],
  last: number | undefined,
): GogepoError | undefined {
  const code = (error as NodeJS.ErrnoException).code
  if (code !== 'ENOSPC' && code !== 'EDQUOT') return undefined
  const needed = files
    .flatMap(({ tensors }) => Object.values(tensors))
    .reduce((sum, { data }) => sum + data.byteLength, 0)
  const { bavail, bsize } = statfsSync(folder)
  return new GogepoError(
    'ERR_DISK_FULL',
    `The disk of ${folder} is full: this checkpoint needs ${megabytes(needed)}, ${megabytes(bavail * bsize)} are free. ${last === undefined ? 'There is no earlier checkpoint.' : `The checkpoint at ${last} steps is whole.`} Make room, then: gogepo train --resume ${folder}`,
    { cause: error },
  )
}
const megabytes = (bytes: number): string => `${(bytes / 1e6).toFixed(1)} MB`
