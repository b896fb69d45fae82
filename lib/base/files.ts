/**
 * Opens the files of a run safely. A pipe, device or folder in the place of a file is refused before anything blocks on
 * it or fills it; for writing, so is a symbolic link. The error of a failed write names the file and the cause.
 */
import { createHash } from 'node:crypto'
import {
  closeSync,
  constants,
  existsSync,
  fstatSync,
  fsync,
  fsyncSync,
  lstatSync,
  mkdirSync,
  openSync,
  readSync,
  renameSync,
  rmSync,
  statSync,
  statfsSync,
  writeSync,
} from 'node:fs'
import { open, rm, type FileHandle } from 'node:fs/promises'
import { dirname } from 'node:path'
import { promisify } from 'node:util'
import { GogepoError } from './errors.js'
import { formatBytes } from './words.js'

/** The most bytes in one read or write call: fs refuses 2 GiB and more. */
export const chunkBytes = 1 << 28

const { O_APPEND, O_CREAT, O_EXCL, O_NOFOLLOW, O_NONBLOCK, O_RDONLY, O_RDWR, O_WRONLY } = constants

/** @throws Error when it is not a regular file, or the file system's own error */
export function openToRead(path: string): { file: number; size: number } {
  return regular(openSync(path, O_RDONLY | O_NONBLOCK)) // without waiting: a pipe may have no writer
}

/** Opens a file to append to it or to truncate it. Throws as openToRead does, and for a symbolic link. */
export function openToAppend(path: string): { file: number; size: number } {
  return regular(openSync(path, O_RDWR | O_CREAT | O_APPEND | O_NOFOLLOW | O_NONBLOCK, 0o666))
}

function regular(file: number): { file: number; size: number } {
  const stat = fstatSync(file)
  if (stat.isFile()) return { file, size: stat.size }
  closeSync(file)
  throw new Error('it is not a file')
}

/** Creates a file, replacing any existing one of this name. */
export function openAnew(path: string): number {
  rmSync(path, { force: true })
  return openSync(path, O_WRONLY | O_CREAT | O_EXCL, 0o666)
}
export async function openAnewAsync(path: string): Promise<FileHandle> {
  await rm(path, { force: true })
  return open(path, O_WRONLY | O_CREAT | O_EXCL, 0o666)
}

/** Writes all bytes at the current position. */
export function writeFully(file: number, bytes: Uint8Array): void {
  for (let at = 0; at < bytes.length;) at += writeSync(file, bytes, at, Math.min(chunkBytes, bytes.length - at))
}

const otherThanFile = 'there is something other than a file'

/**
 * Writes a file whole or not at all: first beside its place, then renamed.
 * @param durable also syncs it to the disk
 * @throws GogepoError ERR_DISK_FULL, ERR_FILE
 */
export function writeWhole(path: string, pieces: Iterable<Uint8Array>, durable = false): void {
  const aside = `${path}.${process.pid}.tmp`
  try {
    // Renaming would put a file in the place of a device such as /dev/null, for everyone; a link is replaced by itself.
    const before = lstatSync(path, { throwIfNoEntry: false })
    if (before !== undefined && !before.isFile() && !before.isSymbolicLink()) throw new Error(otherThanFile)
    const file = openAnew(aside)
    try {
      for (const bytes of pieces) writeFully(file, bytes)
      if (durable) syncNow(file)
    } finally {
      closeSync(file)
    }
    renameSync(aside, path)
  } catch (error) {
    if (existsSync(aside)) rmSync(aside, { force: true })
    throw writeError(error, path)
  }
}

/**
 * Fails before the work whose result is to be written whole into this file, rather than after it.
 * @throws GogepoError ERR_DISK_FULL, ERR_FILE
 */
export function requireWritable(path: string): void {
  const aside = `${path}.${process.pid}.tmp`
  try {
    if (existsSync(path) && !statSync(path).isFile()) throw new Error(otherThanFile)
    closeSync(openAnew(aside))
    rmSync(aside)
  } catch (error) {
    throw writeError(error, path)
  }
}

// libuv has no name for EDQUOT: a quota that is used up arrives as errno 122 with the code "Unknown system error -122".
const quotaExceeded = -122
const noSpace = -28 // the loader's errors have the number alone

