/** Signals that end a run: it is saved first. */
import { readFileSync, readlinkSync } from 'node:fs'

/** Two signals closer together than this are one Ctrl-C: npm forwards to its child what the terminal has already sent to both. */
const oneKeypress = 300 // milliseconds

/** Terminals, supervisors and job schedulers stop a process with these; Slurm sends USR1 before a preemption. */
const signals = ['SIGINT', 'SIGTERM', 'SIGHUP', 'SIGUSR1', 'SIGUSR2'] as const

/** The first signal asks to stop after the current iteration; the second stops at once. */
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
    people.write('\nFinishing the current iteration and saving. Interrupt again to stop at once.\n')
  }
  // A listener for SIGUSR1 also keeps Node from opening its debugger.
  const ignore = (): void => {}
  const onHangup = isUnderNohup() ? ignore : stop
  const listeners = signals.map((signal) => [signal, signal === 'SIGHUP' ? onHangup : stop] as const)
  for (const [signal, listener] of listeners) process.on(signal, listener)
  try {
    return await work(controller.signal)
  } finally {
    for (const [signal, listener] of listeners) process.off(signal, listener)
  }
}

/**
 * Whether nohup started this process in a terminal. That SIGHUP is ignored cannot be seen any more: Node resets all signals when it
 * starts. But nohup also replaces the terminal as standard input, by /dev/null opened for writing only.
 */
function isUnderNohup(): boolean {
  try {
    const flags = /^flags:\s*([0-7]+)$/m.exec(readFileSync('/proc/self/fdinfo/0', 'utf8'))?.[1] ?? '0'
    const writeOnly = (Number.parseInt(flags, 8) & 3) === 1
    return writeOnly && readlinkSync('/proc/self/fd/0') === '/dev/null'
  } catch {
    return false
  }
}

/**
 * Work that a signal ends at once: its own signal is aborted, what it has done so far stays for the next time, and the
 * process ends with the code 130.
 */
export async function stoppable<T>(work: (signal: AbortSignal) => Promise<T>): Promise<T> {
  const controller = new AbortController()
  const stop = (): void => controller.abort()
  for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(name, stop)
  try {
    return await work(controller.signal)
  } catch (error) {
    if (!controller.signal.aborted) throw error
    process.stderr.write('Interrupted. Run the same command again to continue.\n')
    return process.exit(130)
  } finally {
    for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.off(name, stop)
  }
}
