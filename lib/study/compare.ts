/** Compares variants: tables of aggregates with intervals, and the probability that one beats another. */
import type { VerdictKind } from '../base/obedience.js'
import { count, plural } from '../base/words.js'
import { curveOf, knownUntil, scoreOf, waitingOf, type Records, type RunRecord, type Score } from './results.js'
import {
  aggregates,
  bootstrap,
  improvement,
  interquartileMean,
  mean,
  median,
  optimalityGap,
  performanceProfile,
  stepsUntilShare,
  valuesAt,
  type Aggregate,
  type BootstrapOptions,
  type Estimate,
  type Scores,
} from './statistics.js'

/** A variant on a task. */
export interface Row {
  task: string
  variant: string
  /** Runs with at least one evaluation; the others count nowhere. */
  seeds: number[]
  /** Those among them that have not finished. */
  unfinished: number
  final: Summary
  /** The mean of a run's learning curve over its budget. */
  area: Summary
  /** Null without a threshold. */
  threshold: Reaching | null
  /** Null where no run was swept. */
  obedience: Obeying | null
}

/** How well commands are followed at the end of training: means over the runs that were swept. */
export interface Obeying {
  seeds: number[]
  error: Mean
  achievableError: Mean | null
  noiseFloor: Mean
  slope: Mean
  rank: Mean
  /** One per run. */
  kinds: VerdictKind[]
  verdicts: string[]
}

/** One value per run, and their mean with its interval. */
export interface Mean {
  values: number[]
  mean: Estimate
}

/** Statistics of one score per run. */
export interface Summary {
  scores: number[]
  mean: Estimate
  median: Estimate
  iqm: Estimate
}

/** How soon a return was reached. */
export interface Reaching {
  return: number
  reached: number
  runs: number
  /** Steps until half of the runs have reached it; null: half of them never did. */
  medianSteps: { value: number | null; low: number | null; high: number | null }
}

/** The scores of a variant over several tasks, as shares of each task's range. */
export interface Overall {
  variant: string
  mean: Estimate
  median: Estimate
  iqm: Estimate
  optimalityGap: Estimate
  /** The share of runs above each normalized score. */
  profile: { above: number[]; share: number[] }
}

/** P(a run of `better` scores higher than one of `than`), ties counting half. */
export interface Beats {
  /** Null: the mean over all tasks that both have. */
  task: string | null
  better: string
  than: string
  probability: Estimate
}

/** How a task is learned over the steps of training. */
export interface LearningCurve {
  task: string
  variant: string
  /** At each of these steps, the interquartile mean over the runs, each with its latest evaluation. */
  steps: number[]
  iqm: number[]
  low: (number | null)[]
  high: (number | null)[]
}

export interface Comparison {
  name: string
  score: Score
  rows: Row[]
  /** Empty with a single task, or where a task has no range of returns. */
  overall: Overall[]
  beats: Beats[]
  curves: LearningCurve[]
  /** What the numbers do not show. */
  notes: string[]
}

export interface CompareOptions extends BootstrapOptions {
  /** What one run is worth: its last evaluation (final, when left out) or its mean over training (area). */
  score?: Score
}

export function compare(records: Records, options: CompareOptions = {}): Comparison {
  const { score = 'final', ...resampling } = options
  const groups = groupsOf(records)
  const rows = groups.map((group) => rowOf(group, resampling))
  const scoresOf = (variant: string, tasks: readonly string[]): Scores =>
    tasks.map((task) => rows.find((row) => row.task === task && row.variant === variant)![score].scores)
  return {
    name: records.name,
    score,
    rows,
    overall: overallOf(records, rows, scoresOf, resampling),
    beats: beatsOf(records, rows, scoresOf, resampling),
    curves: groups.map((group) => learningCurve(group, resampling)),
    notes: notesOf(records, rows),
  }
}

interface Group {
  task: Records['tasks'][number]
  variant: string
  runs: RunRecord[]
}

function groupsOf({ tasks, variants, runs }: Records): Group[] {
  return tasks.flatMap((task) =>
    variants.flatMap((variant) => {
      const own = runs.filter((run) => run.task === task.name && run.variant === variant && run.evaluations.length > 0)
      return own.length === 0 ? [] : [{ task, variant, runs: own }]
    }),
  )
}

function rowOf({ task, variant, runs }: Group, resampling: BootstrapOptions): Row {
  return {
    task: task.name,
    variant,
    seeds: runs.map(({ seed }) => seed),
    unfinished: runs.filter(({ state }) => state !== 'finished').length,
    final: summaryOf(runs, 'final', resampling),
    area: summaryOf(runs, 'area', resampling),
    threshold: task.threshold === null ? null : reachingOf(runs, task.threshold, resampling),
    obedience: obeyingOf(runs, resampling),
  }
}

