/** Where the archives of a LibTorch come from, and how each is opened. */
import { existsSync, readdirSync, statSync } from 'node:fs'
import { basename, dirname, join, resolve } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { GogepoError } from '../base/errors.js'
import { hashFile } from '../base/files.js'
import { decoded, withoutPassword } from '../base/proxy.js'
import { quoted } from '../base/words.js'
import type { Kind } from './layouts.js'
import { locate } from './mirror.js'
import { hasPip, pipDownload } from './pip.js'
import type { Pin, PinnedLibtorch } from './pins.js'
import type { Placing } from './unpack.js'
import { download, elsewhere, HttpError, type Transfer } from './web.js'
import { openRemoteZip, openZip, type Zip } from './zip.js'

export type Source =
  | { from: 'pip' }
  | { from: 'mirror'; url: string }
  /** A folder with the pinned wheels. */
  | { from: 'folder'; path: string }
  /** One archive of any LibTorch, a wheel or PyTorch's zip file, by its address; a local one has a file: URL. */
  | { from: 'archive'; url: string }
  /** A LibTorch that is unpacked already. */
  | { from: 'libtorch'; path: string }

/** An archive that is ready to be read. */
export interface Opened {
  /** Names it in messages. */
  what: string
  zip: Zip
  /** What its list of files must have as SHA-256; undefined where that is unknown, or the archive itself was checked. */
  listHash?: string | undefined
}

/** Bytes of the archive `what` that have arrived. */
export type Progress = (what: string, bytes: number, total: number | undefined) => void

export interface Fetching {
  progress?: Progress | undefined
  signal?: AbortSignal | undefined
  /** The interpreter that runs pip. */
  python?: string | undefined
}

/** What an address of an archive may end with; a damaged one must not pass for none. */
const hashFragment = /^#sha256=([0-9a-f]{64})$/i

const isAddress = (text: string): boolean => /^https?:\/\//i.test(text) && URL.canParse(text)

/** What `--from` names. @throws GogepoError ERR_ARGUMENT */
export function sourceFrom(from: string): Source {
  if (isAddress(from)) {
    const fragment = from.includes('#') ? from.slice(from.indexOf('#')) : undefined
    if (fragment !== undefined && !hashFragment.test(fragment))
      throw new GogepoError(
        'ERR_ARGUMENT',
        `--from ends with "${quoted(fragment)}", but expected #sha256= and 64 hexadecimal digits. Complete the hash, or leave it out.`,
      )
    return { from: 'archive', url: from }
  }
  const path = resolve(from)
  if (!existsSync(path))
    throw new GogepoError(
      'ERR_ARGUMENT',
      `--from is ${from}, which does not exist. Name a wheel, a zip file, a folder of wheels, the folder of a LibTorch, or an http(s) address.`,
    )
  if (!statSync(path).isDirectory()) return { from: 'archive', url: pathToFileURL(path).href }
  if (readdirSync(path).some((name) => name.endsWith('.whl'))) return { from: 'folder', path }
  return { from: 'libtorch', path }
}

/** @throws GogepoError ERR_ARGUMENT */
export function mirrorAt(url: string): Source {
  if (isAddress(url)) return { from: 'mirror', url }
  throw new GogepoError(
    'ERR_ARGUMENT',
    `--mirror is ${url}, but it takes the http(s) address of a package index or of a folder of wheels. For a folder on this machine, use --from.`,
  )
}

/** Where a LibTorch comes from if nothing is named: from pip's index, whose wheels are pinned; without pip, from PyTorch. */
export function usualSource({ version, cuda }: PinnedLibtorch, kind: Kind, python?: string): Source {
  if (hasPip(python)) return { from: 'pip' }
  const build = kind === 'cpu' ? 'cpu' : cuda
  const file = `libtorch-shared-with-deps-${version}+${build}.zip`
  return { from: 'archive', url: `https://download.pytorch.org/libtorch/${build}/${encodeURIComponent(file)}` }
}

/** In words, for people. */
export function described(source: Source): string {
  if (source.from === 'pip') return 'pip’s package index'
  if (source.from === 'folder' || source.from === 'libtorch') return source.path
  return source.url.startsWith('file:') ? fileURLToPath(source.url) : withoutPassword(source.url)
}

/**
 * Opens a pinned wheel, which is downloaded into `folder` unless the source can be read piece by piece.
 * @param partly whether only a small part of it is wanted, and `place` which
 * @throws GogepoError ERR_DOWNLOAD, ERR_FILE, ERR_DISK_FULL, ERR_SETUP
 */
