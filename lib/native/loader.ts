/** The one addon that Node opens by itself: it opens libraries by path, and locks files with the kernel's locks. */
import { createRequire } from 'node:module'
import { fileURLToPath } from 'node:url'
import { GogepoError } from '../base/errors.js'
import { setupCommand } from '../install/libtorch.js'

/** What native/loader exports. */
export interface Loader {
  open(paths: string[]): void
  mapped(name: string): string[]
  lock(path: string): number
  unlock(lock: number): void
}

const root = fileURLToPath(new URL('../..', import.meta.url))
const require = createRequire(import.meta.url)

/** The loader, from a build or from the package. @throws GogepoError ERR_ADDON */
export function openLoader(): { loader: Loader; path: string } {
  const path = findLoader()
  return { path, loader: attempt(`The addon ${path} cannot be opened`, () => require(path) as Loader) }
}

/** An exclusive lock on a file, made when it is not there; undefined when another process has it. It dies with its holder. */
export function lockFile(path: string): number | undefined {
  const { loader } = openLoader()
  let lock: number
  try {
    lock = loader.lock(path)
  } catch (cause) {
    throw new GogepoError('ERR_RUN', `${path} cannot be locked: ${(cause as Error).message}.`, { cause })
  }
  return lock < 0 ? undefined : lock
}
export const unlockFile = (lock: number): void => openLoader().loader.unlock(lock)

/** Where the loader lies; nothing is opened. @throws GogepoError ERR_ADDON */
export function findLoader(): string {
  const find = require('node-gyp-build') as { path(folder: string): string }
  try {
    return find.path(root)
  } catch (cause) {
    throw new GogepoError(
      'ERR_ADDON',
      `There is no addon of gogepo for ${process.platform} ${process.arch} in ${root}. In a clone build it with: npm run setup`,
      { cause },
    )
  }
}

/** Opens an addon or libraries; what goes wrong is said with its fix. */
export function attempt<T>(failure: string, open: () => T): T {
  try {
    return open()
  } catch (cause) {
    const disabled = (cause as NodeJS.ErrnoException).code === 'ERR_DLOPEN_DISABLED'
    const fix = disabled
      ? 'Start Node without --no-addons and with --allow-addons where it has a permission model.'
      : `Set up again with: ${setupCommand}`
    throw new GogepoError('ERR_ADDON', `${failure}: ${(cause as Error).message.replace(/\.$/, '')}. ${fix}`, { cause })
  }
}
