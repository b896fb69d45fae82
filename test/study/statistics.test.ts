// Every statistic, beside rliable's and SciPy's, and on cases whose answer is known.
import fc from 'fast-check'
import { test, type Test } from 'tap'
import { random } from '../../lib/study/random.js'
import {
  aggregates,
  areaUnderCurve,
  bootstrap,
  improvement,
  interquartileMean,
  mean,
  median,
  optimalityGap,
  performanceProfile,
  probabilityOfImprovement,
  quantile,
  stepsTo,
  stepsUntilShare,
  valuesAt,
  type Scores,
  type Waiting,
} from '../../lib/study/statistics.js'
import { askPython, pythonWith } from '../python.js'

const python = pythonWith(['rliable==1.2.0', 'scipy==1.17.1', 'pandas==2.3.3'])

/** Scores of tasks with as many runs each, the same every time. */
function scoresOf(seed: number, tasks: number, runs: number, shift = 0): number[][] {
  const next = random(seed)
  return Array.from({ length: tasks }, (_, task) =>
    Array.from({ length: runs }, () => Math.round(1000 * (shift + task / 4 + next() + next() * next())) / 1000),
  )
}
const cases = [
  { x: scoresOf(1, 1, 3), y: scoresOf(2, 1, 3, 0.1) },
  { x: scoresOf(3, 1, 20), y: scoresOf(4, 1, 20, 0.3) },
  { x: scoresOf(5, 4, 10), y: scoresOf(6, 4, 7, 0.2) },
  { x: [[1, 1, 2, 2, 3]], y: [[2, 2, 2, 1, 0]] }, // ties
]
const taus = Array.from({ length: 41 }, (_, i) => i / 10 - 0.5)

const rliable = `
import json, sys
import numpy as np
from rliable import library as rly, metrics
cases, taus = json.load(sys.stdin)
np.random.seed(1)   # rliable samples from NumPy's global state, whatever its random_state says
out = []
for case in cases:
    x, y = np.array(case['x']).T, np.array(case['y']).T   # rliable has (runs, tasks)
    many = lambda s: np.array([metrics.aggregate_mean(s), metrics.aggregate_median(s), metrics.aggregate_iqm(s), metrics.aggregate_optimality_gap(s)])
    _, intervals = rly.get_interval_estimates({'x': x}, many, reps=5000)
    better, interval = rly.get_interval_estimates({'x,y': (x, y)}, metrics.probability_of_improvement, reps=300)
    profile, _ = rly.create_performance_profile({'x': x}, np.array(taus), reps=2)
    out.append({'aggregates': many(x).tolist(), 'intervals': intervals['x'].T.tolist(), 'better': float(better['x,y']), 'betterInterval': interval['x,y'].ravel().tolist(), 'profile': profile['x'].tolist()})
print(json.dumps(out))
`
interface Reference {
  aggregates: number[]
  intervals: [number, number][]
  better: number
  betterInterval: [number, number]
  profile: number[]
}

test('aggregates, intervals, probability of improvement and profiles are those of rliable', async (t) => {
  const references = askPython<Reference[]>(python, rliable, [cases, taus])
  for (const [i, { x, y }] of cases.entries()) {
    const reference = references[i]!
    const all = [aggregates.mean, aggregates.median, aggregates.iqm, optimalityGap()]
    for (const [k, aggregate] of all.entries()) {
      close(t, aggregate(x), reference.aggregates[k]!, 1e-12, `case ${i}, aggregate ${k}`)
      // Two bootstraps with different random numbers: the ends agree up to their own noise, a share of their distance.
      const { low, high } = bootstrap(x, aggregate, { repetitions: 20_000 })
      const [wantLow, wantHigh] = reference.intervals[k]!
      const noise = 0.05 * (wantHigh - wantLow)
      close(t, low!, wantLow, noise, `case ${i}, aggregate ${k}, low`)
      close(t, high!, wantHigh, noise, `case ${i}, aggregate ${k}, high`)
    }
    close(t, probabilityOfImprovement(x, y), reference.better, 1e-12, `case ${i}, improvement`)
    const { low, high } = improvement(x, y)
    const [wantLow, wantHigh] = reference.betterInterval
    const noise = 0.15 * (wantHigh - wantLow) + 1e-9
    close(t, low!, wantLow, noise, `case ${i}, improvement, low`)
    close(t, high!, wantHigh, noise, `case ${i}, improvement, high`)
    for (const [k, share] of performanceProfile(x, taus).entries())
      close(t, share, reference.profile[k]!, 1e-12, `case ${i}, profile at ${taus[k]}`)
  }
})

