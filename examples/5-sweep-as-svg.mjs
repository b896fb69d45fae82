// Asks a run for evenly spaced returns and plots achieved against commanded returns.
//   node examples/5-sweep-as-svg.mjs <run> <out.svg> [points] [episodes]
import { writeFileSync } from 'node:fs'
import { openRun, sweepSvg } from 'gogepo'

const [folder, out, points = '21', episodes = '10'] = process.argv.slice(2)
if (!folder || !out) throw new Error('Expected: node examples/5-sweep-as-svg.mjs <run> <out.svg>')

const run = await openRun(folder)
const sweep = await run.sweep({ points: Number(points), episodes: Number(episodes) })
run.dispose()

writeFileSync(out, await sweepSvg(sweep))
console.log(`${out}: ${sweep.rows.length} commands, RMS error ${(100 * sweep.error).toFixed(1)} % of the range`)
