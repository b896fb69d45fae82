/**
 * Checkpoints of a run: checkpoints/<steps>/{learner.safetensors, manifest.json}, and the segments of the learner's log in buffer/.
 *
 * A checkpoint is written aside, synced, renamed into place, and its parent synced: it exists whole or not at all. The log is kept in
 * segments that are written once and listed by the checkpoints that need them, so a checkpoint costs only what is new. Its content is
 * copied at once; the writing continues in the background.
 */
import { randomBytes } from 'node:crypto'
import { existsSync, readdirSync } from 'node:fs'
import { mkdir, rename, rm } from 'node:fs/promises'
import { join } from 'node:path'
import type { RowLog } from '../algorithms/algorithm.js'
import { GogepoError } from '../base/errors.js'
import { plural } from '../base/words.js'
import { refuseLink, writeError } from '../base/files.js'
import { encodeSafetensors, readSafetensors, type TensorFile } from '../base/safetensors.js'
import type { Session } from '../train/session.js'
import type { Progress } from '../train/trainer.js'
import { syncFolder, writeDurably } from './durable.js'
import {
  readManifest,
  sealManifest,
  segmentFile,
  verifyHash,
  type Identity,
  type Manifest,
  type Segment,
} from './manifest.js'

const kept = 3 // the newest checkpoints; the best one is kept as well, and what keepCheckpointEvery asks for
const segmentBytes = 1 << 26 // at most, unless a single row is larger: a segment is read and written in one piece

interface FreshSegment {
  segment: Segment
  file: TensorFile
}

/** A checkpoint as it was loaded. */
export interface Loaded {
  progress: Progress
  eventBytes: number
}

export class Checkpoints {
  private readonly folder: string
  private readonly bufferFolder: string
  private segments: Segment[] = []
  private writing: Promise<void> = Promise.resolve()
  private failure: unknown

  constructor(private readonly run: string) {
    this.folder = join(run, 'checkpoints')
    this.bufferFolder = join(run, 'buffer')
  }

  /** The steps of every checkpoint there is, in order. */
  list(): number[] {
    const names = existsSync(this.folder) ? withPath(this.folder, () => readdirSync(this.folder)) : []
    return names
      .filter((name) => String(Number(name)) === name && Number.isSafeInteger(Number(name)) && Number(name) >= 0)
      .map(Number)
      .sort((a, b) => a - b)
  }

  /**
   * Copies the session's state and writes it in the background; at most one checkpoint is being written.
   * @param keepEvery as the setting keepCheckpointEvery
   * @throws GogepoError ERR_DISK_FULL, ERR_FILE: what went wrong with this checkpoint or the one before
   */
  async save(
    session: Session,
    made: Pick<Manifest, 'identity' | 'versions' | 'progress' | 'eventBytes'>,
    keepEvery: number,
  ): Promise<void> {
    await this.settled()
    const { tensors, counters } = session.state()
    const fresh = session.log === undefined ? [] : this.freshSegments(session.log)
    const { segments } = this
    const { steps, episodes, best } = session.history
    const manifest = { ...made, format: 2 as const, counters, best: episodes > 0 ? best : null, segments }
    this.writing = this.write(steps, { tensors, metadata: {} }, fresh, manifest, keepEvery).catch((error: unknown) => {
      this.failure = error
    })
  }

  /** The steps of the best checkpoint, if its commands have not been corrected. @throws GogepoError ERR_CHECKPOINT */
  get uncorrectedBest(): number | undefined {
    const best = this.choose('best')
    return this.manifest(best).progress.uncorrected ? best : undefined
  }

  /** Writes a checkpoint again after its commands have been corrected: with the session’s state, and all else as it was. */
  async saveCorrected(session: Session, steps: number, keepEvery: number): Promise<void> {
    await this.settled()
    const made = this.manifest(steps)
    delete made.progress.uncorrected
    const { tensors, counters } = session.state()
    await this.write(steps, { tensors, metadata: {} }, [], { ...made, counters }, keepEvery)
  }