const scipy = `
import json, sys
import numpy as np
from scipy import integrate, stats
data = json.load(sys.stdin)
out = {'iqm': [], 'quantiles': [], 'u': [], 'area': [], 'waiting': []}
for x, y in data['samples']:
    out['iqm'].append(float(stats.trim_mean(x, 0.25)))
    out['quantiles'].append(np.quantile(x, [0, 0.025, 0.3, 0.5, 0.975, 1]).tolist())
    out['u'].append(float(stats.mannwhitneyu(x, y).statistic) / len(x) / len(y))
for curve in data['curves']:
    s, v = curve
    out['area'].append(float(integrate.trapezoid(v, s)) / (s[-1] - s[0]))
for reached, never in data['waits']:
    sample = stats.CensoredData(uncensored=reached, right=never)
    survival = stats.ecdf(sample).sf
    times, waiting = survival.quantiles, survival.probabilities
    found = []
    for share in data['shares']:
        at = [float(t) for t, w in zip(times, waiting) if 1 - w >= share - 1e-12]
        found.append(at[0] if at else None)
    out['waiting'].append(found)
print(json.dumps(out))
`

test('means, quantiles, ranks, areas and waiting times are those of SciPy', async (t) => {
  const next = random(9)
  const many = (n: number): number[] => Array.from({ length: n }, () => Math.round(100 * next()) / 10)
  const samples = [1, 2, 3, 4, 5, 7, 8, 20, 41].map((n) => [many(n), many(n + 2)] as const)
  const curves = [2, 3, 50].map((n) => [Array.from({ length: n }, (_, i) => 10 * i + Math.floor(9 * next())), many(n)])
  const waits = [3, 5, 20].flatMap((n) => [
    [many(n), many(2)],
    [many(n), many(n)],
    [many(n), []],
    [many(1), many(n)],
  ])
  const shares = [0.1, 0.25, 0.5, 0.9]
  const reference = askPython<{
    iqm: number[]
    quantiles: number[][]
    u: number[]
    area: number[]
    waiting: (number | null)[][]
  }>(python, scipy, { samples, curves, waits, shares })
  for (const [i, [x, y]] of samples.entries()) {
    close(t, interquartileMean(x), reference.iqm[i]!, 1e-12, `IQM of ${x.length}`)
    for (const [k, share] of [0, 0.025, 0.3, 0.5, 0.975, 1].entries())
      close(t, quantile(x, share), reference.quantiles[i]![k]!, 1e-12, `quantile ${share} of ${x.length}`)
    close(t, probabilityOfImprovement([x], [y]), reference.u[i]!, 1e-12, `U of ${x.length}`)
  }
  for (const [i, [steps, values]] of curves.entries())
    close(t, areaUnderCurve({ steps: steps!, values: values! }, steps!.at(-1)!), reference.area[i]!, 1e-9, 'area')
  for (const [i, [reached, never]] of waits.entries()) {
    const runs: Waiting[] = [
      ...reached!.map((steps) => ({ steps, reached: true })),
      ...never!.map((steps) => ({ steps, reached: false })),
    ]
    const found = shares.map((share) => stepsUntilShare(runs, share))
    t.strictSame(
      found.map((steps) => (steps === Infinity ? null : steps)),
      reference.waiting[i],
      `waiting ${i}`,
    )
  }
})

