// Measures the cost of a checkpoint with the paper's network sizes: the CPU time of a save until it is durable, the
// time training waits for it, and their share of a run that saves every checkpointEvery seconds (60) or after every
// iteration.
//   node bench/checkpoint.mjs
import { mkdtempSync, mkdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { nativeTask } from '../dist/env/native-task.js'
import { openNative } from '../dist/native/open.js'
import { Checkpoints } from '../dist/run/checkpoints.js'
import { makeSession, median } from './measure.mjs'

const native = openNative()
const task = nativeTask(native, 'Hopper-v5')
const session = makeSession(native, task, { threads: 1, torchThreads: 2 })
const folder = mkdtempSync(join(tmpdir(), 'gogepo-checkpoint-'))
for (const name of ['checkpoints', 'buffer']) mkdirSync(join(folder, name))
const checkpoints = new Checkpoints(folder)
const made = {
  identity: { algorithm: 'gogepo', task: task.name, taskOptions: {}, seed: 1, settings: session.settings },
  versions: {},
  eventBytes: 0,
  progress: {
    iterations: 0,
    evaluatedAt: 0,
    evaluationEpisodes: 0,
    seconds: 0,
    lastEvaluation: null,
    bestEvaluation: null,
  },
}

const iteration = []
const waiting = []
const cpu = []
for (let i = 0; i < 12; i++) {
  const start = performance.now()
  await session.iterate()
  iteration.push(performance.now() - start)
  const before = process.cpuUsage()
  const saving = performance.now()
  await checkpoints.save(session, made)
  waiting.push(performance.now() - saving)
  await checkpoints.settled()
  const { user, system } = process.cpuUsage(before)
  cpu.push((user + system) / 1000)
}
session.dispose()
rmSync(folder, { recursive: true })
const [i, w, p] = [iteration, waiting, cpu].map(median)
console.log(
  `an iteration takes ${i.toFixed(0)} ms; a checkpoint blocks training for ${w.toFixed(1)} ms and takes ${p.toFixed(1)} ms of CPU time`,
)
console.log(
  JSON.stringify({
    iterationMs: i,
    waitingMs: w,
    processorMs: p,
    shareEvery60Seconds: p / 60_000,
    shareEveryIteration: w / i,
  }),
)