/** Statistics of the runs of one task. */
function summaryOf(runs: readonly RunRecord[], score: Score, resampling: BootstrapOptions): Summary {
  const scores = runs.map((run) => scoreOf(run, score))
  const of = (statistic: (values: readonly number[]) => number): Estimate =>
    bootstrap([scores], ([sample]) => statistic(sample!), resampling)
  return { scores, mean: of(mean), median: of(median), iqm: of(interquartileMean) }
}

function reachingOf(runs: readonly RunRecord[], target: number, resampling: BootstrapOptions): Reaching {
  const waits = runs.map((run) => waitingOf(run, target))
  const { value, low, high } = bootstrap([waits], ([sample]) => stepsUntilShare(sample!, 0.5), resampling)
  const reachable = (steps: number | null): number | null => (steps === Infinity ? null : steps)
  return {
    return: target,
    reached: waits.filter(({ reached }) => reached).length,
    runs: runs.length,
    medianSteps: { value: reachable(value), low: reachable(low), high: reachable(high) },
  }
}

function obeyingOf(runs: readonly RunRecord[], resampling: BootstrapOptions): Obeying | null {
  const swept = runs.flatMap(({ seed, sweep }) => (sweep === null ? [] : [{ seed, sweep }]))
  if (swept.length === 0) return null
  const meanOf = (values: number[]): Mean => ({
    values,
    mean: bootstrap([values], ([sample]) => mean(sample!), resampling),
  })
  const of = (field: 'error' | 'noiseFloor' | 'slope' | 'rank'): Mean => meanOf(swept.map(({ sweep }) => sweep[field]))
  const achievable = swept.map(({ sweep }) => sweep.achievableError)
  return {
    seeds: swept.map(({ seed }) => seed),
    error: of('error'),
    achievableError: achievable.every((error) => error !== null) ? meanOf(achievable) : null,
    noiseFloor: of('noiseFloor'),
    slope: of('slope'),
    rank: of('rank'),
    kinds: swept.map(({ sweep }) => sweep.kind),
    verdicts: swept.map(({ sweep }) => sweep.verdict),
  }
}

type ScoresOf = (variant: string, tasks: readonly string[]) => Scores

/** Variants that were run on every task. */
function overallOf(
  { tasks, variants }: Records,
  rows: Row[],
  scoresOf: ScoresOf,
  resampling: BootstrapOptions,
): Overall[] {
  if (tasks.length < 2 || tasks.some(({ range }) => range === null)) return []
  const names = tasks.map(({ name }) => name)
  return variants
    .filter((variant) => names.every((task) => rows.some((row) => row.task === task && row.variant === variant)))
    .map((variant) => {
      const scores = scoresOf(variant, names).map((runs, i) => {
        const [low, high] = tasks[i]!.range!
        return runs.map((score) => (score - low) / (high - low))
      })
      const of = (aggregate: Aggregate): Estimate => bootstrap(scores, aggregate, resampling)
      const above = Array.from({ length: 101 }, (_, i) => i / 100)
      return {
        variant,
        mean: of(aggregates.mean),
        median: of(aggregates.median),
        iqm: of(aggregates.iqm),
        optimalityGap: of(optimalityGap()),
        profile: { above, share: performanceProfile(scores, above) },
      }
    })
}

/** Each pair of variants once, on every task and over all tasks that both have. */
function beatsOf({ tasks, variants }: Records, rows: Row[], scoresOf: ScoresOf, resampling: BootstrapOptions): Beats[] {
  return variants.flatMap((better, i) =>
    variants.slice(i + 1).flatMap((than) => {
      const shared = tasks
        .map(({ name }) => name)
        .filter((task) => [better, than].every((v) => rows.some((row) => row.task === task && row.variant === v)))
      const on = (names: readonly string[]): Estimate =>
        improvement(scoresOf(better, names), scoresOf(than, names), resampling)
      return [
        ...shared.map((task) => ({ task, better, than, probability: on([task]) })),
        ...(shared.length > 1 ? [{ task: null, better, than, probability: on(shared) }] : []),
      ]
    }),
  )
}

const mostPoints = 100 // of a curve; fewer where there are fewer evaluations
const curveRepetitions = 1000 // for each point

