// Plots a command sweep: achieved return against command, with the identity line.
//   node scripts/sweep.mjs <out.svg> <output of gogepo sweep --json>
import { readFileSync, writeFileSync } from 'node:fs'
import { View, parse } from 'vega'
import { compile } from 'vega-lite'

const [out, sweep] = process.argv.slice(2)
if (!out || !sweep) {
  console.error('Expected: node scripts/sweep.mjs <out.svg> <output of gogepo sweep --json>')
  process.exit(2)
}
const { task, rows } = JSON.parse(readFileSync(sweep, 'utf8'))
const asked = rows.map(({ command }) => command)
const ends = [Math.min(...asked), Math.max(...asked)].map((x) => ({ command: x, achievedMean: x }))
const x = { field: 'command', type: 'quantitative', title: 'command' }
const y = {
  field: 'achievedMean',
  type: 'quantitative',
  title: 'achieved return: mean ± standard deviation of 10 episodes',
}
const { spec } = compile({
  title: task,
  width: 320,
  height: 280,
  background: 'white',
  layer: [
    {
      data: { values: ends },
      mark: { type: 'line', strokeDash: [4, 4], color: 'gray', strokeWidth: 1 },
      encoding: { x, y },
    },
    {
      data: {
        values: rows.map((row) => ({
          ...row,
          low: row.achievedMean - row.achievedStd,
          high: row.achievedMean + row.achievedStd,
        })),
      },
      layer: [
        { mark: { type: 'rule' }, encoding: { x, y: { field: 'low', type: 'quantitative' }, y2: { field: 'high' } } },
        { mark: { type: 'point', filled: true, size: 40, opacity: 1 }, encoding: { x, y } },
      ],
    },
  ],
})
writeFileSync(out, await new View(parse(spec), { renderer: 'none' }).toSVG())
