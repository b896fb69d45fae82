/** Small plots of results, as wide as the terminal allows. */
import { identityPlot, marks, seriesPlot } from '../base/plot.js'
import { count } from '../base/words.js'
import { widthOf } from '../report/screen.js'
import type { Sweep } from '../run/opened-run.js'
import type { Comparison } from '../study/compare.js'

const margin = 14 // columns for the labels at the vertical axis
const [least, most] = [20, 56] // columns inside the axes

/** undefined on a terminal that is too narrow; a pipe has room. */
function columnsOf(stream: NodeJS.WriteStream): number | undefined {
  const columns = Math.min(most, widthOf(stream) - margin)
  return columns < least ? undefined : columns
}

/** Achieved (up) against commanded (right), or nothing where there is no room. */
export function sweepPlot({ rows }: Pick<Sweep, 'rows'>, stream: NodeJS.WriteStream): string[] {
  const columns = columnsOf(stream)
  if (columns === undefined) return []
  const points = rows.map(({ command, achievedMean }) => ({ x: command, y: achievedMean }))
  return [
    'Achieved (up) against commanded (right); on the dots they are equal:',
    identityPlot(points, { columns, rows: 15 }),
  ]
}

/** The plot of a sweep on its own lines, or nothing: a pipe gets none. */
export const sweepOnTerminal = (sweep: Sweep, stream: NodeJS.WriteStream): string[] =>
  stream.isTTY ? sweepPlot(sweep, stream) : []

/** The learning curves of a study, task by task, or nothing. */
export function curvesOnTerminal({ curves }: Comparison, stream: NodeJS.WriteStream): string[] {
  const columns = stream.isTTY ? columnsOf(stream) : undefined
  if (columns === undefined) return []
  return [...new Set(curves.map(({ task }) => task))].flatMap((task) => {
    const own = curves.filter((curve) => curve.task === task && curve.steps.length > 0)
    if (own.length === 0) return []
    const series = own.map(({ steps, iqm }, i) => ({
      mark: marks[i % marks.length]!,
      points: steps.map((x, j) => ({ x, y: iqm[j]! })),
    }))
    const legend = own.map(({ variant }, i) => `${series[i]!.mark} ${variant}`).join('   ')
    return [
      `${task}, evaluations (up, IQM over seeds) over steps:`,
      seriesPlot(series, { columns, rows: 12 }, count),
      legend,
      '',
    ]
  })
}
