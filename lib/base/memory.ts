/** Rejects allocations that would not fit: Linux overcommits memory and would kill the process later. */
import { totalmem } from 'node:os'
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

/**
 * For what grows during a run, so that the memory that is free now decides nothing: only what this machine can never hold is rejected.
 * @param what what needs the memory, a singular noun
 * @throws GogepoError ERR_MEMORY
 */
export function requireEverPossible(bytes: number, what: string, remedy: string): void {
  const most = Math.min(totalmem(), process.constrainedMemory() || Infinity)
  if (bytes > most)
    throw new GogepoError(
      'ERR_MEMORY',
      `${what} needs ${formatBytes(bytes)} once it is full, but this machine has ${formatBytes(most)}. ${remedy}`,
    )
}
