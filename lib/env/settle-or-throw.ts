/** Waits for promises of a user's code. */
import { GogepoError } from '../base/errors.js'

const waiting = new Set<() => void>()
const rejectAll = (): void => {
  for (const reject of waiting) reject()
}

/**
 * Waits for a promise, or throws if it can never settle; otherwise Node exits silently once the event loop is empty.
 * @param who begins the message
 * @throws GogepoError ERR_ENVIRONMENT, and what the promise rejects with
 */
export async function settleOrThrow<T>(promise: Promise<T>, who: string): Promise<T> {
  let giveUp!: () => void
  const never = new Promise<never>((_, reject) => {
    giveUp = () =>
      reject(
        new GogepoError(
          'ERR_ENVIRONMENT',
          `${who} returned a promise that can never settle: no timer, request or file is open any more. Look for a callback that is never called, or an await of something that was never started.`,
        ),
      )
  })
  if (waiting.add(giveUp).size === 1) process.on('beforeExit', rejectAll)
  try {
    return await Promise.race([promise, never])
  } finally {
    waiting.delete(giveUp)
    if (waiting.size === 0) process.off('beforeExit', rejectAll)
  }
}
