/** What the runs of a study, or any runs, came to: one record each, read from their files. */
import { existsSync, realpathSync, statSync } from 'node:fs'
import { join, normalize, resolve } from 'node:path'
import { isDeepStrictEqual } from 'node:util'
import { tableOf } from '../algorithms/algorithm.js'
import { algorithms } from '../algorithms/registry.js'
import { GogepoError } from '../base/errors.js'
import { showValue } from '../base/words.js'
import { showTaskOptions, taskOptionsJson } from '../env/task-options.js'
import type { RunConfig } from '../run/config.js'
import { readEvents } from '../run/events.js'
import { RunFolder } from '../run/folder.js'
import { listedRun, runsBelow } from '../run/listing.js'
import type { EvaluationEvent } from '../train/events.js'
import { StudyFolder, type RunStatus } from './folder.js'
import type { PlannedTask } from './plan.js'
import { areaUnderCurve, stepsTo, type Curve, type Waiting } from './statistics.js'
import { savedSweep, type SavedSweep } from './sweeps.js'

/** A run with its evaluations. Returns are full rewards, as `mean` of an evaluation is. */
export interface RunRecord {
  run: string
  task: string
  variant: string
  algorithm: string
  preset: string
  seed: number
  state: RunStatus['state'] | 'damaged'
  steps: number
  budget: number
  episodes: number
  /** Wall time of training. */
  seconds: number
  /** CPU time; null outside of a study. */
  cpuSeconds: number | null
  evaluations: readonly EvaluationEvent[]
  /** How well commands are followed at the end; null where that was not measured. */
  sweep: SavedSweep | null
}

/** Runs, and the tasks that they were trained on, in the order of their tables. */
export interface Records {
  name: string
  tasks: readonly Pick<PlannedTask, 'name' | 'threshold' | 'range' | 'id' | 'options'>[]
  variants: readonly string[]
  runs: readonly RunRecord[]
}

/** The records of a study. */
export function studyRecords(folder: StudyFolder): Records {
  const { plan } = folder
  const statuses = folder.status()
  const runs = folder.runs().map((run, i): RunRecord => {
    const { task, variant, seed, state, steps, budget, cpuSeconds, run: path } = statuses[i]!
    const { algorithm, preset } = run.variant
    return {
      run: path,
      task,
      variant,
      algorithm,
      preset,
      seed,
      state,
      steps,
      budget,
      cpuSeconds,
      ...contentsOf(path, steps),
    }
  })
  return { name: plan.name, tasks: plan.tasks, variants: plan.variants.map(({ name }) => name), runs }
}

function contentsOf(path: string, steps: number): Pick<RunRecord, 'episodes' | 'seconds' | 'evaluations' | 'sweep'> {
  const events = readEvents(path)
  const last = events.findLast((event) => event.type === 'episode')
  return {
    episodes: last?.episode ?? 0,
    seconds: last?.seconds ?? 0,
    evaluations: events.filter((event) => event.type === 'evaluation'),
    sweep: savedSweep(path, steps) ?? null,
  }
}

/**
 * The records of studies, runs and folders of runs together, each run once. Runs outside of a study are named after what
 * differs between them: algorithm, preset, settings.
 * @param threshold the return that counts as success on every task
 * @throws GogepoError ERR_RUN
 */
export function recordsOf(paths: readonly string[], threshold?: number): Records {
  const given = onlyOnce(paths)
  const studies = given
    .filter((path) => StudyFolder.is(path))
    .map((path) => ({ path, ...studyRecords(StudyFolder.open(path)) }))
  const inStudies = studies.flatMap(({ runs }) => runs.map(({ run }) => run))
  const others = given.filter((path) => !StudyFolder.is(path)).flatMap(runsIn)
  const loose = looseRecords(onlyOnce([...inStudies, ...others]).slice(inStudies.length))
  const parts = [
    ...studies.map(({ path, ...records }) => {
      const namesakes = studies.filter(({ name }) => name === records.name)
      return { ...records, name: namesakes.length > 1 ? path : records.name }
    }),
    ...(loose.runs.length > 0 ? [loose] : []),
  ]
  // The same name in two studies may mean two things: variants, and tasks with other options.
  const rename = (part: Records, variant: string): string =>
    parts.some((other) => other !== part && other.variants.includes(variant)) ? `${part.name}: ${variant}` : variant
  const nameIn = (part: Records, name: string): string => {
    const own = part.tasks.find((task) => task.name === name)!
    const differs = (task: Records['tasks'][number]): boolean => task.name === name && !isSameTask(task, own)
    return parts.some((other) => other.tasks.some(differs)) ? `${part.name}: ${name}` : name
  }
  const tasks = new Map(
    parts
      .flatMap((part) => part.tasks.map((task) => ({ ...task, name: nameIn(part, task.name) })))
      .map((task) => [task.name, task] as const)
      .reverse(),
  )
  return {
    name: parts.map(({ name }) => name).join(', '),
    tasks: [...tasks.values()].reverse().map((task) => ({ ...task, threshold: threshold ?? task.threshold })),
    variants: [...new Set(parts.flatMap((part) => part.variants.map((variant) => rename(part, variant))))],
    runs: parts.flatMap((part) =>
      part.runs.map((run) => ({ ...run, task: nameIn(part, run.task), variant: rename(part, run.variant) })),
    ),
  }
}

