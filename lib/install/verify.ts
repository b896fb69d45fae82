/** Whether the files of a LibTorch are whole. */
import { existsSync, readdirSync, statSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { GogepoError } from '../base/errors.js'
import { hashFile } from '../base/files.js'
import { replacementFor } from './cache.js'
import { ofWheel } from './layouts.js'
import type { Libtorch } from './libtorch.js'
import { recordOf, sizeProblem } from './record.js'

/**
 * What is wrong with the libraries that are opened in any case, of LibTorch and of the CUDA runtime; undefined if nothing
 * is. The system opens all of them at once, and would say of a damaged one no more than a signal does.
 */
export function damage({ folder }: Libtorch): string | undefined {
  const root = dirname(folder)
  const needed = ofWheel('cpu')
  const libraries = new Set<string>()
  for (const [at, inWheel] of [
    [join(folder, 'lib'), 'torch/lib'],
    [join(root, 'nvidia', 'cu13', 'lib'), 'nvidia/cu13/lib'],
  ] as const)
    for (const name of existsSync(at) ? readdirSync(at) : [])
      if (needed(`${inWheel}/${name}`) !== undefined) libraries.add(join(at, name))
  for (const path of recordOf(folder)?.record.keys() ?? [])
    if (/\.so/.test(path) && needed(path) !== undefined) libraries.add(join(root, path))
  for (const path of libraries) {
    let problem: string | undefined
    try {
      problem = existsSync(path) ? sizeProblem(folder, path) : 'it is missing'
    } catch (error) {
      problem = (error as Error).message // it may not be read, or is no file
    }
    if (problem !== undefined) return `${path} is damaged: ${problem}`
  }
  return undefined
}

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
      `LibTorch ${version} in ${folder} has no list of its files to compare with. To install one that has: npx gogepo setup --dir <folder>`,
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