function learningCurve({ task, variant, runs }: Group, resampling: BootstrapOptions): LearningCurve {
  const budget = Math.min(...runs.map((run) => run.budget)) // beyond, not every run is known
  // The last iteration goes past the budget, and so does the evaluation after it.
  const curves = runs.map((run) => {
    const { steps, values } = curveOf(run)
    return { values, steps: steps.map((at) => Math.min(at, run.budget)) }
  })
  // While every run has been evaluated and is still trained, or has finished.
  const first = Math.max(...curves.map(({ steps }) => steps[0]!))
  const last = Math.min(...runs.map((run) => (run.state === 'finished' ? budget : knownUntil(run))))
  const size = Math.min(mostPoints, Math.max(...curves.map((curve) => curve.steps.length)))
  const grid = Array.from({ length: size }, (_, i) => Math.round((budget * (i + 1)) / size))
  const steps = grid.filter((at) => at >= first && at <= last)
  const values = curves.map((curve) => valuesAt(curve, steps))
  const points = steps.map((_, i) =>
    bootstrap([values.map((run) => run[i]!)], ([sample]) => interquartileMean(sample!), {
      ...resampling,
      repetitions: curveRepetitions,
    }),
  )
  return {
    task: task.name,
    variant,
    steps,
    iqm: points.map(({ value }) => value),
    low: points.map(({ low }) => low),
    high: points.map(({ high }) => high),
  }
}

/** How little small samples show, and what is missing. */
function notesOf({ runs }: Records, rows: readonly Row[]): string[] {
  const notes: string[] = []
  if (rows.some(({ seeds }) => seeds.length === 1))
    notes.push('A single seed says nothing about the spread between seeds: it has no interval.')
  if (rows.some(({ seeds }) => seeds.length > 1 && seeds.length < 5)) {
    const n = Math.min(...rows.map(({ seeds }) => seeds.length).filter((seeds) => seeds > 1))
    notes.push(
      `Intervals from so few seeds are too narrow: ${n} runs can be resampled in only ${choose(2 * n - 1, n)} ways.`,
    )
  }
  const [few, more] = smallestPair(rows)
  if (few < 5) {
    const all = (n: number): string => (n === 1 ? 'the only run' : n === 2 ? 'both runs' : `all ${n} runs`)
    notes.push(
      `Even if ${all(few)} of one variant ${few === 1 ? 'beats' : 'beat'} ${all(more)} of another, chance alone does that in 1 of ${choose(few + more, few)} cases.`,
    )
  }
  for (const task of new Set(rows.map((row) => row.task))) {
    const budgets = runs.filter((run) => run.task === task && run.evaluations.length > 0).map(({ budget }) => budget)
    const [shortest, longest] = [Math.min(...budgets), Math.max(...budgets)]
    if (shortest < longest)
      notes.push(
        `The budgets of the runs on ${task} differ: from ${count(shortest)} to ${count(longest)} steps. A run that was trained for longer may score higher for that reason alone.`,
      )
  }
  for (const { task, variant, seeds } of rows) {
    const twice = seeds.find((seed, i) => seeds.indexOf(seed) < i)
    if (twice !== undefined)
      notes.push(
        `${variant} on ${task} has several runs of seed ${twice}. They are not independent, so its intervals are too narrow.`,
      )
  }
  const unfinished = rows.reduce((sum, row) => sum + row.unfinished, 0)
  if (unfinished > 0) notes.push(`${plural(unfinished, 'run')} here ${unfinished === 1 ? 'has' : 'have'} not finished.`)
  const without = runs.filter(({ evaluations }) => evaluations.length === 0).length
  if (without > 0)
    notes.push(`${plural(without, 'run')} without an evaluation ${without === 1 ? 'is' : 'are'} left out.`)
  return notes
}

/** The numbers of runs of two variants on one task: of those that are compared, the two with the fewest. */
function smallestPair(rows: readonly Row[]): readonly [few: number, more: number] {
  const pairs = [...new Set(rows.map(({ task }) => task))].flatMap((task) => {
    const sizes = rows.filter((row) => row.task === task).map(({ seeds }) => seeds.length)
    const [few, more] = sizes.toSorted((a, b) => a - b)
    return few === undefined || more === undefined ? [] : [[few, more] as const]
  })
  return pairs.toSorted((a, b) => a[0] - b[0] || a[1] - b[1])[0] ?? [Infinity, Infinity]
}

/** The number of ways to choose k of n. */
function choose(n: number, k: number): number {
  let ways = 1
  for (let i = 1; i <= k; i++) ways = (ways * (n - k + i)) / i
  return Math.round(ways)
}
