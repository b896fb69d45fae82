/**
 * The process of one run of a study. It trains what its first message says and reports to the study's process. When
 * that asks it to stop, or has died, it finishes its iteration and saves.
 */
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { GogepoError } from '../base/errors.js'
import { readTaskOptions } from '../env/task-options.js'
import type { Reporter } from '../report/reporter.js'
import { resumeRun } from '../run/resume.js'
import { startRun, type RunResult, type StartOptions } from '../run/start.js'
import type { TrainEvent } from '../train/events.js'
import { saveSweep } from './sweeps.js'

/** What the study's process asks for. */
export type ToWorker = { type: 'train'; job: Job } | { type: 'stop' }

/** A run to start, or to resume if its folder is there. */
export interface Job extends Pick<StartOptions, 'device' | 'threads' | 'torchThreads' | 'python' | 'settings'> {
  run: string
  task: string
  /** As JSON holds them. */
  taskOptions: Readonly<Record<string, unknown>>
  algorithm: string
  preset: string
  control: boolean
  seed: number
  steps: number
  stopAt: number | undefined
  /** Whether it is swept at its end. */
  sweep: boolean
}

/** What it reports. */
export type FromWorker =
  | { type: 'started'; resumed: boolean; steps: number }
  | { type: 'progress'; steps: number; seconds: number; cpuSeconds: number; best: number }
  | { type: 'evaluated'; steps: number; mean: number }
  | { type: 'ended'; result: RunResult; cpuSeconds: number }
  | { type: 'failed'; code: string; message: string; cpuSeconds: number }

const often = 250 // milliseconds between reports of progress

if (process.send !== undefined) listen()

function listen(): void {
  const stop = new AbortController()
  // A terminal sends signals to the whole group: the study's process decides what they mean.
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP', 'SIGUSR1', 'SIGUSR2'] as const) process.on(signal, () => {})
  process.on('disconnect', () => (stop.signal.aborted ? process.exit(130) : stop.abort()))
  process.on('message', (message: ToWorker) => {
    if (message.type === 'stop') stop.abort()
    else void work(message.job, stop.signal).then(() => process.connected && process.disconnect())
  })
}

async function work(job: Job, signal: AbortSignal): Promise<void> {
  const started = process.cpuUsage()
  const cpuSeconds = (): number => {
    const { user, system } = process.cpuUsage(started)
    return (user + system) / 1e6
  }
  const resumed = existsSync(join(job.run, 'config.json'))
  let shownAt = -Infinity
  const reporter: Reporter = {
    start: ({ steps }) => send({ type: 'started', resumed, steps }),
    event: (event: TrainEvent) => {
      if (event.type === 'evaluation') send({ type: 'evaluated', steps: event.steps, mean: event.mean })
      if (event.type !== 'episode' || performance.now() - shownAt < often) return
      shownAt = performance.now()
      const { steps, seconds, best } = event
      send({ type: 'progress', steps, seconds, best, cpuSeconds: cpuSeconds() })
    },
    end: () => {},
  }
  try {
    const { run, task, taskOptions, algorithm, preset, control, seed, settings, sweep, ...rest } = job
    const options = { ...rest, signal, reporters: [reporter] }
    const result = resumed
      ? await resumeRun(run, options)
      : await startRun({
          ...options,
          run,
          task: { id: task, options: readTaskOptions(taskOptions) },
          algorithm,
          preset,
          control,
          seed,
          settings,
        })
    const interrupted = result.interrupted || (sweep && signal.aborted)
    const { device, python, threads, torchThreads } = job
    if (sweep && !interrupted) await saveSweep(run, { device, python, threads, torchThreads })
    send({ type: 'ended', result: { ...result, interrupted }, cpuSeconds: cpuSeconds() })
  } catch (error) {
    const code = error instanceof GogepoError ? error.code : 'ERR_FILE'
    const known = error instanceof GogepoError || (error as NodeJS.ErrnoException).syscall !== undefined
    const message = known ? (error as Error).message : ((error as Error).stack ?? String(error))
    send({ type: 'failed', code, message, cpuSeconds: cpuSeconds() })
  }
}

function send(message: FromWorker): void {
  // After the study's process has died, nobody listens, and the run is only saved.
  if (process.connected) process.send?.(message, undefined, undefined, () => {})
}
