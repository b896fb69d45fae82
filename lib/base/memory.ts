/** Rejects allocations that would not fit: Linux overcommits memory and would kill the process later. */
import { GogepoError } from './errors.js'
import { formatBytes } from './words.js'

const unchecked = 1 << 28 // bytes; asking the system takes longer than most calls

/**
 * @param what what needs the memory, a plural noun
 * @param remedy what to do instead, a sentence
 * @throws GogepoError ERR_MEMORY
 */
export function requireMemory(bytes: number, what: string, remedy: string): void {
  if (bytes <= unchecked) return
  const available = process.availableMemory()
  if (!(bytes <= available))
    throw new GogepoError(
      'ERR_MEMORY',
      `${what} need ${formatBytes(bytes)}, but only ${formatBytes(available)} are free. ${remedy}`,
    )
}
