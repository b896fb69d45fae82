/** What the rest of a study is expected to cost, from its own runs so far, or from a moment of training. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { cpuSeconds } from '../base/cpus.js'
import { GogepoError, type GogepoErrorCode } from '../base/errors.js'
import type { Compute } from '../run/compute.js'
import { execute } from './execute.js'
import { StudyFolder, type RunStatus } from './folder.js'
import { sweeps, type PlannedTask, type PlannedVariant } from './plan.js'
import { saveSweep } from './sweeps.js'

/** The runs of one variant on one task that have not finished. */
export interface Cost {
  task: string
  variant: string
  runs: number
  /** Steps that they have still to do, together. */
  steps: number
  cpuSecondsPerStep: number
  cpuHours: number
  measuredBy: 'its runs so far' | 'a trial'
}

const enough = 20 // CPU seconds of runs that make a trial unnecessary

/**
 * One entry for each variant and task with something left to do.
 * @throws GogepoError what a trial throws
 */
export async function expectedCost(
  folder: StudyFolder,
  options: Pick<Compute, 'device' | 'python'> & { signal: AbortSignal },
): Promise<Cost[]> {
  const statuses = folder.status()
  const costs: Cost[] = []
  for (const task of folder.plan.tasks)
    for (const variant of folder.plan.variants) {
      const own = statuses.filter((run) => run.task === task.name && run.variant === variant.name)
      const left = own.filter(({ state }) => state !== 'finished')
      if (left.length === 0) continue
      const known = perStep(own)
      const { cpuSecondsPerStep, sweepSeconds } = known ?? (await trial(folder, task, variant, options))
      const steps = left.reduce((sum, run) => sum + Math.max(0, run.budget - run.steps), 0)
      costs.push({
        task: task.name,
        variant: variant.name,
        runs: left.length,
        steps,
        cpuSecondsPerStep,
        cpuHours: (steps * cpuSecondsPerStep + left.length * sweepSeconds) / 3600,
        measuredBy: known === undefined ? 'a trial' : 'its runs so far',
      })
    }
  return costs
}

interface Measured {
  cpuSecondsPerStep: number
  /** CPU seconds of a sweep, where it is not part of the above. */
  sweepSeconds: number
}

/** Where runs have been trained for long enough to tell. */
function perStep(runs: readonly RunStatus[]): Measured | undefined {
  const cpu = runs.reduce((sum, { cpuSeconds }) => sum + cpuSeconds, 0)
  const steps = runs.reduce((sum, run) => sum + run.steps, 0)
  return cpu >= enough && steps > 0 ? { cpuSecondsPerStep: cpu / steps, sweepSeconds: 0 } : undefined
}

const trialSeconds = 3

/** Measures a run that trains for a moment in a folder of its own, its start not counted, and its sweep. */
async function trial(
  folder: StudyFolder,
  task: PlannedTask,
  variant: PlannedVariant,
  { signal, ...compute }: Pick<Compute, 'device' | 'python'> & { signal: AbortSignal },
): Promise<Measured> {
  const path = mkdtempSync(join(tmpdir(), 'gogepo-trial-'))
  const stop = new AbortController()
  const plan = { ...folder.plan, tasks: [{ ...task, stopAtThreshold: false }], variants: [variant], seeds: [1] }
  const place = StudyFolder.for(join(path, 'study'), plan)
  const seen: { steps: number; cpuSeconds: number }[] = []
  try {
    place.claim()
    await execute(place, {
      ...compute,
      signal: AbortSignal.any([signal, stop.signal]),
      onEvent: (event) => {
        if (event.type !== 'progress') return
        seen.push(event)
        if (seen.length > 2 && event.cpuSeconds - seen[0]!.cpuSeconds >= trialSeconds) stop.abort()
      },
    })
    signal.throwIfAborted()
    const [status] = place.status()
    if (status!.error)
      throw new GogepoError(
        status!.error.code as GogepoErrorCode,
        `${variant.name} on ${task.name}: ${status!.error.message}`,
      )
    const sweepSeconds = sweeps(plan, variant) ? await sweepCost(place, compute) : 0
    const first = seen[0]
    const last = seen.at(-1)
    const cpuSecondsPerStep =
      first !== undefined && last!.steps > first.steps
        ? (last!.cpuSeconds - first.cpuSeconds) / (last!.steps - first.steps)
        : status!.cpuSeconds / status!.steps
    return { cpuSecondsPerStep, sweepSeconds }
  } finally {
    place.close()
    rmSync(path, { recursive: true, force: true })
  }
}

/** Early in training its episodes may be shorter or longer than at the end. */
async function sweepCost(place: StudyFolder, compute: Compute): Promise<number> {
  const before = cpuSeconds()
  await saveSweep(place.folderOf(place.runs()[0]!), compute)
  return cpuSeconds() - before
}
