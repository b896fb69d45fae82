// node bench/memory.mjs [--minutes 10]: resident memory of a learner after its replay buffer is full, and the slope of a line through it.
// Small networks and a small buffer, so that thousands of episodes go by.
import { parseArgs } from 'node:util'
import { completeSettings } from '../dist/config.js'
import { Gogepo } from '../dist/gogepo.js'
import { openNative } from '../dist/native.js'
import { nativeTask } from '../dist/env/native-task.js'
import { line } from '../dist/statistics.js'

const { values: flags } = parseArgs({ options: { minutes: { type: 'string', default: '10' } } })
const native = openNative()
const task = nativeTask(native, 'InvertedPendulum-v5')
const settings = completeSettings(
  { policyHidden: [32, 32], sliceSize: 16, generatorHidden: [32], criticHidden: [32], probingStates: 20, bufferSize: 200 },
  { returnMin: task.spec.returnMin, returnMax: task.spec.returnMax, evaluateEvery: task.spec.evaluateEvery },
)
const learner = new Gogepo({ native, task, settings, seed: 1, device: 'cpu', threads: 1, torchThreads: 1, strategy: () => 50 })
while (learner.buffer.count < settings.bufferSize || learner.history.episodes < 1000) await learner.iterate()

const minutes = []
const megabytes = []
const start = performance.now()
for (let next = 0; performance.now() - start < Number(flags.minutes) * 60_000; ) {
  await learner.iterate()
  if (performance.now() < next) continue
  next = performance.now() + 2000
  minutes.push((performance.now() - start) / 60_000)
  megabytes.push(process.memoryUsage.rss() / 1e6)
}
const half = minutes.length >> 1
const { slope } = line(minutes.slice(half), megabytes.slice(half))
console.log(JSON.stringify({ episodes: learner.history.episodes, minutes: minutes.at(-1), megabytes: { first: megabytes[0], last: megabytes.at(-1), most: Math.max(...megabytes) }, slopeMegabytesPerMinute: slope, ...learner.memoryUsage(), objects: native.memory().objects }))
learner.dispose()
