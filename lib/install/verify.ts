/** Compares an installed LibTorch with its list of files. */
import { existsSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { GogepoError } from '../base/errors.js'
import { hashFile } from '../base/files.js'
import { replacementFor } from './cache.js'
import type { Libtorch } from './libtorch.js'
import { recordOf } from './record.js'

export interface Verified {
  /** The number of files that were compared, and their bytes. */
  files: number
  bytes: number
}

/**
 * @param progress called with the bytes that were compared, and how many there are
 * @throws GogepoError ERR_LIBTORCH_DAMAGED
 */
export function verify({ folder, version }: Libtorch, progress?: (bytes: number, total: number) => void): Verified {
  const list = recordOf(folder)
  if (list === undefined)
    throw new GogepoError(
      'ERR_LIBTORCH_DAMAGED',
      `LibTorch ${version} in ${folder} has no list of its files to compare with. Install it anew with: gogepo setup`,
    )
  // A Python environment’s list has thousands of other files.
  const files = [...list.record].filter(
    ([path]) => existsSync(join(list.root, 'RECORD')) || /\/lib\/[^/]*\.so/.test(path),
  )
  const total = files.reduce((sum, [, { size }]) => sum + size, 0)
  let bytes = 0
  for (const [path, { sha256, size }] of files) {
    const file = join(list.root, path)
    const problem = !existsSync(file)
      ? 'it is missing'
      : statSync(file).size !== size
        ? `it has ${statSync(file).size} bytes instead of ${size}`
        : Buffer.from(hashFile(file), 'hex').toString('base64url') !== sha256
          ? 'its SHA-256 is not the one in the list'
          : undefined
    if (problem !== undefined)
      throw new GogepoError(
        'ERR_LIBTORCH_DAMAGED',
        `${file} is damaged: ${problem}. ${replacementFor(folder, 'GOGEPO_LIBTORCH')}`,
      )
    progress?.((bytes += size), total)
  }
  return { files: files.length, bytes }
}
