/** The charts: data in, specifications of Vega-Lite out. */
import type { Figure } from './draw.js'
import { dashes, looks, marks, styleOf, type Theme } from './theme.js'

const size = { width: 340, height: 230 }
const quantitative = (field: string, title: string | null, more: object = {}): object => ({
  field,
  type: 'quantitative',
  title,
  ...more,
})
const tidy = { scale: { zero: false, nice: true } }
const steps = (field = 'steps'): object =>
  quantitative(field, 'environment steps', { axis: { format: '~s', tickCount: 5 }, scale: { nice: false } })

interface Panel {
  /** Below the tasks' names, for what the axes do not say. */
  subtitle?: readonly string[]
  /** Whether panels have their colors, marks, dashes and the legend of these in common. */
  sharing?: 'shared' | 'independent'
  width?: number
  height?: number | object
}

/** One panel per task, two in a row: as many as fit on paper. A layer that would have nothing to show is left out. */
function panels<T extends { task: string }>(
  values: readonly T[],
  layersOf: (own: readonly T[]) => readonly object[],
  { subtitle, sharing = 'shared', ...shape }: Panel = {},
): object {
  return {
    ...(subtitle !== undefined && { title: { text: subtitle, fontSize: 11 } }),
    concat: [...new Set(values.map(({ task }) => task))].map((task) => {
      const own = values.filter((value) => value.task === task)
      return { ...size, ...shape, title: task, data: { values: own }, layer: layersOf(own) }
    }),
    columns: 2,
    resolve: { scale: { color: sharing, shape: sharing, strokeDash: sharing } },
  }
}

/** The same variant has the same color, dash and mark in every panel. */
function series(names: readonly string[], symbolType?: 'stroke'): { color: object; dash: object; shape: object } {
  const longest = Math.max(...names.map((name) => name.length))
  const columns = longest > 30 ? 1 : longest > 15 ? 2 : 3 // names are seen whole: they may differ only at their ends
  const legend =
    names.length > 1
      ? {
          orient: 'bottom',
          columns,
          labelLimit: 600,
          symbolOpacity: 1,
          ...(symbolType && { symbolType, symbolSize: 900 }),
        }
      : null
  const of = (range: readonly unknown[] | undefined): object => ({
    field: 'variant',
    type: 'nominal',
    title: null,
    sort: names,
    legend,
    scale: { domain: names, ...(range && { range: names.map((_, i) => styleOf(range, i)) }) },
  })
  return { color: of(undefined), dash: of(dashes), shape: of(marks) }
}

/** Dashes that are in no legend, where the marks of the line are: it would outline those in dashes. */
const quietDash = { field: 'dash', type: 'nominal', scale: null }
const dashOf = (names: readonly string[], name: string): readonly number[] => styleOf(dashes, names.indexOf(name))

/** A point of a learning curve. */
export interface CurvePoint {
  task: string
  variant: string
  steps: number
  value: number
  low: number | null
  high: number | null
}

/** What a chart of curves says on its axes. */
export interface CurveAxes {
  y: string
  /** environment steps when left out. */
  x?: string
  /** A logarithmic axis; values at or below 0 are left out. */
  log?: boolean
}

/** Figure 3 of the paper: learning curves with intervals. */
export function curvesChart(
  values: readonly CurvePoint[],
  { y: ylabel, x: xlabel, log = false }: CurveAxes,
  description: string,
): Figure {
  const shown = log ? values.filter(({ value }) => value > 0) : values
  const { color, dash } = series([...new Set(values.map(({ variant }) => variant))], 'stroke')
  const lineOf = ({ task, variant }: CurvePoint): string => JSON.stringify([task, variant])
  const lengths = new Map<string, number>()
  for (const point of shown) lengths.set(lineOf(point), (lengths.get(lineOf(point)) ?? 0) + 1)
  const points = shown.map((point) => ({ ...point, alone: lengths.get(lineOf(point)) === 1 }))
  const scale = log ? { scale: { type: 'log' } } : tidy
  const x = xlabel === undefined ? steps() : quantitative('steps', xlabel, { scale: { nice: false } })
  const has = { interval: { filter: 'isValid(datum.low)' }, alone: { filter: 'datum.alone' } }
  const height = { x, y: quantitative('value', ylabel, scale), color }
  const interval = { x, y: quantitative('low', ylabel, scale), y2: { field: 'high' }, color }
  const layersOf = (own: Readonly<typeof points>): object[] => {
    const bands = own.some(({ low }) => low !== null)
    const alone = own.filter((point) => point.alone) // a line through a single point is invisible
    return [
      ...(bands ? [{ transform: [has.interval], mark: { type: 'area', opacity: 0.18 }, encoding: interval }] : []),
      { mark: { type: 'line', strokeWidth: 1.8, interpolate: 'linear' }, encoding: { ...height, strokeDash: dash } },
      ...(alone.some(({ low }) => low !== null)
        ? [{ transform: [has.alone, has.interval], mark: { type: 'rule', strokeWidth: 1.8 }, encoding: interval }]
        : []),
      ...(alone.length > 0
        ? [{ transform: [has.alone], mark: { type: 'point', filled: true, size: 50, opacity: 1 }, encoding: height }]
        : []),
    ]
  }
  return { description, ...panels(points, layersOf) }
}

