/**
 * The small addon that Node opens first: it opens shared libraries by path, and locks files with the kernel's locks.
 */
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { GogepoError } from '../base/errors.js'
import { isDiskFull, writeError } from '../base/files.js'
import { isClone } from '../base/package.js'
import { binariesFolder } from '../install/binaries.js'
import { refuseMachine } from '../install/machine.js'

/** What native/loader exports. */
export interface Loader {
  /** Opens libraries in order, for the rest of the process. Throws the system's reason. */
  open(paths: string[]): void
  /** The paths under which a library of this file name is mapped into the process. */
  mapped(name: string): string[]
  /** Whether the CPU has AVX, which MuJoCo's library uses. */
  hasAvx(): boolean
  /** A handle of the lock; negative when another process holds it. */
  lock(path: string): number
  unlock(lock: number): void
}

const rebuild = isClone ? 'Rebuild it with: npm run build' : 'Reinstall gogepo.'

let loader: Loader | undefined

/** Opens the loader, from a local build or from the package. @throws GogepoError ERR_ADDON, ERR_PLATFORM, ERR_GLIBC */
export function openLoader(): { loader: Loader; path: string } {
  const path = findLoader()
  loader ??= attempt(`The addon ${path} cannot be opened`, () => {
    const module = { exports: {} }
    process.dlopen(module, path)
    return module.exports as Loader
  })
  return { path, loader }
}

/**
 * Takes an exclusive lock on a file, which is created if necessary; undefined when another process holds it. The kernel
 * releases the lock when its process dies.
 */
export function lockFile(path: string): number | undefined {
  const { loader } = openLoader()
  let lock: number
  try {
    lock = loader.lock(path)
  } catch (cause) {
    if (isDiskFull(cause)) throw writeError(cause, path)
    throw new GogepoError('ERR_RUN', `${path} cannot be locked: ${(cause as Error).message}.`, { cause })
  }
  return lock < 0 ? undefined : lock
}
export const unlockFile = (lock: number): void => openLoader().loader.unlock(lock)

/** The loader's path; nothing is opened. @throws GogepoError ERR_ADDON, ERR_PLATFORM, ERR_GLIBC */
export function findLoader(): string {
  refuseMachine()
  const path = join(binariesFolder(), 'gogepo.node')
  if (existsSync(path)) return path
  throw new GogepoError(
    'ERR_ADDON',
    `The addon ${path} is missing. ${isClone ? 'Build it with: npm run setup' : 'Reinstall gogepo.'}`,
  )
}

/**
 * Opens an addon or libraries.
 * @param fix what to do when that fails, a sentence
 * @throws GogepoError ERR_ADDON
 */
export function attempt<T>(failure: string, open: () => T, fix = rebuild): T {
  try {
    return open()
  } catch (cause) {
    const disabled = (cause as NodeJS.ErrnoException).code === 'ERR_DLOPEN_DISABLED'
    const allow = 'Start Node without --no-addons, and with --allow-addons if its permission model is on.'
    const reason = (cause as Error).message.replace(/\.$/, '')
    throw new GogepoError('ERR_ADDON', `${failure}: ${reason}. ${disabled ? allow : fix}`, { cause })
  }
}
