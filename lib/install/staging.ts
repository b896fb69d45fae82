/** The folder in which an installation grows, beside its target, and what earlier ones left behind. */
import { createHash } from 'node:crypto'
import { existsSync, readdirSync, renameSync, rmSync, statfsSync, statSync } from 'node:fs'
import { hostname } from 'node:os'
import { dirname, join } from 'node:path'
import { GogepoError } from '../base/errors.js'
import { isDiskFull, makeFolder, writeError } from '../base/files.js'
import { formatBytes } from '../base/words.js'

const mine = `.part-${hostname()}-`
const abandonedAfter = 24 * 3600_000 // milliseconds, on another machine that uses the same disk

/**
 * The folder for one installation. It outlives a process that is killed, and the next one of the same content continues
 * in it. Call it under the lock: every other one of this machine is a leftover, and is removed.
 * @param content what is being installed from where, in any words
 * @throws GogepoError ERR_FILE
 */
export function openStaging(parent: string, content: string): string {
  const name = `${mine}${createHash('sha256').update(content).digest('hex').slice(0, 12)}`
  makeFolder(parent, unwritable)
  removeLeftovers(parent, name)
  makeFolder(join(parent, name, 'wheels'), unwritable)
  return join(parent, name)
}

/** @param except the folder that is in use */
export function removeLeftovers(parent: string, except?: string): void {
  if (!existsSync(parent)) return
  for (const name of readdirSync(parent).filter((entry) => entry.startsWith('.part-') && entry !== except)) {
    const old = Date.now() - statSync(join(parent, name)).mtimeMs > abandonedAfter
    if (name.startsWith(mine) || old)
      writing(parent, () => rmSync(join(parent, name), { recursive: true, force: true }))
  }
}

/** Moves what was unpacked to the target, whatever is there, and removes the staging folder. @throws GogepoError ERR_FILE */
export function finish(staging: string, unpacked: string, target: string): void {
  writing(target, () => {
    if (existsSync(target)) renameSync(target, join(staging, 'replaced'))
    renameSync(unpacked, target)
    rmSync(staging, { recursive: true, force: true })
  })
}

/** Runs what writes into a folder. @throws GogepoError ERR_FILE, ERR_DISK_FULL */
function writing<T>(folder: string, write: () => T): T {
  try {
    return write()
  } catch (error) {
    throw unwritable(error, folder)
  }
}

/** What could not be written, why, and where else it could go. */
export const unwritable = (error: unknown, path: string): GogepoError =>
  writeError(
    error,
    path,
    `${isDiskFull(error) ? 'Free some space' : 'Make it writable'}, set GOGEPO_CACHE to a folder elsewhere, or name one with --dir.`,
  )

/** @throws GogepoError ERR_DISK_FULL */
export function requireSpace(folder: string, needed: number, what: string): void {
  let existing = folder
  while (!existsSync(existing)) existing = dirname(existing)
  const { bavail, bsize } = statfsSync(existing)
  const free = bavail * bsize
  if (free < needed)
    throw new GogepoError(
      'ERR_DISK_FULL',
      `There is not enough space for ${what} in ${folder}: it needs ${formatBytes(needed)}, but only ${formatBytes(free)} are free. Free some space, set GOGEPO_CACHE to a folder elsewhere, or name one with --dir.`,
    )
}
