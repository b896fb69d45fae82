/** What cannot be held is refused before it is allocated: a system that promises more memory than it has ends the process later. */
import { GogepoError } from './errors.js'

const unnoticed = 1 << 28 // bytes that are not asked for: asking takes longer than most calls

/**
 * @param what in words, as what needs them, plural; `smaller`: what to do
 * @throws GogepoError ERR_MEMORY
 */
export function requireMemory(bytes: number, what: string, smaller: string): void {
  if (bytes <= unnoticed) return
  const available = process.availableMemory()
  if (!(bytes <= available))
    throw new GogepoError(
      'ERR_MEMORY',
      `${what} need ${gigabytes(bytes)}, and ${gigabytes(available)} are free. ${smaller}`,
    )
}

export const gigabytes = (bytes: number): string => `${(bytes / 1e9).toFixed(1)} GB`
