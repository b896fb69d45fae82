// Benchmarks training on this machine. Each figure is compared with a lower bound or a peer measured in the same run:
// README.md.
//   npm run --silent bench -- [--only update,rollout,environments,iteration,draw,peer,learners,baselines] [--device name]
//     [--threads n] [--torch-threads n] [--task id]… [--rounds n] [--python program] [--cleanrl folder] [--json]
import { availableParallelism, cpus, loadavg } from 'node:os'
import { readFileSync } from 'node:fs'
import { parseArgs } from 'node:util'
import { GogepoError } from '../dist/base/errors.js'
import { version } from '../dist/base/package.js'
import { nativeTask } from '../dist/env/native-task.js'
import { openNative } from '../dist/native/open.js'
import { benchBaselines } from './baselines.mjs'
import { benchDevice, benchLearners } from './device.mjs'
import { benchDraw } from './draw.mjs'
import { benchEnvironments } from './environments.mjs'
import { benchIteration } from './iteration.mjs'
import { findPeer } from './peer.mjs'
import { benchRollout } from './rollout.mjs'
import { benchUpdate } from './update.mjs'

const usual = ['update', 'rollout', 'environments', 'iteration', 'draw', 'peer']
const sections = [...usual, 'learners', 'baselines'] // these two only if named in --only
try {
  await main()
} catch (error) {
  console.error(error instanceof GogepoError ? `bench: ${error.message}` : error)
  process.exitCode = 1
}

async function main() {
  const flags = readFlags()
  const native = openNative(flags.device)
  const tasks = (flags.task.includes('all') ? native.envs().map(({ id }) => id) : flags.task).map(
    (id) => nativeTask(native, id).spec,
  )
  const say = flags.json ? console.error : console.log
  const wants = (section) => flags.only.includes(section)

  const machine = {
    cpu: cpus()[0]?.model ?? 'unknown',
    cores: availableParallelism(),
    flags: vectorFlags(),
    load: loadavg()[0],
    threads: flags.threads,
    torchThreads: flags.torchThreads,
    versions: { gogepo: version, ...native.versions, node: process.versions.node },
  }
  say(
    `gogepo ${version}, LibTorch ${native.versions.libtorch}, MuJoCo ${native.versions.mujoco}; ${machine.cpu}, ${machine.cores} cores (${machine.flags.join(' ')}), load ${machine.load.toFixed(1)}`,
  )
  if (machine.load > machine.cores / 2) say('Other programs are using this machine: only the ratios are meaningful.')

  const report = { machine }
  const peer =
    wants('iteration') || wants('peer')
      ? findPeer(flags.python, { required: flags.named && wants('peer'), say })
      : undefined
  const options = {
    native,
    say,
    table: (head, rows) => say(markdown(head, rows)),
    rounds: flags.rounds,
    threads: flags.threads,
    torchThreads: flags.torchThreads,
    device: flags.device,
    python: flags.python,
    cleanrl: flags.cleanrl,
  }
  const shapes = tasks.find(({ id }) => id === 'Hopper-v5') ?? tasks[0]
  if (wants('update'))
    Object.assign(report, await (flags.device === 'cpu' ? benchUpdate : benchDevice)(shapes, options))
  if (wants('rollout')) report.rollout = benchRollout(tasks, options)
  if (wants('environments')) report.environmentsUs = await benchEnvironments(options)
  if (wants('iteration') || peer)
    report.iteration = await benchIteration(tasks, { ...options, peer, timeProduct: wants('iteration') })
  if (wants('learners')) report.learners = await benchLearners(shapes, options)
  if (wants('baselines')) report.baselines = await benchBaselines(shapes, options)
  if (wants('draw')) report.drawUs = await benchDraw(options)
  const load = loadavg()[0]
  say(`\nFinal load ${load.toFixed(1)}.`)
  if (flags.json) console.log(JSON.stringify({ ...report, machine: { ...machine, loadAtEnd: load } }))
}

function readFlags() {
  const cores = String(availableParallelism())
  let values
  try {
    ;({ values } = parseArgs({
      options: {
        only: { type: 'string' },
        threads: { type: 'string', default: cores },
        'torch-threads': { type: 'string', default: cores },
        task: {
          type: 'string',
          multiple: true,
          default: ['MountainCarContinuous-v0', 'InvertedPendulum-v5', 'Swimmer-v5', 'Hopper-v5'],
        },
        rounds: { type: 'string', default: '5' },
        device: { type: 'string', default: 'cpu' },
        python: { type: 'string', default: 'python3' },
        cleanrl: { type: 'string' },
        json: { type: 'boolean', default: false },
      },
    }))
  } catch (error) {
    throw new GogepoError('ERR_ARGUMENT', error.message)
  }
  const whole = (name) => {
    const value = Number(values[name])
    if (!Number.isSafeInteger(value) || value < 1 || value > 1024)
      throw new GogepoError('ERR_ARGUMENT', `--${name}: expected a whole number from 1 to 1024, got ${values[name]}.`)
    return value
  }
  const only = values.only?.split(',') ?? usual
  const unknown = only.find((section) => !sections.includes(section))
  if (unknown !== undefined)
    throw new GogepoError(
      'ERR_ARGUMENT',
      `--only: expected some of ${sections.join(',')}, got ${unknown || 'nothing'}.`,
    )
  return {
    only,
    named: values.only !== undefined,
    threads: whole('threads'),
    torchThreads: whole('torch-threads'),
    rounds: whole('rounds'),
    task: values.task,
    device: values.device,
    python: values.python,
    cleanrl: values.cleanrl,
    json: values.json,
  }
}

/** The CPU features that determine which kernels run. */
function vectorFlags() {
  const line = /^flags\s*:(.*)$/m.exec(readFileSync('/proc/cpuinfo', 'utf8'))?.[1] ?? ''
  return line
    .trim()
    .split(/\s+/)
    .filter((flag) => /^(sse4_2|avx|fma|amx)/.test(flag))
}

function markdown(head, rows) {
  const show = (cell) => (typeof cell === 'number' ? cell.toFixed(cell < 10 ? 2 : cell < 1000 ? 1 : 0) : (cell ?? '–'))
  return `\n| ${head.join(' | ')} |\n|${head.map((_, i) => (i === 0 ? '---' : '--:')).join('|')}|\n${rows.map((row) => `| ${row.map(show).join(' | ')} |`).join('\n')}`
}
