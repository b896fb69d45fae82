/** Runs a study: every run that has not finished in a child process of its own, several at a time. */
import { fork } from 'node:child_process'
import { extname } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { availableCpus } from '../base/cpus.js'
import type { Compute } from '../run/compute.js'
import type { StudyFolder } from './folder.js'
import type { PlannedRun } from './plan.js'
import type { TrainingEnd, TrainingEvent } from './train-run.js'
import type { FromWorker, ToWorker } from './worker.js'

/** What happens to the runs of a study. */
export type StudyEvent = { run: PlannedRun } & (TrainingEvent | TrainingEnd | { type: 'waiting' })

/** How to run it. */
export interface ExecuteOptions extends Pick<Compute, 'device' | 'python'> {
  /** Runs at a time. */
  jobs?: number | undefined
  signal?: AbortSignal
  onEvent?: (event: StudyEvent) => void
}

/** How many runs at a time, and how many threads each: together as many as there are CPUs. */
export function shareCpus(runs: number, asked?: number): { jobs: number; threads: number } {
  const cpus = availableCpus()
  const jobs = Math.max(1, Math.min(asked ?? cpus, runs))
  return { jobs, threads: Math.max(1, Math.floor(cpus / jobs)) }
}

const poll = 200 // milliseconds between looks at a run that another process is saving

/** Runs what has not finished. A run that fails is reported, and the others continue. The study must be claimed. */
export async function execute(folder: StudyFolder, options: ExecuteOptions = {}): Promise<void> {
  const { signal = new AbortController().signal, onEvent = () => {} } = options
  const queue = folder.runs().filter((run) => folder.statusOf(run).state !== 'finished')
  const { jobs, threads } = shareCpus(queue.length, options.jobs)
  const one = async (): Promise<void> => {
    for (let run = queue.shift(); run !== undefined && !signal.aborted; run = queue.shift()) {
      if (await free(folder, run, signal, () => onEvent({ run: run!, type: 'waiting' })))
        await trainRun(folder, run, threads, { ...options, signal, onEvent })
    }
  }
  await Promise.all(Array.from({ length: jobs }, one))
}

/**
 * Waits while another process has the run: one of a study that was killed still saves it.
 * @returns false when the signal came first
 */
export async function free(
  folder: StudyFolder,
  run: PlannedRun,
  signal: AbortSignal,
  onWaiting: () => void,
): Promise<boolean> {
  for (let waited = false; folder.statusOf(run).state === 'running'; waited = true) {
    if (!waited) onWaiting()
    await sleep(poll, undefined, { signal }).catch(() => {})
    if (signal.aborted) return false
  }
  return true
}

/** The child's own file: a module of TypeScript while this is one. */
const worker = fileURLToPath(new URL(`./worker${extname(import.meta.url)}`, import.meta.url))
const lastWords = 2000 // characters of standard error that are kept

function trainRun(
  folder: StudyFolder,
  run: PlannedRun,
  threads: number,
  { device, python, signal, onEvent }: ExecuteOptions & { signal: AbortSignal; onEvent: (event: StudyEvent) => void },
): Promise<void> {
  const child = fork(worker, [], { stdio: ['ignore', 'ignore', 'pipe', 'ipc'], serialization: 'advanced' })
  const post = (message: ToWorker): void => void (child.connected && child.send(message, () => {}))
  const stop = (): void => post({ type: 'stop' })
  signal.addEventListener('abort', stop)

  let words = ''
  child.stderr!.setEncoding('utf8').on('data', (text: string) => (words = (words + text).slice(-lastWords)))
  let end: TrainingEnd | undefined
  child.on('message', (message: FromWorker) => {
    if (message.type === 'finished' || message.type === 'interrupted' || message.type === 'failed') end = message
    else onEvent({ run, ...message })
  })
  const compute = { device, python, threads, torchThreads: threads }
  post({ type: 'train', folder: folder.path, run: run.name, compute })

  return new Promise((resolve) => {
    let failure: string | undefined
    child.on('error', (error) => (failure = error.message)) // it could not be started
    child.on('close', (code, killedBy) => {
      signal.removeEventListener('abort', stop)
      if (end === undefined) {
        failure ??= `its process ended with ${killedBy ?? `exit code ${code}`}. ${words.trim()}`.trim()
        end = { type: 'failed', code: 'ERR_RUN', message: failure }
      }
      if (end.type === 'failed') {
        const record = folder.recordOf(run)
        if (record.error === undefined)
          folder.recordFailure(run, { ...record, error: { code: end.code, message: end.message } })
      }
      onEvent({ run, ...end })
      resolve()
    })
  })
}
