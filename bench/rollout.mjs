// What a step costs in every task, beside its physics, its policy, and Gymnasium:
//   npm run --silent setup && node bench/rollout.mjs [--python <python with gymnasium[mujoco]>] [--task <id>]… [--episodes 4] [--passes 7] [--write]
// Prints a table; --write puts it into bench/RESULTS.md in place of the one there.
import { execFileSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { availableParallelism, cpus, loadavg, tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { openNative } from '../dist/native.js'
import { version } from '../dist/run.js'

const { values: flags } = parseArgs({
  options: { python: { type: 'string' }, task: { type: 'string', multiple: true }, episodes: { type: 'string', default: '4' }, passes: { type: 'string', default: '7' }, write: { type: 'boolean' }, program: { type: 'string' } },
})
const bench = dirname(fileURLToPath(import.meta.url))
const build = join(dirname(bench), 'build')
const tasks = flags.task ?? openNative().envs().map((t) => t.id)
if (!flags.program) execFileSync('cmake', ['--build', build, '--target', 'rollout_bench'], { stdio: ['ignore', 'ignore', 'inherit'] })
const program = flags.program ?? join(build, 'bench', 'native', 'rollout_bench')

const folder = mkdtempSync(join(tmpdir(), 'gogepo-bench-'))
const rows = []
const loads = []
let peer
try {
  for (const task of tasks) {
    const episodes = String(Math.max(Number(flags.episodes), task.startsWith('Reacher') || task.startsWith('Pusher') ? 20 : 0)) // short ones
    const thetas = join(folder, 'thetas')
    const own = run(program, [task, episodes, flags.passes, thetas])
    peer = flags.python ? run(flags.python, [join(bench, 'peer', 'rollout.py'), task, thetas, '3']) : undefined
    loads.push(loadavg()[0])
    rows.push([task, own.whole, own.wholeOn2, own.physics, own.network, own.ratio, own.whole / own.wholeOn2, ...(peer ? [peer.whole, peer.whole / own.whole] : [])])
    console.error(rows.at(-1).map(show).join('  '))
  }
} finally {
  rmSync(folder, { recursive: true })
}

const head = ['task', 'whole', 'on 2 threads', 'physics', 'network', 'whole ÷ (physics + network)', '1 thread ÷ 2', ...(peer ? ['Gymnasium + NumPy', 'Gymnasium ÷ whole'] : [])]
const text = `gogepo ${version}, MuJoCo ${openNative().versions.mujoco}${peer ? `, Gymnasium ${peer.gymnasium}, NumPy ${peer.numpy}` : ''}; ${cpus()[0].model}, ${availableParallelism()} cores, load ${Math.min(...loads).toFixed(1)} to ${Math.max(...loads).toFixed(1)} meanwhile.

| ${head.join(' | ')} |
|${head.map((_, i) => (i === 0 ? '---' : '--:')).join('|')}|
${rows.map((row) => `| ${row.map(show).join(' | ')} |`).join('\n')}
`
console.log(text)
if (flags.write) {
  const path = join(bench, 'RESULTS.md')
  const marks = ['<!-- rollout.mjs --write puts the table here -->\n', '<!-- until here -->\n']
  const [before, after] = [readFileSync(path, 'utf8').split(marks[0])[0], readFileSync(path, 'utf8').split(marks[1])[1]]
  writeFileSync(path, `${before}${marks[0]}\n${text}\n${marks[1]}${after}`)
}

function show(cell) {
  return typeof cell === 'number' ? cell.toFixed(cell < 10 ? 2 : 1) : cell
}

function run(command, args) {
  return JSON.parse(execFileSync(command, args, { encoding: 'utf8', maxBuffer: 1 << 24 }))
}