/** Whether a write failed because the disk is full or the quota is used up. */
export function isDiskFull(error: unknown): boolean {
  const { code, errno } = error as NodeJS.ErrnoException
  return code === 'ENOSPC' || code === 'EDQUOT' || errno === quotaExceeded || errno === noSpace
}

/** What errors mean whose own words do not say what to do. */
const explanations: Readonly<Record<string, string>> = {
  EMFILE: 'this process has too many files open. Raise the limit, for example with: ulimit -n 1024',
  ENFILE: 'the system has too many files open',
  ENAMETOOLONG: 'the name is too long: between two slashes, a file system holds at most 255 bytes',
  ELOOP: 'its symbolic links lead in a circle',
}

/** Why the file system refused something, in words. */
export const reasonOf = (error: unknown): string => {
  const { code = '', message } = error as NodeJS.ErrnoException
  return explanations[code] ?? message
}

/**
 * A failed write as an error that names the file and the cause.
 * @param then what is still intact, and what to do: a sentence
 * @param needed bytes of what was being written, where known
 */
export function writeError(error: unknown, path: string, then = '', needed?: number): GogepoError {
  if (error instanceof GogepoError) return error
  const { code, errno } = error as NodeJS.ErrnoException
  const rest = then === '' ? '' : ` ${then}`
  if (isDiskFull(error)) {
    const quota = errno === quotaExceeded || code === 'EDQUOT'
    const full = quota ? 'The disk quota is used up' : 'The disk is full'
    const free = quota ? '' : `; ${freeSpace(dirname(path))} are free` // what a quota leaves cannot be asked for
    const size = needed === undefined ? '' : ` It needs ${formatBytes(needed)}${free}.`
    return new GogepoError('ERR_DISK_FULL', `${full}: ${path} cannot be written.${size}${rest}`, { cause: error })
  }
  const reason =
    code === 'ENOENT' && !existsSync(dirname(path)) ? `there is no folder ${dirname(path)}` : reasonOf(error)
  return new GogepoError('ERR_FILE', `${path} cannot be written: ${reason}.${rest}`, { cause: error })
}

/**
 * Makes a folder with its parents. Node's own recursive mkdir never returns where none can be made, as in /proc.
 * @param failed the error to throw where it cannot be made
 * @throws GogepoError ERR_DISK_FULL, ERR_FILE
 */
export function makeFolder(path: string, failed: (error: unknown, path: string) => Error = writeError): void {
  if (existsSync(path)) return
  makeFolder(dirname(path), failed)
  try {
    mkdirSync(path)
  } catch (error) {
    // Several processes may make the folders above them together.
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw failed(error, path)
  }
}

/** @param folder it may not have been made yet */
function freeSpace(folder: string): string {
  try {
    const { bavail, bsize } = statfsSync(folder)
    return formatBytes(bavail * bsize)
  } catch {
    return folder === dirname(folder) ? 'an unknown number of bytes' : freeSpace(dirname(folder))
  }
}

const flush = promisify(fsync)

/**
 * Makes written data durable. Node 20's permission model refuses this and has no flag to allow it; then a power cut may
 * undo the last writes, but a kill cannot.
 */
export async function sync(file: FileHandle): Promise<void> {
  await flush(file.fd).catch(unlessDenied) // Yarn's Plug'n'Play does not implement file.sync()
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

/** Fills `bytes` from that position of the file. @throws Error when the file ends before */
export function readExactly(file: number, bytes: Uint8Array, position: number): void {
  for (let at = 0; at < bytes.length;) {
    const got = readSync(file, bytes, at, Math.min(chunkBytes, bytes.length - at), position + at)
    if (got === 0) throw new Error('it ends too early')
    at += got
  }
}

/** @param most bytes; a larger file is refused before it is read */
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

/** @throws GogepoError ERR_RUN: what is written into a linked folder would land elsewhere */
export function refuseLink(path: string): void {
  if (lstatSync(path, { throwIfNoEntry: false })?.isSymbolicLink())
    throw new GogepoError(
      'ERR_RUN',
      `${path} is a symbolic link. A run is written in its own folder only: replace the link with the folder it points to.`,
    )
}
