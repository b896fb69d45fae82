// Asks a run for evenly spaced returns and plots achieved against commanded returns with Vega-Lite.
//   node examples/5-sweep-as-svg.mjs <run> <out.svg> [points] [episodes]
import { writeFileSync } from 'node:fs'
import { openRun } from 'gogepo'
import { parse, View } from 'vega'
import { compile } from 'vega-lite'

const [folder, out, points = '21', episodes = '10'] = process.argv.slice(2)
if (!folder || !out) throw new Error('Expected: node examples/5-sweep-as-svg.mjs <run> <out.svg>')

const run = await openRun(folder)
const { task, rows, error, verdict } = await run.sweep({ points: Number(points), episodes: Number(episodes) })
run.dispose()

const values = rows.map((row) => ({
  ...row,
  low: row.achievedMean - row.achievedStd,
  high: row.achievedMean + row.achievedStd,
}))
const x = /** @type {const} */ ({ field: 'command', type: 'quantitative', title: 'commanded return' })
const { spec } = compile({
  title: `${task} ${verdict}`,
  width: 420,
  height: 320,
  background: 'white',
  data: { values },
  layer: [
    {
      mark: { type: 'line', color: 'gray', strokeDash: [4, 4] },
      encoding: { x, y: { field: 'command', type: 'quantitative' } },
    },
    {
      mark: 'rule',
      encoding: { x, y: { field: 'low', type: 'quantitative', title: 'achieved return' }, y2: { field: 'high' } },
    },
    { mark: 'point', encoding: { x, y: { field: 'achievedMean', type: 'quantitative' } } },
  ],
})
writeFileSync(out, await new View(parse(spec), { renderer: 'none' }).toSVG())
console.log(`${out}: ${rows.length} commands, RMS error ${(100 * error).toFixed(1)} % of the range`)
