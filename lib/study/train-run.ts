/** Trains one run of a study in this process: from the start, or from where it is. */
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { cpuSeconds } from '../base/cpus.js'
import { GogepoError } from '../base/errors.js'
import { readTaskOptions } from '../env/task-options.js'
import type { Reporter } from '../report/reporter.js'
import type { Compute } from '../run/compute.js'
import { resumeRun } from '../run/resume.js'
import { startRun, type RunResult } from '../run/start.js'
import type { TrainEvent } from '../train/events.js'
import type { StudyFolder } from './folder.js'
import { sweeps, type PlannedRun } from './plan.js'
import { saveSweep } from './sweeps.js'

/** What happens to a run while it is trained. */
export type TrainingEvent =
  | { type: 'started'; resumed: boolean; steps: number }
  | { type: 'progress'; steps: number; seconds: number; cpuSeconds: number; best: number }
  | { type: 'evaluated'; steps: number; mean: number }

/** How its training ended. */
export type TrainingEnd =
  | { type: 'finished'; steps: number; seconds: number; mean: number | null }
  | { type: 'interrupted'; steps: number }
  | { type: 'failed'; code: string; message: string }

const often = 250 // milliseconds between reports of progress
const recorded = 10_000 // milliseconds between records of CPU time: what a killed process has used is known up to this

/** Trains, sweeps if the study says so, and records CPU time and failure. Throws nothing about the run itself. */
export async function trainPlanned(
  folder: StudyFolder,
  planned: PlannedRun,
  { signal, onEvent, ...compute }: Compute & { signal: AbortSignal; onEvent: (event: TrainingEvent) => void },
): Promise<TrainingEnd> {
  const run = folder.folderOf(planned)
  const before = folder.recordOf(planned).cpuSeconds
  const start = cpuSeconds()
  const spent = (): number => cpuSeconds() - start
  const resumed = existsSync(join(run, 'config.json'))
  let [shownAt, recordedAt] = [-Infinity, performance.now()]
  const reporter: Reporter = {
    start: ({ steps }) => onEvent({ type: 'started', resumed, steps }),
    event: (event: TrainEvent) => {
      const now = performance.now()
      if (event.type === 'evaluation') onEvent({ type: 'evaluated', steps: event.steps, mean: event.mean })
      if (now - recordedAt >= recorded) {
        recordedAt = now
        folder.record(planned, { cpuSeconds: before + spent() })
      }
      if (event.type !== 'episode' || now - shownAt < often) return
      shownAt = now
      const { steps, seconds, best } = event
      onEvent({ type: 'progress', steps, seconds, best, cpuSeconds: spent() })
    },
    end: () => {},
  }
  try {
    const result = await train(folder, planned, resumed, { ...compute, signal, reporters: [reporter] })
    const swept = sweeps(folder.plan, planned.variant)
    const interrupted = result.interrupted || (swept && signal.aborted)
    if (swept && !interrupted) await saveSweep(run, compute)
    folder.record(planned, { cpuSeconds: before + spent() })
    const { steps, seconds, lastEvaluation } = result
    return interrupted
      ? { type: 'interrupted', steps }
      : { type: 'finished', steps, seconds, mean: lastEvaluation?.mean ?? null }
  } catch (error) {
    const code = error instanceof GogepoError ? error.code : 'ERR_FILE'
    const known = error instanceof GogepoError || (error as NodeJS.ErrnoException).syscall !== undefined
    const message = known ? (error as Error).message : ((error as Error).stack ?? String(error))
    folder.recordFailure(planned, { cpuSeconds: before + spent(), error: { code, message } })
    return { type: 'failed', code, message }
  }
}

function train(
  folder: StudyFolder,
  planned: PlannedRun,
  resumed: boolean,
  options: Compute & { signal: AbortSignal; reporters: readonly Reporter[] },
): Promise<RunResult> {
  const { task, variant, seed } = planned
  const run = folder.folderOf(planned)
  const budget = { steps: task.steps, stopAt: task.stopAtThreshold ? (task.threshold ?? undefined) : undefined }
  if (resumed) return resumeRun(run, { ...options, ...budget })
  const { algorithm, preset, settings, control } = variant
  const given = { id: task.id, options: readTaskOptions(task.options) }
  return startRun({ ...options, ...budget, run, task: given, algorithm, preset, settings, control, seed })
}
