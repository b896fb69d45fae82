// Draws the evaluations of runs as one SVG: node scripts/curve.mjs <out.svg> <run folder>…
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { View, parse } from 'vega'
import { compile } from 'vega-lite'

const [out, ...runs] = process.argv.slice(2)
if (!out || runs.length === 0) {
  console.error('Expected: node scripts/curve.mjs <out.svg> <run folder>…')
  process.exit(2)
}
const config = (run) => JSON.parse(readFileSync(join(run, 'config.json'), 'utf8'))
const values = runs.flatMap((run) =>
  readFileSync(join(run, 'events.jsonl'), 'utf8')
    .split('\n')
    .filter((line) => line.startsWith('{"type":"evaluation"'))
    .map((line) => ({ ...JSON.parse(line), seed: `seed ${config(run).seed}` })),
)
const { spec } = compile({
  title: config(runs[0]).task,
  width: 420,
  height: 240,
  background: 'white',
  data: { values },
  mark: { type: 'line', interpolate: 'linear', strokeWidth: 1.5 },
  encoding: {
    x: { field: 'steps', type: 'quantitative', title: 'environment steps' },
    y: { field: 'mean', type: 'quantitative', title: 'mean return of 10 evaluation episodes' },
    color: { field: 'seed', type: 'nominal', title: null },
  },
})
writeFileSync(out, await new View(parse(spec), { renderer: 'none' }).toSVG())
