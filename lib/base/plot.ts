/** Small plots for a terminal. */
import { short } from './words.js'

/** A point of a plot. */
export interface Point {
  readonly x: number
  readonly y: number
}

/** Points with the same mark, a single character. */
export interface Series {
  readonly mark: string
  readonly points: readonly Point[]
}

/** Columns and rows of the area inside the axes. */
interface Size {
  columns: number
  rows: number
}

/** Marks that differ without colors. */
export const marks = ['●', '○', '■', '□', '▲', '△', '◆', '◇', '+', 'x'] as const

/** Points in characters, above a line of dots on which x and y are equal. Both axes have the same range. */
export function identityPlot(points: readonly Point[], size: Size): string {
  const range = rangeOf(points.flatMap(({ x, y }) => [x, y]))
  const ends = [range.low, range.low + range.width]
  const diagonal = Array.from({ length: size.columns }, (_, i) => {
    const at = range.low + (range.width * i) / (size.columns - 1)
    return { x: at, y: at }
  })
  const series = [
    { mark: '·', points: diagonal },
    { mark: marks[0], points },
  ]
  return drawn(series, size, range, range, ends.map(short))
}

/**
 * Several series; where two fall into one cell, the later one is seen. Each axis has the range of the points.
 * @param showX how the ends of the horizontal axis are written
 */
export function seriesPlot(series: readonly Series[], size: Size, showX: (x: number) => string): string {
  const all = series.flatMap(({ points }) => points)
  const x = rangeOf(all.map((point) => point.x))
  return drawn(series, size, x, rangeOf(all.map(({ y }) => y)), [x.low, x.low + x.width].map(showX))
}

interface Range {
  low: number
  width: number
}

function rangeOf(values: readonly number[]): Range {
  const low = Math.min(...values)
  return { low, width: Math.max(...values) - low || 1 }
}

function drawn(
  series: readonly Series[],
  { columns, rows }: Size,
  x: Range,
  y: Range,
  [left, right]: readonly string[],
): string {
  const cells = Array.from({ length: rows }, () => new Array<string>(columns).fill(' '))
  const cellOf = (value: number, { low, width }: Range, count: number): number =>
    Math.round(((value - low) / width) * (count - 1))
  for (const { mark, points } of series)
    for (const point of points) cells[rows - 1 - cellOf(point.y, y, rows)]![cellOf(point.x, x, columns)] = mark

  const ends = [short(y.low), short(y.low + y.width)] as const
  const margin = Math.max(...ends.map((end) => end.length))
  const labels = cells.map((_, i) => (i === 0 ? ends[1] : i === rows - 1 ? ends[0] : '').padStart(margin))
  const padding = ' '.repeat(margin)
  return [
    ...cells.map((row, i) => `${labels[i]} │${row.join('')}`.trimEnd()),
    `${padding} └${'─'.repeat(columns)}`,
    `${padding}  ${left!}${right!.padStart(columns - left!.length)}`,
  ].join('\n')
}