const isSameTask = (one: Pick<PlannedTask, 'id' | 'options'>, other: Pick<PlannedTask, 'id' | 'options'>): boolean =>
  normalize(one.id) === normalize(other.id) && isDeepStrictEqual({ ...one.options }, { ...other.options })

/** The first of the paths that lead to the same folder: a run that counts twice would make intervals narrower. */
function onlyOnce(paths: readonly string[]): string[] {
  const real = paths.map((path) => (existsSync(path) ? realpathSync(path) : resolve(path)))
  return paths.filter((_, i) => real.indexOf(real[i]!) === i)
}

function runsIn(path: string): string[] {
  if (existsSync(join(path, 'config.json'))) return [path]
  const below = existsSync(path) && statSync(path).isDirectory() ? runsBelow(path) : []
  if (below.length === 0)
    throw new GogepoError(
      'ERR_RUN',
      `${path || '""'} ${existsSync(path) ? 'contains no study and no runs' : 'does not exist'}. Pass the folder of a study, of a run, or one that contains runs.`,
    )
  return below
}

function looseRecords(folders: readonly string[]): Records {
  const opened = folders.map((path) => ({ path, config: RunFolder.open(path).config }))
  const nameOf = variantNames(opened.map(({ config }) => config))
  const runs = opened.map(({ path, config }): RunRecord => {
    const { algorithm, preset, seed, steps: budget } = config
    const { state, steps } = listedRun(path)
    const variant = nameOf(config)
    const task = taskName(config)
    return {
      run: path,
      task,
      variant,
      algorithm,
      preset,
      seed,
      state,
      steps,
      budget,
      cpuSeconds: null,
      ...contentsOf(path, steps),
    }
  })
  const tasks = [...new Set(runs.map(({ task }) => task))].map((name) => {
    const own = opened.map(({ config }) => config).filter((config) => taskName(config) === name)
    const { returnMin, returnMax } =
      (own.find(({ settings }) => 'returnMin' in settings)?.settings as { returnMin?: number; returnMax?: number }) ??
      {}
    return {
      name,
      id: own[0]!.task,
      options: taskOptionsJson(own[0]!.taskOptions) as PlannedTask['options'],
      threshold: null,
      range: returnMin === undefined ? null : ([returnMin, returnMax!] as const),
    }
  })
  return { name: 'runs', tasks, variants: [...new Set(runs.map(({ variant }) => variant))], runs }
}

const taskName = ({ task, taskOptions }: RunConfig): string => [task, ...showTaskOptions(taskOptions)].join(', ')

/** Names that say what differs: the algorithm and preset, then each method setting that another run of the algorithm has otherwise. */
function variantNames(configs: readonly RunConfig[]): (config: RunConfig) => string {
  return ({ algorithm, preset, settings, task }) => {
    const known = algorithms.find(({ name }) => name === algorithm)
    const table = known && tableOf(known)
    const alike = configs.filter(
      (other) => other.algorithm === algorithm && other.preset === preset && other.task === task,
    )
    const different = Object.keys(settings).filter(
      (name) =>
        (table === undefined || table[name]?.scope === 'method') &&
        alike.some((other) => showValue(other.settings[name]) !== showValue(settings[name])),
    )
    const shown = different.map((name) => `${name}=${showValue(settings[name])}`)
    return [`${algorithm} ${preset}`, ...shown].join(', ')
  }
}

/** The learning curve of a run: the mean full reward of each evaluation. */
export const curveOf = ({ evaluations }: Pick<RunRecord, 'evaluations'>): Curve => ({
  steps: evaluations.map(({ steps }) => steps),
  values: evaluations.map(({ mean }) => mean),
})

/** One number per run: its last evaluation, or its mean over training. */
export type Score = 'final' | 'area'

/** The steps until which something is known of a run: of a damaged one, no checkpoint may be left, but its evaluations. */
export const knownUntil = ({ steps, evaluations }: RunRecord): number => Math.max(steps, evaluations.at(-1)?.steps ?? 0)

/** NaN for a run without an evaluation. A run that ended early, at its threshold, stays what it was for the rest of its budget. */
export function scoreOf(run: RunRecord, score: Score): number {
  if (score === 'final') return run.evaluations.at(-1)?.mean ?? NaN
  const until = knownUntil(run)
  return areaUnderCurve(curveOf(run), run.state === 'finished' ? Math.max(until, run.budget) : until)
}

/** When the run's evaluations reached a return. */
export const waitingOf = (run: RunRecord, threshold: number): Waiting =>
  stepsTo(threshold, curveOf(run), knownUntil(run))