/** A variant on a task, with one score per run. */
export interface AblationRow {
  task: string
  variant: string
  iqm: number
  low: number | null
  high: number | null
  scores: readonly number[]
}

/** Variants side by side: every run as a dot, the interquartile mean with its interval. */
export function ablationChart(rows: readonly AblationRow[], xlabel: string, description: string): Figure {
  const names = [...new Set(rows.map(({ variant }) => variant))]
  const { color } = series(names)
  const values = rows.flatMap(({ scores, ...row }) => [
    { ...row, kind: 'iqm' },
    ...scores.map((score) => ({ task: row.task, variant: row.variant, low: null, kind: 'run', score })),
  ])
  const y = { field: 'variant', type: 'nominal', title: null, sort: names, axis: { labelLimit: 220 } }
  const plain = { ...color, legend: null }
  const of = (kind: string): object[] => [{ filter: `datum.kind === '${kind}'` }]
  return {
    description,
    ...panels(
      values,
      (own) => [
        {
          transform: of('run'),
          mark: { type: 'tick', thickness: 1.5, size: 14, opacity: 0.65 },
          encoding: { x: quantitative('score', xlabel, tidy), y, color: plain },
        },
        ...(own.some(({ low }) => low !== null)
          ? [
              {
                transform: [...of('iqm'), { filter: 'isValid(datum.low)' }],
                mark: { type: 'rule', strokeWidth: 2.5 },
                encoding: { x: quantitative('low', xlabel, tidy), x2: { field: 'high' }, y, color: plain },
              },
            ]
          : []),
        {
          transform: of('iqm'),
          mark: { type: 'point', filled: true, size: 70, opacity: 1 },
          encoding: { x: quantitative('iqm', xlabel, tidy), y, color: plain },
        },
      ],
      { height: { step: 34 }, subtitle: ['ticks: runs; point and bar: interquartile mean with its 95% interval'] },
    ),
  }
}

/** A command of a sweep. */
export interface AchievedPoint {
  task: string
  /** Which run: the seed. */
  run: string
  command: number
  achieved: number
  std: number
  predicted: number | null
}

/** Figure 5 of the paper: achieved against commanded, the identity, the spread of the episodes and what the critic predicts. */
export function achievedChart(
  points: readonly AchievedPoint[],
  theme: Theme,
  description: string,
  verdict?: string,
): Figure {
  const { quiet } = looks[theme]
  const predicts = points.some(({ predicted }) => predicted !== null)
  const names = [...new Set(points.map(({ run }) => run))]
  const renamed = points.map(({ run, ...point }) => ({
    ...point,
    variant: run,
    dash: dashOf(names, run),
    low: point.achieved - point.std,
    high: point.achieved + point.std,
  }))
  const { color, shape } = series(names)
  const x = quantitative('command', 'commanded return', tidy)
  const y = (field: string): object => quantitative(field, 'achieved return, mean ± std', tidy)
  return {
    description,
    ...panels(
      renamed,
      (own) => [
        {
          mark: { type: 'line', color: quiet, strokeDash: [5, 4], strokeWidth: 1.2 },
          encoding: { x, y: y('command') },
        },
        {
          mark: { type: 'area', opacity: 0.12 },
          encoding: { x, y: y('low'), y2: { field: 'high' }, color },
        },
        {
          mark: { type: 'line', strokeWidth: 1.2, point: false },
          encoding: { x, y: y('achieved'), color, strokeDash: quietDash },
        },
        {
          mark: { type: 'point', filled: true, size: 34, opacity: 1 },
          encoding: { x, y: y('achieved'), color, shape },
        },
        ...(own.some(({ predicted }) => predicted !== null)
          ? [
              {
                transform: [{ filter: 'isValid(datum.predicted)' }],
                mark: { type: 'point', filled: false, shape: 'stroke', size: 60, strokeWidth: 1.4, opacity: 0.8 },
                encoding: { x, y: y('predicted'), color },
              },
            ]
          : []),
      ],
      {
        subtitle: [
          ...(verdict === undefined ? [] : [verdict]),
          `dashed: achieved = commanded${predicts ? '; bars: critic’s prediction' : ''}`,
        ],
      },
    ),
  }
}

