/** Takes the files that are wanted out of a wheel or another zip file, each compared with the archive's own list. */
import { createHash } from 'node:crypto'
import { createWriteStream, existsSync, mkdirSync, statSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { Transform } from 'node:stream'
import { buffer } from 'node:stream/consumers'
import { pipeline } from 'node:stream/promises'
import { GogepoError } from '../base/errors.js'
import { hashFile } from '../base/files.js'
import { parseRecord, type FileRecord } from './record.js'
import { unwritable } from './staging.js'
import type { Zip } from './zip.js'

/** Where a file of the archive goes, relative to the target; undefined if it is not wanted. */
export type Placing = (name: string) => string | undefined

/**
 * Unpacks into `target`, which may contain some of the files already, and adds each to `record`.
 * @param what names the archive in messages
 * @param listHash the SHA-256 that the wheel's list of files must have
 * @throws GogepoError ERR_DOWNLOAD, ERR_FILE, ERR_DISK_FULL
 */
export async function unpack(
  zip: Zip,
  what: string,
  target: string,
  place: Placing,
  record: FileRecord,
  { listHash, signal }: { listHash?: string | undefined; signal?: AbortSignal | undefined } = {},
): Promise<void> {
  const list = await listOf(zip, what, listHash)
  for (const name of zip.files.keys()) {
    const placed = place(name)
    if (placed === undefined) continue
    signal?.throwIfAborted()
    const path = join(target, placed)
    const listed = list?.get(name)
    const { size } = zip.files.get(name)!
    if (list && !listed) throw different(what, name, 'it is not in the list of the wheel’s files')
    let sha256 = isHere(path, size) && listed !== undefined ? toBase64(hashFile(path)) : undefined
    if (sha256 === undefined || sha256 !== listed?.sha256) sha256 = await writeMember(zip, what, name, path, signal)
    if (listed && listed.sha256 !== sha256)
      throw different(what, name, 'its SHA-256 differs from the list of the wheel’s files')
    record.set(placed, { sha256, size })
  }
}

const isHere = (path: string, size: number): boolean => existsSync(path) && statSync(path).size === size
const toBase64 = (hex: string): string => Buffer.from(hex, 'hex').toString('base64url')

async function listOf(zip: Zip, what: string, listHash?: string): Promise<FileRecord | undefined> {
  const name = [...zip.files.keys()].find((file) => /^[^/]+\.dist-info\/RECORD$/.test(file))
  if (name === undefined && listHash === undefined) return undefined // not a wheel
  const bytes =
    name === undefined
      ? Buffer.alloc(0)
      : await buffer(await zip.read(name)).catch((error: unknown) => {
          throw unreadable(error, what, name)
        })
  if (listHash !== undefined && createHash('sha256').update(bytes).digest('hex') !== listHash)
    throw different(what, name ?? 'RECORD', 'it is not the list of files that this wheel should have')
  return parseRecord(bytes.toString('utf8'))
}

/** @returns the hash, as RECORD writes it */
async function writeMember(zip: Zip, what: string, name: string, path: string, signal?: AbortSignal): Promise<string> {
  const hash = createHash('sha256')
  const counted = new Transform({
    transform(chunk: Buffer, _, done) {
      hash.update(chunk)
      done(null, chunk)
    },
  })
  try {
    mkdirSync(dirname(path), { recursive: true })
    await pipeline(await zip.read(name), counted, createWriteStream(path), { signal })
  } catch (error) {
    signal?.throwIfAborted()
    if ((error as NodeJS.ErrnoException).syscall !== undefined) throw unwritable(error, path)
    throw unreadable(error, what, name)
  }
  return hash.digest('base64url')
}

function unreadable(error: unknown, what: string, name: string): Error {
  const { name: kind, message } = error as Error
  if (error instanceof GogepoError || kind === 'AbortError') return error as Error
  return different(what, name, `the compressed bytes are damaged (${message})`, error)
}

const different = (what: string, name: string, why: string, cause?: unknown): GogepoError =>
  new GogepoError(
    'ERR_DOWNLOAD',
    `${what} is not the expected archive: of ${name}, ${why}. Try again, or give another source with --from or --mirror.`,
    { cause },
  )
