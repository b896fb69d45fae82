/** Results as files for other programs: one row per run, one per evaluation, and everything as JSON. */
import { compare, type Comparison } from './compare.js'
import type { StudyFolder } from './folder.js'
import { scoreOf, studyRecords, waitingOf, type Records } from './results.js'

type Cell = string | number | null

/** CSV as RFC 4180 has it; what is missing or not a number is empty. */
export function csv(head: readonly string[], rows: readonly (readonly Cell[])[]): string {
  const cell = (value: Cell): string => {
    if (value === null || (typeof value === 'number' && !Number.isFinite(value))) return ''
    const text = String(value)
    return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text
  }
  return [head, ...rows].map((row) => `${row.map(cell).join(',')}\r\n`).join('')
}

/** How well commands are followed, as `gogepo sweep --json` names it; nothing here is called error alone. */
const obedience = {
  sweepError: 'error',
  sweepMeanError: 'meanError',
  sweepNoiseFloor: 'noiseFloor',
  sweepAchievableError: 'achievableError',
  sweepLargest: 'largest',
  sweepSlope: 'slope',
  sweepRank: 'rank',
  sweepKind: 'kind',
  sweepVerdict: 'verdict',
} as const

const identity = ['task', 'variant', 'algorithm', 'preset', 'seed'] as const

/** One row per run. */
export function runsCsv({ tasks, runs }: Records): string {
  const head = [
    ...identity,
    'state',
    'steps',
    'budget',
    'episodes',
    'final',
    'area',
    'threshold',
    'reached',
    'stepsToThreshold',
    ...Object.keys(obedience),
    'seconds',
    'cpuSeconds',
    'run',
  ]
  const rows = runs.map((run) => {
    const threshold = tasks.find(({ name }) => name === run.task)?.threshold ?? null
    const waiting = threshold === null ? undefined : waitingOf(run, threshold)
    return [
      ...identity.map((field) => run[field]),
      run.state,
      run.steps,
      run.budget,
      run.episodes,
      scoreOf(run, 'final'),
      scoreOf(run, 'area'),
      threshold,
      waiting === undefined ? null : String(waiting.reached),
      waiting?.reached ? waiting.steps : null,
      ...Object.values(obedience).map((field) => run.sweep?.[field] ?? null),
      run.seconds,
      run.cpuSeconds,
      run.run,
    ]
  })
  return csv(head, rows)
}

/** One row per evaluation. */
export function evaluationsCsv({ runs }: Records): string {
  const fields = ['steps', 'episode', 'command', 'predicted', 'mean', 'std', 'achievedMean', 'achievedStd'] as const
  const rows = runs.flatMap((run) =>
    run.evaluations.map((evaluation) => [
      ...identity.map((field) => run[field]),
      ...fields.map((field) => evaluation[field] ?? null),
    ]),
  )
  return csv([...identity, ...fields], rows)
}

/** One row per command of each run that was swept. */
export function sweepsCsv({ runs }: Records): string {
  const fields = ['command', 'predicted', 'achievedMean', 'achievedStd', 'mean', 'std'] as const
  const rows = runs.flatMap((run) =>
    (run.sweep?.rows ?? []).map((row) => [
      ...identity.map((field) => run[field]),
      ...fields.map((field) => row[field] ?? null),
    ]),
  )
  return csv([...identity, ...fields], rows)
}

/** Writes runs.csv, evaluations.csv, sweeps.csv and results.json into the folder of a study. @throws GogepoError ERR_DISK_FULL, ERR_FILE */
export function writeResults(folder: StudyFolder): Comparison {
  const records = studyRecords(folder)
  const comparison = compare(records)
  folder.write('runs.csv', runsCsv(records))
  folder.write('evaluations.csv', evaluationsCsv(records))
  if (folder.plan.sweep) folder.write('sweeps.csv', sweepsCsv(records))
  const { runs, ...rest } = records
  const json = {
    ...rest,
    runs: runs.map(({ evaluations, sweep, ...run }) => ({
      ...run,
      evaluations: evaluations.length,
      sweep: sweep && { ...sweep, rows: undefined },
    })),
  }
  folder.write('results.json', `${JSON.stringify({ ...json, comparison }, null, 2)}\n`)
  return comparison
}
