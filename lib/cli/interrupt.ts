/** Ctrl-C and SIGTERM: the first asks for an end after the episode, the second ends at once. */
export async function interruptible<T>(people: NodeJS.WriteStream, work: (signal: AbortSignal) => Promise<T>): Promise<T> {
  const controller = new AbortController()
  const stop = (): void => {
    if (controller.signal.aborted) process.exit(130)
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
