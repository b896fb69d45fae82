// Plots the learning curve of each run by itself, as an SVG. `gogepo figure curves` draws them together, with intervals.
//   node scripts/curve.mjs [--beside name --points steps:return,…] <out.svg> <run folder>…
// --points adds published results, labeled with --beside; steps:low..high is a range.
import { writeFileSync } from 'node:fs'
import { parseArgs } from 'node:util'
import { curvesChart } from '../dist/figure/charts.js'
import { svgOf } from '../dist/figure/draw.js'
import { recordsOf } from '../dist/study/results.js'

const {
  values: { beside, points = '' },
  positionals: [out, ...folders],
} = parseArgs({ allowPositionals: true, options: { beside: { type: 'string' }, points: { type: 'string' } } })
const published = points
  .split(',')
  .filter(Boolean)
  .map((text) => {
    const [steps, low, high = low] = text.split(/:|\.\./).map(Number)
    return { variant: beside, steps, value: (low + high) / 2, low, high }
  })
if (
  folders.length === 0 ||
  published.length > 0 !== (beside !== undefined) ||
  published.some(({ steps, value }) => !Number.isFinite(steps + value))
) {
  console.error(
    'Expected: node scripts/curve.mjs [--beside name --points steps:return,steps:low..high] <out.svg> <run folder>…',
  )
  process.exit(2)
}
const { runs } = recordsOf(folders)
const values = runs.flatMap(({ task, variant, seed, evaluations }) =>
  evaluations.map(({ steps, mean }) => ({
    ...{ task, variant: `${variant}, seed ${seed}` },
    ...{ steps, value: mean, low: null, high: null },
  })),
)
const all = [...values, ...published.map((point) => ({ ...point, task: runs[0].task }))]
const figure = curvesChart(all, { y: 'mean return of an evaluation' }, `Learning curves of ${folders.join(', ')}.`)
writeFileSync(out, await svgOf(figure, 'light'))
