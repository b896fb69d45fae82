/** Puts a LibTorch together in a folder, from whichever source. */
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { dirname, join } from 'node:path'
import { GogepoError } from '../base/errors.js'
import { hashFile } from '../base/files.js'
import { ofEither, ofWheel, spaceFor, type Kind } from './layouts.js'
import { lacksRuntime } from './libtorch.js'
import type { PinnedLibtorch, Pin } from './pins.js'
import { formatRecord, parseRecord, type FileRecord } from './record.js'
import { openArchive, openBeside, openWheel, type Fetching, type Opened, type Source } from './sources.js'
import { requireSpace, unwritable } from './staging.js'
import { unpack, type Placing } from './unpack.js'

/**
 * Puts the files of a LibTorch into `staging`/unpacked, and returns that folder. What is there already stays.
 * @throws GogepoError ERR_DOWNLOAD, ERR_FILE, ERR_DISK_FULL, ERR_SETUP
 */
export async function fetchLibtorch(
  pinned: PinnedLibtorch,
  kind: Kind,
  source: Source,
  staging: string,
  how: Fetching,
): Promise<string> {
  const target = join(staging, 'unpacked')
  const wheels = join(staging, 'wheels')
  const record: FileRecord = new Map()
  mkdirSync(target, { recursive: true })
  const take = async (opened: Opened, place: Placing): Promise<void> => {
    try {
      requireSpace(staging, sizeOf(opened, place, target), opened.what)
      await unpack(opened.zip, opened.what, target, place, record, { listHash: opened.listHash, signal: how.signal })
    } finally {
      opened.zip.close()
    }
  }
  if (source.from === 'libtorch') copyLibtorch(source.path, target, kind, record)
  else if (source.from === 'archive') {
    const opened = await openArchive(source.url, wheels, kind === 'cpu', ofEither(kind), how)
    await take(opened, ofEither(kind))
    if (lacksRuntime(join(target, 'torch')))
      for (const pin of wheelsFor(pinned, kind).slice(1))
        await take(await openBeside(source.url, pin, wheels, ofWheel(kind), how), ofWheel(kind))
  } else {
    if (source.from === 'pip') requireSpace(staging, spaceFor[kind], `LibTorch ${pinned.version}`)
    for (const pin of wheelsFor(pinned, kind)) {
      const done = join(staging, `${pin.file}.unpacked`)
      if (!existsSync(done)) {
        const before = new Set(record.keys())
        await take(await openWheel(pin, source, wheels, kind === 'cpu', ofWheel(kind), how), ofWheel(kind))
        writeFileSync(done, formatRecord(new Map([...record].filter(([path]) => !before.has(path)))))
      }
      for (const [path, file] of parseRecord(readFileSync(done, 'utf8'))) record.set(path, file)
      if (source.from !== 'folder') rmSync(join(wheels, pin.file), { force: true })
    }
  }
  if (record.size === 0)
    throw new GogepoError(
      'ERR_SETUP',
      'There is no LibTorch in what --from names: expected a wheel of torch, PyTorch’s libtorch zip file, or the folder of one.',
    )
  writeFileSync(join(target, 'RECORD'), formatRecord(record))
  return target
}

/** The wheels that a kind of LibTorch is made of. */
export function wheelsFor({ torch, runtime, cupti, crt, libraries }: PinnedLibtorch, kind: Kind): readonly Pin[] {
  return [torch, runtime, cupti, ...(kind === 'cuda' ? libraries : kind === 'build' ? [crt] : [])]
}

function sizeOf({ zip }: Opened, place: Placing, target: string): number {
  let bytes = 0
  for (const [name, { size }] of zip.files) {
    const placed = place(name)
    if (placed !== undefined && !existsSync(join(target, placed))) bytes += size
  }
  return bytes
}

/** Copies a LibTorch, and the CUDA runtime beside it, from the folder torch/ or one that contains it. */
function copyLibtorch(path: string, target: string, kind: Kind, record: FileRecord): void {
  const torch = existsSync(join(path, 'torch', 'lib')) ? join(path, 'torch') : path
  const place = ofWheel(kind)
  for (const [from, to] of [
    [torch, 'torch'],
    [join(dirname(torch), 'nvidia'), 'nvidia'],
  ] as const) {
    if (!existsSync(from)) continue
    for (const entry of readdirSync(from, { recursive: true, withFileTypes: true })) {
      const file = join(entry.parentPath, entry.name)
      const placed = join(to, file.slice(from.length + 1))
      if (entry.isDirectory() || (place(placed) === undefined && placed !== 'torch/build-version')) continue
      const copy = join(target, placed)
      requireSpace(target, statSync(file).size, file)
      try {
        mkdirSync(dirname(copy), { recursive: true })
        copyFileSync(file, copy)
      } catch (error) {
        throw unwritable(error, copy)
      }
      const sha256 = Buffer.from(hashFile(copy), 'hex').toString('base64url')
      record.set(placed, { sha256, size: statSync(copy).size })
    }
  }
}