  /** Waits until nothing is being written. Throws what went wrong. */
  async settled(): Promise<void> {
    await this.writing
    const { failure } = this
    this.failure = undefined
    if (failure !== undefined) throw failure
  }

  private async write(
    steps: number,
    state: TensorFile,
    fresh: FreshSegment[],
    manifest: Omit<Manifest, 'learner'>,
    keepEvery: number,
  ): Promise<void> {
    const place = join(this.folder, String(steps))
    const aside = `${place}.${randomBytes(4).toString('hex')}.tmp`
    let writing = place
    try {
      // Segments first: a checkpoint lists only files that are complete.
      for (const { segment, file } of fresh) {
        const path = (writing = join(this.bufferFolder, segment.file))
        segment.sha256 = await writeDurably(`${path}.tmp`, encodeSafetensors(path, file))
        await rename(`${path}.tmp`, path)
      }
      if (fresh.length > 0) await syncFolder(this.bufferFolder)
      // The checkpoint itself, aside and then in place.
      writing = join(place, 'learner.safetensors')
      await mkdir(aside)
      const learner = await writeDurably(join(aside, 'learner.safetensors'), encodeSafetensors(writing, state))
      writing = join(place, 'manifest.json')
      await writeDurably(join(aside, 'manifest.json'), [Buffer.from(sealManifest({ ...manifest, learner }))])
      await syncFolder(aside)
      // One with the same steps, from before commands were corrected, goes aside in one step: removing it takes longer.
      const replaced = `${aside}.replaced.tmp`
      if (existsSync(place)) await rename(place, replaced)
      await rename(aside, place)
      await syncFolder(this.folder)
      await rm(replaced, { recursive: true, force: true })
      await this.removeOld(manifest.progress.bestEvaluation?.steps, keepEvery)
    } catch (error) {
      await rm(aside, { recursive: true, force: true }).catch(() => {})
      throw writeError(error, writing, this.whatIsLeft(), bytesOf([state, ...fresh.map(({ file }) => file)]))
    }
  }

  /** What a failed write leaves intact, and how to continue. */
  whatIsLeft(): string {
    const last = this.list().at(-1)
    const intact =
      last === undefined ? 'There is no earlier checkpoint.' : `The checkpoint at ${plural(last, 'step')} is intact.`
    return `${intact} Once the cause is removed, continue with: gogepo train --resume ${this.run}`
  }

  /** Copies the rows that no segment holds yet, and forgets segments whose rows have all left the log. */
  private freshSegments(log: RowLog): FreshSegment[] {
    const most = Math.max(1, Math.floor(segmentBytes / log.bytesPerRow))
    const end = this.segments.at(-1)
    const fresh: FreshSegment[] = []
    for (let first = Math.max(log.first, end ? end.first + end.count : 0); first < log.end; first += most) {
      const count = Math.min(most, log.end - first)
      const file: TensorFile = { tensors: log.read(first, count), metadata: {} }
      fresh.push({ segment: { file: segmentFile(first, count), first, count, sha256: '' }, file })
    }
    this.segments = [
      ...this.segments.filter(({ first, count }) => first + count > log.first),
      ...fresh.map(({ segment }) => segment),
    ]
    return fresh
  }

  /** Removes checkpoints that are not to be kept, and segments that none of the newest needs. */
  private async removeOld(best: number | undefined, keepEvery: number): Promise<void> {
    const all = this.list()
    const period = (steps: number): number => (keepEvery === 0 ? 0 : Math.floor(steps / keepEvery))
    for (const [i, steps] of all.slice(0, -kept).entries()) {
      const firstOfPeriod = period(steps) > period(all[i - 1] ?? 0)
      if (steps !== best && !firstOfPeriod) await rm(join(this.folder, String(steps)), { recursive: true, force: true })
    }
    const used = new Set(all.slice(-kept).flatMap((steps) => this.manifest(steps).segments.map(({ file }) => file)))
    for (const file of readdirSync(this.bufferFolder))
      if (!used.has(file)) await rm(join(this.bufferFolder, file), { force: true })
  }

