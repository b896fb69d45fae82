// Plots the learning curves of runs as an SVG.
//   node scripts/curve.mjs [--beside name --points steps:return,…] <out.svg> <run folder>…
// --points adds published results for comparison, as marks labeled with --beside; steps:low..high is a range.
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { View, parse } from 'vega'
import { compile } from 'vega-lite'

const {
  values: flags,
  positionals: [out, ...runs],
} = parseArgs({
  allowPositionals: true,
  options: { beside: { type: 'string' }, points: { type: 'string', default: '' } },
})
const points = flags.points
  .split(',')
  .filter(Boolean)
  .map((text) => {
    const [steps, low, high = low] = text.split(/:|\.\./).map(Number)
    return { steps, low, high, seed: flags.beside }
  })
if (
  !out ||
  runs.length === 0 ||
  points.length > 0 !== (flags.beside !== undefined) ||
  points.some(({ steps, low, high }) => !Number.isFinite(steps + low + high))
) {
  console.error(
    'Expected: node scripts/curve.mjs [--beside name --points steps:return,steps:low..high] <out.svg> <run folder>…',
  )
  process.exit(2)
}
const config = (run) => JSON.parse(readFileSync(join(run, 'config.json'), 'utf8'))
const nameOf = ({ algorithm, preset, seed }) =>
  [algorithm !== 'gogepo' && algorithm, preset !== 'paper' && preset, `seed ${seed}`].filter(Boolean).join(', ')
const values = runs.flatMap((run) =>
  readFileSync(join(run, 'events.jsonl'), 'utf8')
    .split('\n')
    .filter((line) => line.startsWith('{"type":"evaluation"'))
    .map((line) => ({ ...JSON.parse(line), seed: nameOf(config(run)) })),
)
const color = { field: 'seed', type: 'nominal', title: null }
const { spec } = compile({
  title: config(runs[0]).task,
  width: 420,
  height: 240,
  background: 'white',
  layer: [
    {
      data: { values },
      mark: { type: 'line', interpolate: 'linear', strokeWidth: 1.5 },
      encoding: {
        x: { field: 'steps', type: 'quantitative', title: 'environment steps' },
        y: { field: 'mean', type: 'quantitative', title: 'mean return of 10 evaluation episodes' },
        color,
      },
    },
    ...(points.length === 0
      ? []
      : [
          {
            data: { values: points },
            mark: { type: 'rule', strokeWidth: 2 },
            encoding: {
              x: { field: 'steps', type: 'quantitative' },
              y: { field: 'low', type: 'quantitative' },
              y2: { field: 'high' },
              color,
            },
          },
          ...['low', 'high'].map((y) => ({
            data: { values: points },
            mark: { type: 'point', filled: true, size: 40, opacity: 1 },
            encoding: { x: { field: 'steps', type: 'quantitative' }, y: { field: y, type: 'quantitative' }, color },
          })),
        ]),
  ],
})
writeFileSync(out, await new View(parse(spec), { renderer: 'none' }).toSVG())
