// Benchmarks the updates on a device: captured as a CUDA graph, in float32 and TF32, compared with the reference
// backend and with eager PyTorch on the same device. Also measures several learners at once.
import { spawn, spawnSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { cudaUse } from '../dist/native/open.js'
import { fillBuffer, fitNetworks, makeNetworks, median, timed } from './measure.mjs'

const backends = [
  ['captured, float32', 'fp32', {}],
  ['captured, TF32', 'tf32', { tf32: true }],
  ['reference: LibTorch operators and autograd', 'reference', { backend: 'reference' }],
]
const updates = 190 // ten iterations' worth, to amortize the one synchronization at the end
const iteration = { critic: 4, generator: 19 }

/**
 * For each backend, with the paper's batch size: milliseconds per update, milliseconds per iteration's updates, and GPU
 * utilization.
 */
export async function benchDevice(task, { native, say, table, rounds, torchThreads, device, python }) {
  const report = {}
  const rows = []
  let architecture
  const graphs = cudaUse(native, device)?.graphs ?? true
  if (graphs !== true)
    say(`CUDA graphs are not available (${graphs}): rows marked captured are of the reference backend.`)
  const add = (words, name, times) => {
    report[name] = times
    rows.push([
      words,
      times.generatorMs,
      times.criticMs,
      times.iterationMs,
      times.busy ?? '',
      times.iterationMs / report.fp32.iterationMs,
    ])
  }
  for (const [words, name, overrides] of backends) {
    const made = makeNetworks(native, task, { torchThreads, device }, overrides)
    architecture = made.architecture
    const buffer = await fillBuffer({ native, ...made }, { capacity: 400, recencyExponent: 0 })
    const times = { generator: [], critic: [], iteration: [] }
    for (let round = -1; round < rounds; round++) {
      const [ten] = await timed(async () => {
        for (let i = 0; i < 10; i++) await fitNetworks(made, buffer, iteration, round + 2)
      })
      const [generator] = await timed(() => fitNetworks(made, buffer, { generator: updates }, round + 2))
      const [critic] = await timed(() => fitNetworks(made, buffer, { critic: updates }, round + 2))
      if (round < 0) continue // warm-up
      times.iteration.push(ten / 10)
      times.generator.push(generator / updates)
      times.critic.push(critic / updates)
    }
    const busy = await busyWhile(device, () => fitNetworks(made, buffer, iteration, 1))
    for (const owned of [buffer, made]) owned.dispose()
    add(words, name, {
      generatorMs: median(times.generator),
      criticMs: median(times.critic),
      iterationMs: median(times.iteration),
      busy,
    })
  }
  const eager = eagerUpdates(python, { architecture, device, torchThreads, updates, rounds })
  if (eager)
    add(`PyTorch ${eager.torch}, eager`, 'peer', { ...eager, iterationMs: 4 * eager.criticMs + 19 * eager.generatorMs })
  else say(`Eager PyTorch is skipped: ${python} has no PyTorch. Name a Python that has it with --python.`)
  table(
    [
      `updates, ${task.id} shapes, batch 16, ${device}`,
      'generator, ms',
      'critic, ms',
      '4 critic and 19 generator updates, ms',
      'GPU utilization, %',
      '÷ captured, float32',
    ],
    rows,
  )
  return { update: report }
}

/**
 * GPU utilization in percent while `work` is repeated for four seconds: the median of nvidia-smi's samples. Undefined
 * without nvidia-smi, which has its own device numbers, independent of CUDA_VISIBLE_DEVICES.
 */
async function busyWhile(device, work) {
  if (device === 'cpu') return undefined
  const arguments_ = [
    '-i',
    device.split(':')[1] ?? '0',
    '--query-gpu=utilization.gpu',
    '--format=csv,noheader,nounits',
    '-lms',
    '100',
  ]
  const smi = spawn('nvidia-smi', arguments_, { stdio: ['ignore', 'pipe', 'ignore'] }).on('error', () => {})
  let said = ''
  smi.stdout.on('data', (text) => (said += text))
  for (const end = performance.now() + 4000; performance.now() < end;) await work()
  smi.kill()
  const samples = said
    .split('\n')
    .filter((line) => /^\d+$/.test(line.trim()))
    .map(Number)
  return median(samples.slice(samples.length >> 2)) // the first samples cover the time before
}

/** Milliseconds per update of the peer's networks (peer/learner.py); undefined if that Python has no PyTorch. */
export function eagerUpdates(python, what) {
  const { status, stdout } = spawnSync(
    python,
    [fileURLToPath(new URL('peer/updates.py', import.meta.url)), JSON.stringify(what)],
    { encoding: 'utf8', stdio: ['ignore', 'pipe', 'inherit'] },
  )
  return status === 0 ? JSON.parse(stdout) : undefined
}

/**
 * Total generator updates per second of 1, 4 and 16 concurrent learners. Each has its own networks and, on CUDA, its
 * own stream.
 */
export async function benchLearners(task, { native, table, rounds, device }) {
  const each = device === 'cpu' ? 2 : updates
  const report = {}
  for (const count of [1, 4, 16]) {
    const learners = []
    for (let i = 0; i < count; i++) {
      const made = makeNetworks(native, task, { torchThreads: 1, device }, {}, i + 1)
      learners.push({
        made,
        buffer: await fillBuffer({ native, ...made }, { capacity: 50, recencyExponent: 0 }),
      })
    }
    const times = []
    for (let round = -1; round < rounds; round++) {
      const [ms] = await timed(() =>
        Promise.all(learners.map(({ made, buffer }) => fitNetworks(made, buffer, { generator: each }, round + 2))),
      )
      if (round >= 0) times.push(ms)
    }
    for (const { made, buffer } of learners) for (const owned of [buffer, made]) owned.dispose()
    report[count] = (1000 * count * each) / median(times)
  }
  table(
    [
      `generator updates per second, all learners together, ${task.id} shapes, ${device}`,
      ...Object.keys(report).map((count) => (count === '1' ? '1 learner' : `${count} learners`)),
    ],
    [['', ...Object.values(report)]],
  )
  return report
}