  /** Removes what a killed process left half written. */
  async removeUnfinished(): Promise<void> {
    for (const folder of [this.folder, this.bufferFolder]) refuseLink(folder)
    for (const folder of [this.folder, this.bufferFolder])
      for (const name of existsSync(folder) ? readdirSync(folder) : [])
        if (name.endsWith('.tmp')) await rm(join(folder, name), { recursive: true, force: true })
  }

  /**
   * Puts a checkpoint back into a session made with this run's settings.
   * @param rows also the learner's log, which only further training needs
   * @throws GogepoError ERR_CHECKPOINT with the file and what is wrong with it
   */
  load(session: Session, identity: Identity, which: 'last' | 'best' | number, rows: boolean): Loaded {
    const steps = this.choose(which)
    try {
      return this.loadFrom(steps, session, identity, rows)
    } catch (error) {
      const before = this.list()
        .filter((other) => other < steps)
        .at(-1)
      if (!(error instanceof Damaged) || before === undefined) throw error
      throw new Damaged(
        `${error.message.replace(/\.$/, '')}. There is an earlier one, at ${plural(before, 'step')}; to continue from it, remove ${join(this.folder, String(steps))}`,
        { cause: error },
      )
    }
  }

  private loadFrom(steps: number, session: Session, identity: Identity, rows: boolean): Loaded {
    const { identity: made, progress, eventBytes, counters, segments, learner: hash } = this.manifest(steps)
    this.refuseOther(made, identity, steps)
    const path = join(this.folder, String(steps), 'learner.safetensors')
    withPath(path, () => {
      verifyHash(path, hash)
      session.restore({ tensors: readSafetensors(path).tensors, counters })
    })
    for (const { file, first, count, sha256 } of rows ? segments : []) {
      const path = join(this.bufferFolder, file)
      withPath(path, () => {
        verifyHash(path, sha256)
        if (session.log === undefined) throw new Error(`${made.algorithm} has no log to put it into`)
        session.log.restore(first, count, readSafetensors(path).tensors)
      })
    }
    this.segments = segments
    return { progress, eventBytes }
  }

  private refuseOther(made: Identity, wanted: Identity, steps: number): void {
    const flat = ({ settings, ...rest }: Identity): Record<string, string> =>
      Object.fromEntries(Object.entries({ ...rest, ...settings }).map(([name, value]) => [name, JSON.stringify(value)]))
    const now = JSON.parse(JSON.stringify(wanted)) as Identity
    const [then, today] = [flat(made), flat(now)]
    const names = [...new Set([...Object.keys(then), ...Object.keys(today)])]
    const changed = names.filter((name) => then[name] !== today[name] && (name in then || !(name in now.settings))) // a setting may be newer than the checkpoint
    if (changed.length > 0)
      throw new GogepoError(
        'ERR_CHECKPOINT',
        `${join(this.run, 'config.json')} has changed since the checkpoint at ${plural(steps, 'step')} was made: ${changed.map((name) => `${name} was ${then[name] ?? 'absent'}, is ${today[name] ?? 'absent'}`).join('; ')}. Undo the change, or train a new run.`,
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
        `${this.run} has no checkpoint at ${plural(steps, 'step')}. It has checkpoints at: ${all.join(', ')}.`,
      )
    return steps
  }

  /** @throws GogepoError ERR_CHECKPOINT */
  manifest(steps: number): Manifest {
    const path = join(this.folder, String(steps), 'manifest.json')
    return withPath(path, () => readManifest(path))
  }
}

const bytesOf = (files: readonly TensorFile[]): number =>
  files.flatMap(({ tensors }) => Object.values(tensors)).reduce((sum, { data }) => sum + data.byteLength, 0)

/** A file of a checkpoint is not what was written. */
class Damaged extends GogepoError {
  constructor(message: string, options: ErrorOptions) {
    super('ERR_CHECKPOINT', message, options)
  }
}

/** Names the file in whatever reading it throws. */
function withPath<T>(path: string, read: () => T): T {
  try {
    return read()
  } catch (error) {
    throw new Damaged(`Checkpoint ${path}: ${(error as Error).message}`, { cause: error })
  }
}
