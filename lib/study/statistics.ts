/**
 * The statistics of studies, as the field reports them: aggregates with stratified bootstrap intervals, probability of
 * improvement, performance profiles (Agarwal et al., "Deep reinforcement learning at the edge of the statistical
 * precipice", arXiv 2108.13264), and steps to a threshold. Formulas: docs/studies.md.
 */
import { random } from './random.js'

/** Scores of one variant: for each task, one score per run. */
export type Scores = readonly (readonly number[])[]

export const mean = (values: readonly number[]): number => values.reduce((sum, x) => sum + x, 0) / values.length

/** The quantile at `share`, from 0 to 1, with linear interpolation between order statistics. */
export function quantile(values: readonly number[], share: number): number {
  const sorted = values.toSorted((a, b) => a - b)
  const at = share * (sorted.length - 1)
  const below = sorted[Math.floor(at)]!
  const above = sorted[Math.ceil(at)]!
  return below === above ? below : below + (at - Math.floor(at)) * (above - below)
}

export const median = (values: readonly number[]): number => quantile(values, 0.5)

/** The mean without the lowest and the highest quarter of the values, each rounded down to whole values. */
export function interquartileMean(values: readonly number[]): number {
  const cut = Math.floor(values.length / 4)
  return mean(values.toSorted((a, b) => a - b).slice(cut, values.length - cut))
}

/** One number from the scores of all tasks. */
export type Aggregate = (scores: Scores) => number

/** Every task counts the same in the mean and the median, every run in the interquartile mean. */
export const aggregates = {
  mean: (scores) => mean(scores.map(mean)),
  median: (scores) => median(scores.map(mean)),
  iqm: (scores) => interquartileMean(scores.flat()),
} as const satisfies Record<string, Aggregate>

/** How far scores stay below `target` on average; scores above it count as reaching it. */
export const optimalityGap =
  (target = 1): Aggregate =>
  (scores) =>
    target - mean(scores.flat().map((score) => Math.min(score, target)))

/** An estimate with its interval. The ends are null where a single run says nothing about the spread. */
export interface Estimate {
  value: number
  low: number | null
  high: number | null
}

export interface BootstrapOptions {
  seed?: number
  repetitions?: number
  /** The share of intervals that would contain the true value, were there many runs. */
  confidence?: number
}

/**
 * The percentile interval of a statistic of several independent samples, each resampled by itself.
 * @param samples of each stratum: the runs of one task
 */
export function bootstrap<T>(
  samples: readonly (readonly T[])[],
  statistic: (samples: readonly (readonly T[])[]) => number,
  { seed = 1, repetitions = 10_000, confidence = 0.95 }: BootstrapOptions = {},
): Estimate {
  const value = statistic(samples)
  if (samples.every((sample) => sample.length < 2)) return { value, low: null, high: null }
  const next = random(seed)
  const resampled = Array.from({ length: repetitions }, () =>
    statistic(samples.map((sample) => sample.map(() => sample[Math.floor(next() * sample.length)]!))),
  )
  const tail = (1 - confidence) / 2
  return { value, low: quantile(resampled, tail), high: quantile(resampled, 1 - tail) }
}

/** The probability that a run of the one scores higher than a run of the other, ties counting half; the mean over tasks. */
export function probabilityOfImprovement(ones: Scores, others: Scores): number {
  return mean(
    ones.map((x, task) => {
      const y = others[task]!
      const wins = x.map((a) => mean(y.map((b) => (a > b ? 1 : a === b ? 0.5 : 0))))
      return mean(wins)
    }),
  )
}

/** The same with its interval; the runs of both are resampled, task by task. */
export function improvement(ones: Scores, others: Scores, options: BootstrapOptions = {}): Estimate {
  return bootstrap(
    [...ones, ...others],
    (samples) => probabilityOfImprovement(samples.slice(0, ones.length), samples.slice(ones.length)),
    options,
  )
}

/** The share of all runs that score above each of these values; the mean over tasks. */
export const performanceProfile = (scores: Scores, above: readonly number[]): number[] =>
  above.map((least) => mean(scores.map((runs) => mean(runs.map((score) => (score > least ? 1 : 0))))))

/** A run's evaluations in order. */
export interface Curve {
  steps: readonly number[]
  values: readonly number[]
}

/**
 * The mean height of a curve between its first evaluation and `until`, by the trapezoid rule; past its last evaluation
 * it stays what it was.
 */
export function areaUnderCurve({ steps, values }: Curve, until: number): number {
  const x = steps.filter((at) => at <= until)
  const y = values.slice(0, x.length)
  if (x.length === 0) return NaN
  if (x.at(-1)! < until) {
    x.push(until)
    y.push(y.at(-1)!)
  }
  const area = x.slice(1).reduce((sum, at, i) => sum + ((at - x[i]!) * (y[i]! + y[i + 1]!)) / 2, 0)
  return x.length === 1 ? y[0]! : area / (x.at(-1)! - x[0]!)
}

/** The last value at or before each of these steps; NaN before the first. */
export function valuesAt({ steps, values }: Curve, grid: readonly number[]): number[] {
  let next = 0
  return grid.map((at) => {
    while (next < steps.length && steps[next]! <= at) next += 1
    return next === 0 ? NaN : values[next - 1]!
  })
}

/** When a run reached a return, or until when it had not: then nothing is known beyond. */
export interface Waiting {
  steps: number
  reached: boolean
}

/** The first evaluation that reaches the return; `until`, the steps that were trained, where none does. */
export function stepsTo(target: number, { steps, values }: Curve, until: number): Waiting {
  const first = values.findIndex((value) => value >= target)
  return first < 0 ? { steps: until, reached: false } : { steps: steps[first]!, reached: true }
}

/**
 * The steps after which this share of the runs has reached the return, by the Kaplan–Meier estimate: a run that never
 * did counts for as long as it was trained. Infinity where the share is never reached.
 */
export function stepsUntilShare(runs: readonly Waiting[], share: number): number {
  const times = [...new Set(runs.filter(({ reached }) => reached).map(({ steps }) => steps))].sort((a, b) => a - b)
  let waiting = 1 // the share of runs that have not reached it
  for (const time of times) {
    const atRisk = runs.filter(({ steps }) => steps >= time).length
    const reaching = runs.filter(({ steps, reached }) => reached && steps === time).length
    waiting *= 1 - reaching / atRisk
    if (1 - waiting >= share - 1e-12) return time
  }
  return Infinity
}
