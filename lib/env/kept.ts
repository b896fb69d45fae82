/** Waiting for what a user's code has promised. */
import { GogepoError } from '../errors.js'

const waiting = new Set<() => void>()
const tellAll = (): void => {
  for (const tell of waiting) tell()
}

/**
 * Where nothing is left that could settle the promise, Node would end the process without a word: that is an error here.
 * @param who begins the message
 * @throws GogepoError ERR_ENVIRONMENT, and what the promise rejects with
 */
export async function kept<T>(promise: Promise<T>, who: string): Promise<T> {
  let tell!: () => void
  const never = new Promise<never>((_, reject) => {
    tell = () =>
      reject(
        new GogepoError(
          'ERR_ENVIRONMENT',
          `${who} gave a promise that nothing can settle any more: no timer, request or file is open. Look for a callback that is never called, or an await of something that was never begun.`,
        ),
      )
  })
  if (waiting.add(tell).size === 1) process.on('beforeExit', tellAll)
  try {
    return await Promise.race([promise, never])
  } finally {
    waiting.delete(tell)
    if (waiting.size === 0) process.off('beforeExit', tellAll)
  }
}