/** An evaluation of a run: what was asked for and what came. */
export interface FollowedPoint {
  task: string
  run: string
  steps: number
  command: number
  achieved: number
}

/** How well commands are followed over training: the commanded return as a line, the achieved one as marks. */
export function followingChart(points: readonly FollowedPoint[], description: string): Figure {
  const names = [...new Set(points.map(({ run }) => run))]
  const renamed = points.map(({ run, ...point }) => ({ ...point, variant: run, dash: dashOf(names, run) }))
  const { color, shape } = series(names)
  const y = (field: string): object => quantitative(field, 'commanded (line), achieved (marks)', tidy)
  return {
    description,
    ...panels(renamed, () => [
      {
        mark: { type: 'line', strokeWidth: 1.4, interpolate: 'step-after' },
        encoding: { x: steps(), y: y('command'), color, strokeDash: quietDash },
      },
      {
        mark: { type: 'point', filled: true, size: 22, opacity: 0.75 },
        encoding: { x: steps(), y: y('achieved'), color, shape },
      },
    ]),
  }
}

/** A policy by its two principal components. */
export interface PolicyPoint {
  task: string
  /** Absent for a policy of the replay buffer. */
  stage?: string
  x: number
  y: number
  /** The achieved return of a stored policy, the command of a generated one. */
  return: number
  /** Along the chain, from the lowest command. */
  order: number
}

/** Figure 4 of the paper: what policies do, in two dimensions; stored ones behind, chains of generated ones before. */
export function policiesChart(
  points: readonly PolicyPoint[],
  /** By task, the shares of the variance in its two components. */
  explained: Readonly<Record<string, readonly number[]>>,
  theme: Theme,
  description: string,
): Figure {
  const { ink, background } = looks[theme]
  const color = {
    field: 'return',
    type: 'quantitative',
    title: 'return',
    // Without the end of the scheme that is hard to see on this background.
    scale: { scheme: { name: 'viridis', extent: theme === 'dark' ? [0.35, 1] : [0, 0.88] } },
    legend: { gradientOpacity: 1 },
  }
  const chain = { filter: 'isValid(datum.stage)' }
  const layersOf = (own: readonly PolicyPoint[]): object[] => {
    const axis = (field: 'x' | 'y', i: number): object =>
      quantitative(field, `component ${i + 1} (${Math.round(100 * explained[own[0]!.task]![i]!)}% of the variance)`, {
        ...tidy,
        axis: { labels: false, ticks: false, grid: false },
      })
    const stages = [...new Set(own.flatMap(({ stage }) => stage ?? []))]
    const shape = {
      field: 'stage',
      type: 'nominal',
      title: 'commands after',
      sort: stages,
      legend: { symbolFillColor: ink, symbolStrokeColor: background },
      scale: { domain: stages, range: stages.map((_, i) => marks[i % marks.length]) },
    }
    return [
      {
        transform: [{ filter: '!isValid(datum.stage)' }],
        mark: { type: 'circle', size: 22, opacity: 0.55 },
        encoding: { x: axis('x', 0), y: axis('y', 1), color },
      },
      {
        transform: [chain],
        mark: { type: 'line', color: ink, strokeWidth: 1.2 },
        encoding: { x: axis('x', 0), y: axis('y', 1), order: { field: 'order' }, detail: { field: 'stage' } },
      },
      {
        transform: [chain],
        mark: { type: 'point', filled: true, size: 90, opacity: 1, stroke: background, strokeWidth: 0.8 },
        encoding: { x: axis('x', 0), y: axis('y', 1), color, shape },
      },
    ]
  }
  return {
    description,
    ...panels(points, layersOf, {
      sharing: 'independent', // the returns and the stages of one task are no measure for another's
      width: 460,
      height: 360,
      subtitle: [
        'dots: policies of the replay buffer',
        'connected marks: generated for commands from the lowest to the highest return',
      ],
    }),
  }
}
