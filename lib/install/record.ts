/**
 * RECORD, the list of files in a Python wheel with their hashes and sizes. Each LibTorch in the cache has one for what it
 * consists of, and so has each torch in a Python environment.
 */
import { closeSync, existsSync, readdirSync, readFileSync } from 'node:fs'
import { dirname, join, relative } from 'node:path'
import { openToRead, readExactly } from '../base/files.js'

/** A file's hash is the part of RECORD behind `sha256=`: base64url without padding. */
export interface RecordedFile {
  sha256: string
  size: number
}
export type FileRecord = Map<string, RecordedFile>

export function parseRecord(text: string): FileRecord {
  const record: FileRecord = new Map()
  for (const line of text.split('\n')) {
    const [, quotedPath, plainPath, sha256, size] =
      /^(?:"((?:[^"]|"")*)"|([^,]*)),sha256=([^,]+),(\d+)\s*$/.exec(line) ?? []
    if (sha256 !== undefined)
      record.set(quotedPath?.replaceAll('""', '"') ?? plainPath!, { sha256, size: Number(size) })
  }
  return record
}

export const formatRecord = (record: FileRecord): string =>
  [...record]
    .map(
      ([path, { sha256, size }]) =>
        `${/[",]/.test(path) ? `"${path.replaceAll('"', '""')}"` : path},sha256=${sha256},${size}\n`,
    )
    .join('')

/** The list that belongs to a LibTorch, and the folder that its paths start from; undefined where there is none. */
export function recordOf(libtorch: string): { root: string; record: FileRecord } | undefined {
  const root = dirname(libtorch)
  const own = join(root, 'RECORD')
  if (existsSync(own)) return { root, record: parseRecord(readFileSync(own, 'utf8')) }
  const info = existsSync(root) ? readdirSync(root).find((name) => /^torch-[^-]+\.dist-info$/.test(name)) : undefined
  const pips = info && join(root, info, 'RECORD')
  return pips && existsSync(pips) ? { root, record: parseRecord(readFileSync(pips, 'utf8')) } : undefined
}

/**
 * Why a library cannot be whole, judged by its size alone: the process would be killed by SIGBUS when it reads what is
 * missing. Undefined if nothing is wrong.
 */
export function sizeProblem(libtorch: string, path: string): string | undefined {
  const { file, size } = openToRead(path)
  try {
    const list = recordOf(libtorch)
    const listed = list?.record.get(relative(list.root, path))?.size
    const needed = listed ?? elfSize(file, size)
    if (listed !== undefined ? size === needed : size >= needed) return undefined
    return `it has ${size} bytes instead of ${listed === undefined ? 'at least ' : ''}${needed}`
  } finally {
    closeSync(file)
  }
}

/** The size that an ELF file has at least: up to the end of its table of sections, which is its last part. */
function elfSize(file: number, size: number): number {
  const header = Buffer.alloc(64)
  if (size < header.length) return header.length
  readExactly(file, header, 0)
  if (header.readUInt32BE(0) !== 0x7f454c46) return 0
  return Number(header.readBigUInt64LE(40)) + header.readUInt16LE(58) * header.readUInt16LE(60)
}