function close(t: Test, got: number, want: number, tolerance: number, what: string): void {
  if (!(Math.abs(got - want) <= tolerance)) t.fail(`${what}: got ${got}, want ${want} ± ${tolerance}`)
  else t.pass(what)
}

test('cases whose answer is known', async (t) => {
  t.equal(interquartileMean([0, 0, 10, 20, 1000, -1000, 30, 40]), 15)
  t.equal(median([3, 1, 2]), 2)
  t.equal(mean([1, 2, 6]), 3)
  t.equal(probabilityOfImprovement([[2, 3]], [[0, 1]]), 1)
  t.equal(probabilityOfImprovement([[1, 1]], [[1]]), 0.5)
  t.equal(probabilityOfImprovement([[5], [0]], [[1], [1]]), 0.5, 'each task counts the same')
  t.equal(optimalityGap(1)([[0.5, 2]]), 0.25)
  t.strictSame(performanceProfile([[0, 1, 2, 3]], [-1, 0, 1.5, 3]), [1, 0.75, 0.5, 0])
  t.equal(areaUnderCurve({ steps: [0, 10], values: [0, 10] }, 20), 7.5, 'past its last evaluation a curve stays')
  t.equal(areaUnderCurve({ steps: [5], values: [3] }, 5), 3)
  t.strictSame(valuesAt({ steps: [10, 20], values: [1, 2] }, [5, 10, 15, 20, 30]), [NaN, 1, 1, 2, 2])
  t.strictSame(stepsTo(2, { steps: [10, 20, 30], values: [1, 2, 5] }, 35), { steps: 20, reached: true })
  t.strictSame(stepsTo(9, { steps: [10, 20, 30], values: [1, 2, 5] }, 35), { steps: 35, reached: false })
  const never = { steps: 100, reached: false }
  t.equal(stepsUntilShare([{ steps: 10, reached: true }, never, never], 0.5), Infinity, 'half of them never did')
  t.equal(stepsUntilShare([{ steps: 10, reached: true }, { steps: 30, reached: true }, never], 0.5), 30)
})

test('small samples say how little they show', async (t) => {
  t.strictSame(
    bootstrap([[3]], ([x]) => mean(x!)),
    { value: 3, low: null, high: null },
  )
  t.strictSame(
    bootstrap([[1, 2]], ([x]) => mean(x!)),
    { value: 1.5, low: 1, high: 2 },
    'two: all there is',
  )
  const { low, high } = bootstrap([[0, 3, 9]], ([x]) => mean(x!))
  t.ok(low! >= 0 && high! <= 9 && low! < 4 && high! > 4)
})

test('one seed gives one interval; more confidence gives a wider one', async (t) => {
  const scores = scoresOf(7, 2, 12)
  const of = (options: object) => bootstrap(scores, aggregates.iqm, options)
  t.strictSame(of({ seed: 5 }), of({ seed: 5 }))
  t.notSame(of({ seed: 5 }), of({ seed: 6 }))
  const [wide, narrow] = [of({ confidence: 0.99 }), of({ confidence: 0.5 })]
  t.ok(wide.low! < narrow.low! && wide.high! > narrow.high!)
})

test('what must hold for any scores', async (t) => {
  const runs = fc.array(fc.double({ min: -100, max: 100, noNaN: true }), { minLength: 1, maxLength: 12 })
  const opposite = fc.property(runs, runs, (x, y) => {
    const [there, back] = [probabilityOfImprovement([x], [y]), probabilityOfImprovement([y], [x])]
    return Math.abs(there + back - 1) < 1e-9
  })
  const within = fc.property(runs, (x) => {
    const scores: Scores = [x]
    const { value, low, high } = bootstrap(scores, aggregates.mean, { repetitions: 200 })
    const [least, most] = [Math.min(...x) - 1e-9, Math.max(...x) + 1e-9]
    return value >= least && value <= most && (low === null || (low >= least && high! <= most && low <= high!))
  })
  t.doesNotThrow(() => fc.assert(opposite), 'P(x > y) + P(y > x) = 1')
  t.doesNotThrow(() => fc.assert(within), 'intervals lie within the scores')
})
