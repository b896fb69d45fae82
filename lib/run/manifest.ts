/**
 * The manifest of a checkpoint: what belongs to it, sealed with a hash of its own and checked against its format when
 * read.
 */
import { createHash } from 'node:crypto'
import { hashFile, readText } from '../base/files.js'
import { quoted } from '../base/words.js'
import type { Progress } from '../train/trainer.js'

/** What determines a run's results: a checkpoint can be resumed only with the identity that it was made with. */
export interface Identity {
  algorithm: string
  task: string
  taskOptions: unknown
  seed: number
  /** The settings whose scope is method. */
  settings: Readonly<Record<string, unknown>>
}

/** Rows of the learner's log in a file of their own. */
export interface Segment {
  file: string
  first: number
  count: number
  sha256: string
}

export interface Manifest {
  format: 2
  identity: Identity
  versions: unknown
  progress: Progress
  /** Bytes of events.jsonl that belong to the checkpoint. */
  eventBytes: number
  counters: Record<string, number>
  /** The highest stored return so far; null before the first episode. */
  best: number | null
  /** SHA-256 of learner.safetensors. */
  learner: string
  segments: Segment[]
}

const largest = 1 << 28 // bytes; a segment takes about a hundred of them

export const segmentFile = (first: number, count: number): string => `${first}-${count}.safetensors`

/** The manifest's text, preceded by its own hash. */
export function sealManifest(manifest: Manifest): string {
  const text = JSON.stringify(manifest)
  return `${sha256(text)}\n${text}\n`
}

/** @throws Error saying what is wrong with the file */
export function readManifest(path: string): Manifest {
  const sealed = readText(path, largest)
  const end = sealed.indexOf('\n')
  const text = sealed.slice(end + 1, -1)
  if (end !== 64 || !sealed.endsWith('\n') || sha256(text) !== sealed.slice(0, end))
    throw new Error('it is damaged: its content does not match its hash')
  return checked(JSON.parse(text))
}

/** @throws Error when a file is not what its manifest lists */
export function verifyHash(path: string, hash: string): void {
  if (hashFile(path) !== hash) throw new Error('it is damaged: its content does not match the hash in its manifest')
}

// A hash shows that a file is what was written, not who wrote it: everything read is checked against the format.
function checked(json: unknown): Manifest {
  const refuse = (what: string): never => {
    throw new Error(`expected ${what}`)
  }
  const record = (value: unknown, what: string): Record<string, unknown> =>
    typeof value === 'object' && value !== null && !Array.isArray(value)
      ? (value as Record<string, unknown>)
      : refuse(`${what} to be an object`)
  const whole = (value: unknown): value is number => Number.isSafeInteger(value) && (value as number) >= 0
  const numberOrNull = (value: unknown): boolean => value === null || typeof value === 'number'
  const hash = (value: unknown): boolean => typeof value === 'string' && /^[0-9a-f]{64}$/.test(value)
  const evaluation = (value: unknown, what: string): void => {
    if (value === null) return
    const { steps, command, mean, std, achievedMean, achievedStd } = record(value, what)
    if (
      !whole(steps) ||
      !numberOrNull(command) ||
      [mean, std, achievedMean, achievedStd].some((n) => typeof n !== 'number')
    )
      refuse(`${what} to contain steps, command, mean, std, achievedMean and achievedStd`)
  }

  const { format, identity, progress, eventBytes, counters, best, learner, segments } = record(json, 'the manifest')
  if (format !== 2) refuse('format 2')
  const { algorithm, task, seed, settings } = record(identity, 'identity')
  if (typeof algorithm !== 'string' || typeof task !== 'string' || !whole(seed))
    refuse('identity to contain algorithm, task and seed')
  record(settings, 'settings')

  const { iterations, evaluatedAt, evaluationEpisodes, seconds, lastEvaluation, bestEvaluation, uncorrected } = record(
    progress,
    'progress',
  )
  if (![eventBytes, iterations, evaluatedAt, evaluationEpisodes].every(whole) || typeof seconds !== 'number')
    refuse('eventBytes, and progress to contain iterations, evaluatedAt, evaluationEpisodes and seconds')
  evaluation(lastEvaluation, 'lastEvaluation')
  evaluation(bestEvaluation, 'bestEvaluation')
  if (uncorrected !== undefined && uncorrected !== true) refuse('uncorrected to be true or left out')
  if (!Object.values(record(counters, 'counters')).every(whole)) refuse('counters to be whole numbers')
  if (!numberOrNull(best)) refuse('best to be a number or null')
  if (!hash(learner)) refuse('the hash of learner.safetensors')

  let end: number | undefined
  for (const segment of Array.isArray(segments) ? (segments as unknown[]) : refuse('segments to be a list')) {
    const { file, first, count, sha256 } = record(segment, 'a segment')
    if (!whole(first) || !whole(count) || count === 0 || !hash(sha256))
      return refuse('a segment to contain first, count and sha256')
    if (file !== segmentFile(first, count))
      refuse(`segment ${segmentFile(first, count)}, found ${quoted(String(file))}`)
    if (end !== undefined && first !== end) refuse(`the segment that begins at ${end}, found ${first}`)
    end = first + count
  }
  return json as Manifest
}

const sha256 = (text: string): string => createHash('sha256').update(text).digest('hex')
