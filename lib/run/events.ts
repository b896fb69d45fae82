/** events.jsonl: what training reported, one JSON object per line. */
import { closeSync, existsSync, ftruncateSync } from 'node:fs'
import { join } from 'node:path'
import { GogepoError } from '../base/errors.js'
import {
  isDiskFull,
  openToAppend,
  openToRead,
  readExactly,
  readText,
  syncNow,
  writeError,
  writeFully,
} from '../base/files.js'
import type { TrainEvent } from '../train/events.js'

const largest = 1 << 28 // bytes that are read at once

export class EventFile {
  private file: number | undefined
  /** Bytes written so far. */
  bytes = 0

  /** @param whatIsLeft after a failed write: what is intact, and how to continue */
  constructor(
    private readonly path: string,
    private readonly whatIsLeft: () => string,
  ) {}

  /** @throws GogepoError ERR_DISK_FULL, ERR_FILE, ERR_RUN */
  append(event: TrainEvent): void {
    const line = Buffer.from(`${JSON.stringify(event)}\n`)
    this.file ??= this.open().file
    try {
      writeFully(this.file, line)
    } catch (error) {
      throw writeError(error, this.path, this.whatIsLeft(), line.length)
    }
    this.bytes += line.length
  }

  private open(): { file: number; size: number } {
    try {
      return openToAppend(this.path)
    } catch (error) {
      if (isDiskFull(error)) throw writeError(error, this.path, this.whatIsLeft())
      throw new GogepoError('ERR_RUN', `${this.path} cannot be written: ${(error as Error).message}.`, { cause: error })
    }
  }

  /** Makes the events durable: a checkpoint must not know of events that a power cut takes away. */
  sync(): void {
    if (this.file === undefined) return
    try {
      syncNow(this.file)
    } catch (error) {
      throw writeError(error, this.path, this.whatIsLeft())
    }
  }

  /** Cuts off the events that are newer than a checkpoint. @throws GogepoError ERR_CHECKPOINT when it is too short already */
  rewind(bytes: number): void {
    const { file, size } = this.open()
    this.file = file
    if (size < bytes)
      throw new GogepoError(
        'ERR_CHECKPOINT',
        `${this.path} is shorter than its checkpoint says: expected at least ${bytes} bytes, got ${size}.`,
      )
    try {
      ftruncateSync(file, bytes)
    } catch (error) {
      throw writeError(error, this.path, this.whatIsLeft())
    }
    this.bytes = bytes
  }

  /** How many evaluations it holds. */
  evaluations(): number {
    const lines = existsSync(this.path) ? readText(this.path, largest).split('\n') : []
    return lines.filter((line) => line.startsWith('{"type":"evaluation"')).length
  }

  /** The newest event, when its line is complete. */
  last(): TrainEvent | undefined {
    let file: number | undefined
    try {
      const opened = openToRead(this.path)
      file = opened.file
      const tail = Buffer.alloc(Math.min(opened.size, 1 << 16))
      readExactly(file, tail, opened.size - tail.length)
      const event = JSON.parse(tail.toString('utf8').split('\n').at(-2) ?? '') as TrainEvent | null
      return event !== null && Number.isSafeInteger(event.steps) ? event : undefined
    } catch {
      return undefined // there is none, or it is being written
    } finally {
      if (file !== undefined) closeSync(file)
    }
  }

  close(): void {
    if (this.file !== undefined) closeSync(this.file)
    this.file = undefined
  }
}

/** All events of a run's folder, up to the last complete line. @throws GogepoError ERR_FILE */
export function readEvents(folder: string): TrainEvent[] {
  const path = join(folder, 'events.jsonl')
  try {
    const lines = existsSync(path) ? readText(path, largest).split('\n').slice(0, -1) : []
    return lines.map((line) => JSON.parse(line) as TrainEvent)
  } catch (error) {
    throw new GogepoError('ERR_FILE', `${path} is broken: ${(error as Error).message}.`, { cause: error })
  }
}
