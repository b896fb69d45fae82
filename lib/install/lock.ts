/** One setup at a time for each folder. */
import { createHash } from 'node:crypto'
import { connect, createServer, type Socket } from 'node:net'

/**
 * Waits until this process is the only one that works in a folder, and returns how to end that. An abstract socket
 * leaves no file behind, and the kernel frees it when the process ends, however it ends.
 * @param waiting called once if another process is at work
 */
export async function lockFolder(folder: string, waiting: () => void, signal?: AbortSignal): Promise<() => void> {
  for (let said = false; ; said = true) {
    signal?.throwIfAborted()
    const unlock = await tryLock(folder)
    if (unlock) return unlock
    if (!said) waiting()
    // The other process never answers; the connection ends when it does.
    await new Promise<void>((settle) => {
      const socket = connect(socketOf(folder))
      socket
        .on('error', () => {})
        .on('close', () => settle())
        .resume()
      signal?.addEventListener('abort', () => socket.destroy(), { once: true })
    })
  }
}

/** As `lockFolder`, but undefined where another process is at work. */
export async function tryLock(folder: string): Promise<(() => void) | undefined> {
  const server = createServer()
  const error = await new Promise<NodeJS.ErrnoException | undefined>((settle) =>
    server.once('error', settle).listen(socketOf(folder), () => settle(undefined)),
  )
  if (error?.code === 'EADDRINUSE') return undefined
  if (error) throw error
  const waiters = new Set<Socket>()
  server.unref().on('connection', (socket) => waiters.add(socket.on('error', () => {})))
  return () => {
    server.close()
    for (const socket of waiters) socket.destroy()
  }
}

const socketOf = (folder: string): string =>
  `\0gogepo-setup-${createHash('sha256').update(folder).digest('hex').slice(0, 32)}`
