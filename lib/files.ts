/**
 * Files of a run, opened as what they must be. What else may lie there is refused before it can be waited for, filled or followed:
 * a pipe, a device, a folder; for writing also a link.
 */
import { createHash } from 'node:crypto'
import { closeSync, constants, fstatSync, fsyncSync, lstatSync, openSync, readSync, rmSync } from 'node:fs'
import { open, rm, type FileHandle } from 'node:fs/promises'
import { GogepoError } from './errors.js'

/** One read or write call: fs refuses 2 GiB and more. */
export const piece = 1 << 28

const { O_APPEND, O_CREAT, O_EXCL, O_NOFOLLOW, O_NONBLOCK, O_RDONLY, O_RDWR, O_WRONLY } = constants

/** @throws Error when it is no plain file, or the file system's own */
export function openToRead(path: string): { file: number; size: number } {
  return plain(openSync(path, O_RDONLY | O_NONBLOCK)) // without waiting: a pipe may have no writer
}

/** To write at its end, or to cut it there. Throws as openToRead, and for a link. */
export function openToAppend(path: string): { file: number; size: number } {
  return plain(openSync(path, O_RDWR | O_CREAT | O_APPEND | O_NOFOLLOW | O_NONBLOCK, 0o666))
}

function plain(file: number): { file: number; size: number } {
  const stat = fstatSync(file)
  if (stat.isFile()) return { file, size: stat.size }
  closeSync(file)
  throw new Error('it is not a file')
}

/** A new file in the place of whatever has this name. */
export function openAnew(path: string): number {
  rmSync(path, { force: true })
  return openSync(path, O_WRONLY | O_CREAT | O_EXCL, 0o666)
}
export async function openAnewAsync(path: string): Promise<FileHandle> {
  await rm(path, { force: true })
  return open(path, O_WRONLY | O_CREAT | O_EXCL, 0o666)
}

/** Makes what was written durable. Node 20's permission model refuses that and knows no flag for it: a power cut may then undo the last writes, a kill not. */
export async function sync(file: FileHandle): Promise<void> {
  await file.sync().catch(unlessDenied)
}
export function syncNow(file: number): void {
  try {
    fsyncSync(file)
  } catch (error) {
    unlessDenied(error)
  }
}
function unlessDenied(error: unknown): void {
  if ((error as NodeJS.ErrnoException).code !== 'ERR_ACCESS_DENIED') throw error
}

/** Fills `bytes` from that position of the file on. @throws Error when it ends before */
export function readExactly(file: number, bytes: Uint8Array, position: number): void {
  for (let at = 0; at < bytes.length;) {
    const got = readSync(file, bytes, at, Math.min(piece, bytes.length - at), position + at)
    if (got === 0) throw new Error('it ends too early')
    at += got
  }
}

/** @param most bytes: more are refused before they are read */
export function readText(path: string, most: number): string {
  const { file, size } = openToRead(path)
  try {
    if (size > most) throw new Error(`expected at most ${most} bytes, got ${size}`)
    const bytes = Buffer.alloc(size)
    readExactly(file, bytes, 0)
    return bytes.toString('utf8')
  } finally {
    closeSync(file)
  }
}

/** SHA-256 of a file of any size. */
export function hashFile(path: string): string {
  const { file, size } = openToRead(path)
  try {
    const hash = createHash('sha256')
    const bytes = Buffer.alloc(Math.min(size, 1 << 20))
    for (let at = 0; at < size; at += bytes.length) {
      const part = bytes.subarray(0, Math.min(bytes.length, size - at))
      readExactly(file, part, at)
      hash.update(part)
    }
    return hash.digest('hex')
  } finally {
    closeSync(file)
  }
}

/** @throws GogepoError ERR_RUN: what is written into a linked folder lands elsewhere */
export function refuseLink(path: string): void {
  if (lstatSync(path, { throwIfNoEntry: false })?.isSymbolicLink())
    throw new GogepoError(
      'ERR_RUN',
      `${path} is a link. A run is written in its own folder only: put what it points to in its place.`,
    )
}

/** Text of a file's for a message: short, and without what a terminal would obey. */
export function quoted(text: string): string {
  const plain = text
    .slice(0, 80)
    .replace(/[\u0000-\u001f\u007f-\u009f\u2028\u2029\u202a-\u202e\u2066-\u2069]/g, '\ufffd')
  return text.length > 80 ? `${plain}…` : plain
}
