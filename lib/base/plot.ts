/** A small plot for a terminal: what was achieved against what was commanded. */
import { short } from './words.js'

/** A point of a plot. */
export interface Point {
  readonly x: number
  readonly y: number
}

/**
 * Points in characters, above a line of dots on which x and y are equal. Both axes have the same range.
 * @param size columns and rows of the area inside the axes
 */
export function identityPlot(points: readonly Point[], size: { columns: number; rows: number }): string {
  const all = points.flatMap(({ x, y }) => [x, y])
  const low = Math.min(...all)
  const range = Math.max(...all) - low || 1
  const cells = Array.from({ length: size.rows }, () => new Array<string>(size.columns).fill(' '))
  const cellOf = (value: number, count: number): number => Math.round(((value - low) / range) * (count - 1))
  const put = (column: number, row: number, mark: string): void => {
    cells[size.rows - 1 - row]![column] = mark
  }

  for (let column = 0; column < size.columns; column++)
    put(column, Math.round((column / (size.columns - 1)) * (size.rows - 1)), '·')
  for (const { x, y } of points) put(cellOf(x, size.columns), cellOf(y, size.rows), '●')

  const ends = [short(low), short(low + range)] as const
  const margin = Math.max(...ends.map((end) => end.length))
  const labels = cells.map((_, i) => (i === 0 ? ends[1] : i === size.rows - 1 ? ends[0] : '').padStart(margin))
  const padding = ' '.repeat(margin)
  return [
    ...cells.map((row, i) => `${labels[i]} │${row.join('')}`.trimEnd()),
    `${padding} └${'─'.repeat(size.columns)}`,
    `${padding}  ${ends[0]}${ends[1].padStart(size.columns - ends[0].length)}`,
  ].join('\n')
}