export async function openWheel(
  pin: Pin,
  source: Source & { from: 'pip' | 'mirror' | 'folder' },
  folder: string,
  partly: boolean,
  place: Placing,
  how: Fetching,
): Promise<Opened> {
  const { progress, signal, python } = how
  const what = `${pin.name} ${pin.version}`
  const transfer: Transfer = {
    // pip has parts of a wheel twice for a moment
    progress: (bytes, total = pin.bytes) => progress?.(what, Math.min(bytes, total ?? Infinity), total),
    signal,
  }
  if (source.from === 'mirror') {
    const url = await locate(source.url, pin, signal)
    if (partly && pin.list !== undefined && (pin.bytes ?? 0) > smallWheel) {
      const zip = await openPart(url, what, folder, place, how)
      if (zip) return { what, zip, listHash: pin.list }
    }
    await download(url, join(folder, pin.file), pin.sha256, transfer)
    return { what, zip: await openZip(join(folder, pin.file)) }
  }
  const here = join(source.from === 'folder' ? source.path : folder, pin.file)
  if (source.from === 'folder') {
    if (!existsSync(here))
      throw new GogepoError('ERR_SETUP', `${source.path} does not contain ${pin.file}. Put it there, or ${elsewhere}`)
    const got = hashFile(here)
    if (got !== pin.sha256) throw notPinned(here, pin.sha256, got)
  } else if (!existsSync(here) || hashFile(here) !== pin.sha256) await pipDownload(pin, folder, transfer, python)
  return { what, zip: await openZip(here) }
}

const notPinned = (path: string, expected: string, got: string): GogepoError =>
  new GogepoError(
    'ERR_DOWNLOAD',
    `${path} is not the pinned wheel: its SHA-256 is ${got} instead of ${expected}. Replace it, or name this one file with --from if you trust it.`,
  )

/** Bytes of a wheel that is better downloaded as a whole. */
const smallWheel = 50e6

/** Undefined where the server sends whole files only. */
async function openPart(
  url: string,
  what: string,
  folder: string,
  place: Placing,
  { progress, signal }: Fetching,
): Promise<Zip | undefined> {
  let bytes = 0
  let total: number | undefined
  const arrived = (more: number): void => {
    bytes += more
    progress?.(what, bytes, total === undefined ? undefined : Math.max(total, bytes))
  }
  const zip = await openRemoteZip(url, folder, arrived, signal)
  total = bytes
  for (const [name, { packed }] of zip?.files ?? []) if (place(name) !== undefined) total += packed
  return zip
}

/**
 * Opens an archive by its address, which may end with `#sha256=<hash>`.
 * @throws GogepoError ERR_DOWNLOAD, ERR_FILE, ERR_DISK_FULL
 */
export async function openArchive(
  address: string,
  folder: string,
  partly: boolean,
  place: Placing,
  how: Fetching,
): Promise<Opened> {
  const { progress, signal } = how
  const url = new URL(address)
  const sha256 = hashFragment.exec(url.hash)?.[1]?.toLowerCase()
  const what = decoded(basename(url.pathname))
  if (url.protocol === 'file:') return { what, zip: await openZip(fileURLToPath(url)) }
  url.hash = ''
  if (partly && sha256 === undefined) {
    const zip = await openPart(url.href, what, folder, place, how)
    if (zip) return { what, zip }
  }
  const path = join(folder, what)
  await download(url.href, path, sha256, { progress: (bytes, total) => progress?.(what, bytes, total), signal })
  return { what, zip: await openZip(path) }
}

/**
 * Opens a wheel that the archive at `address` needs as well: one beside it, otherwise pip's.
 * @throws GogepoError ERR_DOWNLOAD, ERR_FILE, ERR_DISK_FULL, ERR_SETUP
 */
export async function openBeside(
  address: string,
  pin: Pin,
  folder: string,
  place: Placing,
  how: Fetching,
): Promise<Opened> {
  const url = new URL(address)
  try {
    if (url.protocol !== 'file:') {
      const mirror = new URL('.', url).href
      return await openWheel(pin, { from: 'mirror', url: mirror }, folder, false, place, how)
    }
    const path = dirname(fileURLToPath(url))
    if (existsSync(join(path, pin.file)))
      return await openWheel(pin, { from: 'folder', path }, folder, false, place, how)
  } catch (error) {
    if (!(error instanceof HttpError)) throw error
  }
  if (hasPip(how.python)) return openWheel(pin, { from: 'pip' }, folder, false, place, how)
  throw new GogepoError(
    'ERR_SETUP',
    `${described({ from: 'archive', url: address })} needs ${pin.file} as well, which is not beside it. Put it there; the same command with --dry-run lists all wheels.`,
  )
}
