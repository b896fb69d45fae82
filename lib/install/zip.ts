/** Reads zip files, which wheels are: from a file, or from a server piece by piece, without downloading the whole. */
import { createHash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { buffer } from 'node:stream/consumers'
import { fromRandomAccessReaderPromise, openPromise, RandomAccessReader, type Entry, type ZipFile } from 'yauzl'
import { GogepoError } from '../base/errors.js'
import { withoutPassword } from '../base/proxy.js'
import { append, readRange, request, sizeOf } from './web.js'

export interface Zip {
  /** Each file's size, and how many bytes of the archive it takes. */
  files: ReadonlyMap<string, { size: number; packed: number }>
  read(name: string): Promise<Readable>
  close(): void
}

/** @param address of a file on this machine, for messages also of a remote one @throws GogepoError ERR_FILE */
export async function openZip(path: string): Promise<Zip> {
  return damaged(path, async () => list(await openPromise(path, { lazyEntries: true, autoClose: false })))
}

/**
 * Opens a zip file on a server; undefined if the server cannot send parts of files. Only what is asked for is downloaded:
 * the directory at the end of the file, then each member that is read.
 * @param folder keeps what has arrived of a large member when this process is killed; the next one continues there
 * @param received called with the number of bytes of each piece that arrives
 * @throws GogepoError ERR_DOWNLOAD, ERR_FILE
 */
export async function openRemoteZip(
  url: string,
  folder: string,
  received: (bytes: number) => void,
  signal?: AbortSignal,
): Promise<Zip | undefined> {
  const answer = await request(url, 'bytes=0-0', signal)
  const size = Number(/^bytes 0-0\/(\d+)$/.exec(answer.headers.get('content-range') ?? '')?.[1])
  await answer.body?.cancel()
  if (answer.status !== 206 || !(size > 0)) return undefined
  const tail = await buffer(readRange(url, Math.max(0, size - directoryBytes), size, received, signal))
  const reader = new RemoteReader(url, folder, size, tail, received, signal)
  return damaged(withoutPassword(url), async () =>
    list(await fromRandomAccessReaderPromise(reader, size, { lazyEntries: true, autoClose: false })),
  )
}

/** Bytes of a member that is worth continuing. */
const largeMember = 1 << 17

/** Enough for the directory of any wheel of torch, which has 15,000 files. */
const directoryBytes = 4 << 20

class RemoteReader extends RandomAccessReader {
  constructor(
    private readonly url: string,
    private readonly folder: string,
    private readonly size: number,
    private readonly tail: Buffer,
    private readonly received: (bytes: number) => void,
    private readonly signal?: AbortSignal,
  ) {
    super()
  }

  /** The directory has thousands of small parts, which must not take a request each. */
  override read(
    buffer: Buffer,
    offset: number,
    length: number,
    position: number,
    callback: (error: Error | null) => void,
  ): void {
    const from = position - (this.size - this.tail.length)
    if (from < 0) return super.read(buffer, offset, length, position, callback)
    this.tail.copy(buffer, offset, from, from + length)
    setImmediate(callback, null)
  }

  override _readStreamForRange(start: number, end: number): Readable {
    if (end - start >= largeMember) return Readable.from(this.continued(start, end))
    return Readable.from(readRange(this.url, start, end, this.received, this.signal))
  }

  /** What an earlier process has of a range, then the rest. It stays on the disk only if it cannot be completed now. */
  private async *continued(start: number, end: number): AsyncGenerator<Uint8Array> {
    const name = createHash('sha256').update(`${this.url} ${start} ${end}`).digest('hex').slice(0, 16)
    const path = join(this.folder, `${name}.part`)
    const here = Math.min(await sizeOf(path), end - start)
    let interrupted = false
    try {
      if (here > 0) {
        for await (const chunk of createReadStream(path, { end: here - 1 })) yield chunk as Uint8Array
        this.received(here)
      }
      for await (const chunk of readRange(this.url, start + here, end, this.received, this.signal)) {
        append(path, chunk)
        yield chunk
      }
    } catch (error) {
      interrupted = true
      throw error
    } finally {
      if (!interrupted && !this.signal?.aborted) await rm(path, { force: true })
    }
  }
}

async function list(zip: ZipFile): Promise<Zip> {
  const entries = new Map<string, Entry>()
  for await (const entry of zip.eachEntry()) if (!entry.fileName.endsWith('/')) entries.set(entry.fileName, entry)
  return {
    files: new Map([...entries].map(([name, e]) => [name, { size: e.uncompressedSize, packed: e.compressedSize }])),
    read: (name) => zip.openReadStreamPromise(entries.get(name)!),
    close: () => zip.close(),
  }
}

async function damaged<T>(what: string, read: () => Promise<T>): Promise<T> {
  try {
    return await read()
  } catch (error) {
    if (error instanceof GogepoError) throw error
    throw new GogepoError(
      'ERR_FILE',
      `${what} is not a complete zip file: ${(error as Error).message.replace(/\.+$/, '')}. Download it again.`,
      { cause: error },
    )
  }
}
