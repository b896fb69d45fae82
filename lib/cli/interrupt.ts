/** Signals that end a run: it is saved first. */
import { readFileSync, readlinkSync } from 'node:fs'
import { join } from 'node:path'
import { GogepoError } from '../base/errors.js'
import { endStarting, watchStarting } from '../env/python-worker.js'

/** Two signals closer together than this are one Ctrl-C: npm forwards to its child what the terminal has already sent to both. */
const oneKeypress = 300 // milliseconds

/** Terminals, supervisors and job schedulers stop a process with these; Slurm sends USR1 before a preemption. */
const signals = ['SIGINT', 'SIGTERM', 'SIGHUP', 'SIGUSR1', 'SIGUSR2'] as const

/** Stops the work in progress, as Ctrl-C does; nothing where there is none. */
let stopWork: (() => void) | undefined

/** Asks the work in progress to save and stop. @returns whether there is any */
export function interruptWork(): boolean {
  stopWork?.()
  return stopWork !== undefined
}

/**
 * The first signal asks to stop after the current iteration; the second stops at once. Work that has nothing to save may throw the
 * reason of its own signal.
 */
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
    controller.abort(new GogepoError('ERR_INTERRUPTED', 'Interrupted. Run the same command again.'))
    people.write('\nFinishing the current iteration and saving. Interrupt again to stop at once.\n')
  }
  // A listener for SIGUSR1 also keeps Node from opening its debugger.
  const ignore = (): void => {}
  const onHangup = isUnderNohup() ? ignore : stop
  const listeners = signals.map((signal) => [signal, signal === 'SIGHUP' ? onHangup : stop] as const)
  for (const [signal, listener] of listeners) process.on(signal, listener)
  stopWork = stop
  try {
    return await work(controller.signal)
  } finally {
    stopWork = undefined
    for (const [signal, listener] of listeners) process.off(signal, listener)
  }
}

/**
 * Whether SIGHUP was ignored when this process started, as nohup has it. That itself cannot be seen any more, since Node
 * resets all signals when it starts. What can be seen: the shell's own note of the command, the parent that ignores it
 * too, and what nohup makes of a terminal: standard input is /dev/null opened for writing only, outputs are nohup.out.
 */
export function isUnderNohup(env = process.env, proc = '/proc'): boolean {
  if (/(^|\/)nohup$/.test(env['_'] ?? '')) return true
  const read = (path: string): string => attempt(() => readFileSync(join(proc, path), 'utf8')) ?? ''
  const file = (descriptor: number): string => attempt(() => readlinkSync(join(proc, `self/fd/${descriptor}`))) ?? ''
  const flags = /^flags:\s*([0-7]+)$/m.exec(read('self/fdinfo/0'))?.[1] ?? '0'
  const writeOnly = (Number.parseInt(flags, 8) & 3) === 1
  if (writeOnly && file(0) === '/dev/null') return true
  if ([1, 2].some((descriptor) => /\/nohup\.out$/.test(file(descriptor)))) return true
  const ignored = /^SigIgn:\s*([\da-f]+)$/m.exec(read(`${process.ppid}/status`))?.[1] ?? '0'
  return (BigInt(`0x${ignored}`) & 1n) === 1n // the lowest bit is signal 1, SIGHUP
}

function attempt<T>(read: () => T): T | undefined {
  try {
    return read()
  } catch {
    return undefined
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

/**
 * Signals that end this process also end what was started as a Python interpreter and does not run the script yet. Only
 * meanwhile are there listeners: where there are any, a task that never returns could not be stopped by Ctrl-C.
 */
export function endChildrenOnSignals(): void {
  const own = ['SIGINT', 'SIGTERM', 'SIGHUP', 'SIGUSR2'] as const
  const end = (signal: NodeJS.Signals): void => {
    if (process.listenerCount(signal) > 1) return // it saves something first
    endStarting() // and with the last of them this listener goes
    process.kill(process.pid, signal)
  }
  watchStarting((some) => {
    for (const signal of own) process[some ? 'on' : 'off'](signal, end)
  })
}
