/** How well commands are followed: one measure for sweeps, studies and documentation. Formulas: docs/metrics.md. */
import { line, meanAndStd } from './statistics.js'
import { short } from './words.js'

/** What was achieved with a command. */
export interface Achieved {
  command: number
  /** Mean and population standard deviation over the episodes of the command, in the units of the command. */
  mean: number
  std: number
}

/** How well commands are followed over a range of returns; perfect are error 0, slope 1, rank 1, largest 0. */
export interface Obedience {
  /** Root mean square of achieved − commanded, as a share of the range. */
  error: number
  /** Mean |achieved − commanded|, as a share of the range. */
  meanError: number
  /** Largest |achieved − commanded|, in return units. */
  largest: number
  /** The error that a perfect generator would still show, from the spread of episodes around their mean, as a share of the range. */
  noiseFloor: number
  /**
   * The error over the commands between the lowest and the highest of the achieved means, as a share of their distance: without the
   * lucky extremes that no policy achieves again. null with fewer than two such commands.
   */
  achievableError: number | null
  /** Spearman's rank correlation of achieved with commanded; 0 when achieved does not vary. */
  rank: number
  /** The least-squares line of achieved on commanded. */
  slope: number
  intercept: number
  /** The share of the variance of achieved that the line explains; null when achieved does not vary. */
  r2: number | null
}

/**
 * @param points at least two, in the order of their commands
 * @param episodes of each command
 * @param range highest minus lowest return; errors are shares of it
 */
export function obedienceOf(points: readonly Achieved[], episodes: number, range: number): Obedience {
  const commands = points.map(({ command }) => command)
  const achieved = points.map(({ mean }) => mean)
  const misses = points.map(({ command, mean }) => Math.abs(mean - command))
  const varies = achieved.some((x) => x !== achieved[0])
  const { slope, intercept, r2 } = line(commands, achieved)
  return {
    error: rootMeanSquare(misses) / range,
    meanError: meanAndStd(misses).mean / range,
    largest: Math.max(...misses),
    noiseFloor: rootMeanSquare(points.map(({ std }) => std)) / Math.sqrt(episodes) / range,
    achievableError: achievableErrorOf(points),
    rank: varies ? correlation(ranks(commands), ranks(achieved)) : 0,
    slope,
    intercept,
    r2: varies ? r2 : null,
  }
}

function achievableErrorOf(points: readonly Achieved[]): number | null {
  const achieved = points.map(({ mean }) => mean)
  const [lowest, highest] = [Math.min(...achieved), Math.max(...achieved)]
  const within = points.filter(({ command }) => command >= lowest && command <= highest)
  if (within.length < 2) return null
  return rootMeanSquare(within.map(({ command, mean }) => mean - command)) / (highest - lowest)
}

const rootMeanSquare = (values: readonly number[]): number =>
  Math.sqrt(values.reduce((sum, x) => sum + x * x, 0) / values.length)

/** Ranks from 1; equal values share the mean of their ranks. */
function ranks(values: readonly number[]): number[] {
  const order = values.map((_, i) => i).sort((a, b) => values[a]! - values[b]!)
  const out = new Array<number>(values.length)
  for (let start = 0; start < order.length;) {
    let end = start
    while (end < order.length && values[order[end]!] === values[order[start]!]) end++
    for (let i = start; i < end; i++) out[order[i]!] = (start + 1 + end) / 2
    start = end
  }
  return out
}

/** Pearson's correlation; 0 when one side does not vary. */
function correlation(x: readonly number[], y: readonly number[]): number {
  const [mx, my] = [meanAndStd(x).mean, meanAndStd(y).mean]
  const [sxy, sxx, syy] = x.reduce(
    ([xy, xx, yy], xi, i) => {
      const [dx, dy] = [xi - mx, y[i]! - my]
      return [xy + dx * dy, xx + dx * dx, yy + dy * dy] as [number, number, number]
    },
    [0, 0, 0] as [number, number, number],
  )
  return sxx === 0 || syy === 0 ? 0 : sxy / Math.sqrt(sxx * syy)
}

/** Shares of the range that decide the verdict. */
const follows = 0.1 // an error up to this
const ignores = 0.1 // achieved returns that span less than this
const jump = 0.6 // one step between neighboring commands, of the span of achieved returns
const noOrder = 0.3 // a rank correlation below this
const fewest = 4 // commands that can show a jump: with fewer, a straight line rises by as much between neighbors

/** The verdicts, from the best to the worst. */
export const verdictKinds = ['follows', 'follows loosely', 'switch', 'ignores'] as const
export type VerdictKind = (typeof verdictKinds)[number]

/** The measure in one word, and in one sentence. */
export function verdictOf(
  points: readonly Achieved[],
  { error, rank }: Obedience,
  range: number,
): { kind: VerdictKind; verdict: string } {
  const [first, last] = [points[0]!.command, points.at(-1)!.command]
  const miss = `${short(error * range)} (${percent(error)})`
  const commands = `follows commands from ${short(first)} to ${short(last)}`
  if (error <= follows) return { kind: 'follows', verdict: `${commands} within ${miss}` }

  const achieved = points.map(({ mean }) => mean)
  const [lowest, highest] = [Math.min(...achieved), Math.max(...achieved)]
  const span = highest - lowest
  if (span < ignores * range || rank < noOrder) {
    const same = short(lowest) === short(highest)
    const achieves = same ? short(lowest) : `${short(lowest)} to ${short(highest)}`
    const verdict = `ignores the command: achieves ${achieves} whatever is commanded`
    return { kind: 'ignores', verdict }
  }

  const steps = achieved.slice(1).map((mean, i) => mean - achieved[i]!)
  const widest = steps.indexOf(Math.max(...steps))
  if (points.length >= fewest && steps[widest]! >= jump * span) {
    const place = (points[widest]!.command + points[widest + 1]!.command) / 2
    return { kind: 'switch', verdict: `is a switch near ${short(place)}: misses commands by ${miss}` }
  }
  return { kind: 'follows loosely', verdict: `${commands} loosely: misses them by ${miss}` }
}

const percent = (share: number): string => `${short(Math.round(share * 1000) / 10)}%`
