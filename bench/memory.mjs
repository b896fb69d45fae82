// Looks for memory leaks: measures the resident memory of a learner once its replay buffer is full, and the slope of a
// line fitted to it, as well as the CPU time per iteration early and late. Networks and buffer are small, so that
// thousands of episodes pass. Garbage is collected before each reading, because fluctuations of the heap would hide a
// slope.
//   node bench/memory.mjs [--minutes 10]
import { parseArgs } from 'node:util'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { line } from '../dist/base/statistics.js'
import { nativeTask } from '../dist/env/native-task.js'
import { openNative } from '../dist/native/open.js'
import { makeSession } from './measure.mjs'

const secondsBetween = 5
const { values: flags } = parseArgs({ options: { minutes: { type: 'string', default: '10' } } })
setFlagsFromString('--expose-gc')
const gc = runInNewContext('gc')
const native = openNative()
const task = nativeTask(native, 'InvertedPendulum-v5')
// Learning rates of 0 keep the length of episodes constant.
const given = {
  policyHidden: [32, 32],
  sliceSize: 16,
  generatorHidden: [32],
  criticHidden: [32],
  probingStates: 20,
  bufferSize: 200,
  criticLearningRate: 0,
  generatorLearningRate: 0,
}
const session = makeSession(native, task, { given, threads: 1, torchThreads: 1, strategy: () => 50 })
const { history } = session
while (history.episodes < 1000) await session.iterate()

const readings = []
const start = performance.now()
do {
  const before = {
    cpu: process.cpuUsage(),
    episodes: history.episodes,
    steps: history.steps,
    at: performance.now(),
  }
  while (performance.now() - before.at < secondsBetween * 1000) await session.iterate()
  const cpu = process.cpuUsage(before.cpu)
  await collect()
  const { rss, heapUsed, external } = process.memoryUsage()
  readings.push({
    minutes: (performance.now() - start) / 60_000,
    episodes: history.episodes,
    rss: rss / 1e6,
    heap: (heapUsed + external) / 1e6,
    iterations: history.episodes - before.episodes,
    steps: history.steps - before.steps,
    cpu: (cpu.user + cpu.system) / 1e6,
  })
} while (performance.now() - start < Number(flags.minutes) * 60_000)

const thirds = [0, 1, 2].map((i) =>
  readings.slice(Math.floor((i * readings.length) / 3), Math.floor(((i + 1) * readings.length) / 3)),
)
const later = [...thirds[1], ...thirds[2]]
const column = (rows, name) => rows.map((row) => row[name])
const sum = (rows, name) => column(rows, name).reduce((total, x) => total + x, 0)
const slope = (rows, name) => line(column(rows, 'minutes'), column(rows, name)).slope
const round = (x, digits = 3) => Number(x.toFixed(digits))
const { buffer, parameters, workspace, device } = session.learner.memory()
console.log(
  JSON.stringify({
    minutes: round(readings.at(-1).minutes, 1),
    episodes: history.episodes,
    megabytes: {
      first: round(readings[0].rss),
      last: round(readings.at(-1).rss),
      least: round(Math.min(...column(readings, 'rss'))),
      most: round(Math.max(...column(readings, 'rss'))),
    },
    megabytesPerMinute: {
      all: round(slope(readings, 'rss')),
      lastTwoThirds: round(slope(later, 'rss')),
      heapInLastTwoThirds: round(slope(later, 'heap')),
    },
    bytesPerEpisode: round(
      (slope(later, 'heap') / line(column(later, 'minutes'), column(later, 'episodes')).slope) * 1e6,
      1,
    ), // the history of commands and returns
    cpuMillisecondsPerIteration: thirds.map((rows) => round((sum(rows, 'cpu') / sum(rows, 'iterations')) * 1000)),
    stepsPerCpuSecond: thirds.map((rows) => Math.round(sum(rows, 'steps') / sum(rows, 'cpu'))),
    buffer,
    parameters,
    workspace,
    device,
    objects: native.memory().objects,
  }),
)
session.dispose()

/** Collects garbage twice: in between, finalizers of collected objects release native memory. */
async function collect() {
  gc()
  await new Promise((resolve) => setImmediate(resolve))
  gc()
}
