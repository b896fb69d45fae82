// Crash test: kills a short training run with SIGKILL again and again, resumes it, and compares the outcome with that
// of an uninterrupted run. Every second kill hits while a checkpoint is written.
//   node scripts/crash.mjs --kills n [--seed s] [--task id]
// The last line is {kills, resumed, identical, lost}. resumed: kills that the run recovered from; identical: runs whose
// outcome was bit-identical; lost: kills in runs whose outcome was not.
import { spawn } from 'node:child_process'
import { existsSync, mkdtempSync, readFileSync, readdirSync, rmSync, watch } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { readSafetensors } from '../dist/base/safetensors.js'
import { RunFolder } from '../dist/run/folder.js'

const { values: flags } = parseArgs({
  options: {
    kills: { type: 'string', default: '20' },
    seed: { type: 'string', default: '1' },
    task: { type: 'string', default: 'InvertedPendulum-v5' },
  },
})
const kills = Number(flags.kills)
if (!Number.isSafeInteger(kills) || kills < 1 || !Number.isSafeInteger(Number(flags.seed))) {
  console.error('Expected integers: npm run --silent crash -- --kills n [--seed s] [--task id]')
  process.exit(2)
}
const cli = fileURLToPath(new URL('../dist/cli/main.js', import.meta.url))
const folder = mkdtempSync(join(tmpdir(), 'gogepo-crash-'))
const random = mulberry32(Number(flags.seed))
// Small networks, a buffer that overflows, and constant checkpointing.
const settings = [
  'policyHidden=16',
  'sliceSize=8',
  'generatorHidden=16',
  'criticHidden=16',
  'probingStates=8',
  'bufferSize=100',
  'checkpointEvery=0.02',
  'evaluateEvery=1000',
  'generatorLearningRate=1e-4',
]
const start = (run) => [
  'train',
  flags.task,
  '--seed',
  flags.seed,
  '--steps',
  '6000',
  '--run',
  run,
  '--threads',
  '1',
  '--torch-threads',
  '1',
  ...settings.flatMap((s) => ['--set', s]),
]

try {
  const undisturbed = join(folder, 'undisturbed')
  const began = performance.now()
  if ((await train(start(undisturbed))).code !== 0) throw new Error('the uninterrupted run failed')
  const duration = performance.now() - began
  const expected = outcome(undisturbed)

  const total = { kills: 0, resumed: 0, identical: 0, lost: 0 }
  for (let n = 0; total.kills < kills; n++) {
    const run = join(folder, `run-${n}`)
    let killed = 0
    let code
    do {
      const last =
        total.kills >= kills
          ? undefined
          : { after: random() * duration, atCheckpoint: total.kills % 2 === 1 ? run : undefined }
      const result = await train(existsSync(join(run, 'config.json')) ? ['train', '--resume', run] : start(run), last)
      code = result.code
      if (result.killed) {
        total.kills++
        killed++
      }
    } while (code === null)
    const same = code === 0 && outcome(run) === expected
    if (same) total.identical++
    total[same ? 'resumed' : 'lost'] += killed
    if (same) rmSync(run, { recursive: true })
    else console.error(`${run}: exit code ${code}${code === 0 ? ', different outcome' : ''}, after ${killed} kills`)
  }
  console.log(JSON.stringify(total))
  process.exitCode = total.lost > 0 ? 1 : 0
  if (total.lost === 0) rmSync(folder, { recursive: true })
} catch (error) {
  console.error(error)
  process.exitCode = 1
}

/**
 * Runs one process in its own process group, optionally killed after a delay or just after it starts writing a
 * checkpoint.
 */
function train(args, kill) {
  return new Promise((resolve) => {
    const child = spawn(process.execPath, [cli, ...args], { detached: true, stdio: ['ignore', 'ignore', 'pipe'] })
    let said = ''
    child.stderr.on('data', (text) => (said += text))
    let killed = false
    const end = () => {
      killed = true
      try {
        process.kill(-child.pid, 'SIGKILL')
      } catch {
        killed = false // the process had already exited
      }
    }
    let watcher
    const timer =
      kill &&
      setTimeout(() => {
        const checkpoints = kill.atCheckpoint && join(kill.atCheckpoint, 'checkpoints')
        if (!checkpoints || !existsSync(checkpoints)) return end()
        watcher = watch(checkpoints, () => {
          watcher.close()
          setTimeout(end, random() * 8)
        })
      }, kill.after)
    child.on('exit', (code, signal) => {
      clearTimeout(timer)
      watcher?.close()
      if (code !== 0 && signal === null) console.error(said)
      resolve({ code, killed: killed && signal === 'SIGKILL' })
    })
  })
}

/** The complete outcome of a run except wall times: events, networks, and the contents of its replay buffer. */
function outcome(run) {
  const events = readFileSync(join(run, 'events.jsonl'), 'utf8').replace(/"seconds":[\d.]+/g, '')
  const { checkpoints } = RunFolder.open(run)
  const { learner, counters, segments } = checkpoints.manifest(checkpoints.list().at(-1))
  const rows = new Map()
  for (const { file, first, count } of segments) {
    const { thetas, returns } = readSafetensors(join(run, 'buffer', file)).tensors
    const size = thetas.shape[1]
    for (let i = 0; i < count; i++)
      rows.set(first + i, [
        returns.data[i],
        Buffer.from(thetas.data.slice(i * size, (i + 1) * size).buffer).toString('base64'),
      ])
  }
  const half = readdirSync(join(run, 'checkpoints')).filter((name) => name.endsWith('.tmp')).length
  return JSON.stringify([events, learner, counters, half, [...rows].sort((a, b) => a[0] - b[0]).slice(-100)])
}

function mulberry32(state) {
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let x = Math.imul(state ^ (state >>> 15), 1 | state)
    x = (x + Math.imul(x ^ (x >>> 7), 61 | x)) ^ x
    return ((x ^ (x >>> 14)) >>> 0) / 4294967296
  }
}
