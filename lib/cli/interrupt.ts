/** Signals that end a run: it is saved first. */
import { readFileSync } from 'node:fs'

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
  // Under nohup SIGHUP is ignored, and stays so. A listener for SIGUSR1 keeps Node from opening its debugger.
  const own = signals.filter((signal) => signal !== 'SIGHUP' || !ignoresHangup())
  for (const signal of own) process.on(signal, stop)
  try {
    return await work(controller.signal)
  } finally {
    for (const signal of own) process.off(signal, stop)
  }
}

/** Whether this process was started with SIGHUP ignored, as nohup does. */
function ignoresHangup(): boolean {
  try {
    const mask = /^SigIgn:\s*([0-9a-f]+)$/m.exec(readFileSync('/proc/self/status', 'utf8'))?.[1] ?? '0'
    return (Number.parseInt(mask.slice(-1), 16) & 1) === 1 // SIGHUP is signal 1
  } catch {
    return false
  }
}
