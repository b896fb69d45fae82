// Plots on a terminal: they fit, and a pipe gets them only where it is asked to.
import { stripVTControlCharacters } from 'node:util'
import { test } from 'tap'
import { sweepOnTerminal, sweepPlot } from '../../lib/cli/plots.js'

const stream = (columns?: number) => ({ isTTY: columns !== undefined, columns }) as NodeJS.WriteStream
const rows = [0, 100, 200, 300].map((command) => ({ command, achievedMean: command + 20 }))
const sweep = { rows } as never

/** The longest line of the plot itself, without its caption. */
const widest = ([, plot]: string[]): number =>
  Math.max(
    ...stripVTControlCharacters(plot!)
      .split('\n')
      .map((line) => line.length),
  )

test('the plot of a sweep is no wider than the terminal', (t) => {
  for (const columns of [40, 60, 80])
    t.ok(widest(sweepPlot(sweep, stream(columns))) <= columns, `in ${columns} columns`)
  t.ok(widest(sweepPlot(sweep, stream(40))) > 20)
  t.strictSame(sweepPlot(sweep, stream(30)), [], 'too narrow')
  t.end()
})

test('a pipe gets the plot of a sweep only where it is asked for', (t) => {
  t.ok(widest(sweepPlot(sweep, stream())) > 50)
  t.strictSame(sweepOnTerminal(sweep, stream()), [])
  t.end()
})
