/** Two signals closer than this are one Ctrl-C: npm passes on to its child what the terminal has already sent to both. */
const oneKeypress = 300 // milliseconds

/** Ctrl-C and SIGTERM: the first asks for an end after the episode, the second ends at once. */
export async function interruptible<T>(
  people: NodeJS.WriteStream,
  work: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const controller = new AbortController()
  let asked = Infinity
  const stop = (): void => {
    if (performance.now() - asked > oneKeypress) process.exit(130)
    if (controller.signal.aborted) return
    asked = performance.now()
    controller.abort()
    people.write('\nFinishing the episode and saving; once more ends at once.\n')
  }
  process.on('SIGINT', stop).on('SIGTERM', stop)
  try {
    return await work(controller.signal)
  } finally {
    process.off('SIGINT', stop).off('SIGTERM', stop)
  }
}
