// Updates where the engine's device is the point: recorded, in float32 and TF32, beside the plain engine and eager PyTorch on the same
// device; and several learners at once.
import { spawnSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { fillBuffer, makeNetworks, median, timed } from './measure.mjs'

const engines = [
  ['recorded, float32', 'fp32', {}],
  ['recorded, TF32', 'tf32', { tf32: true }],
  ['reference: operators and autograd', 'reference', { engine: 'reference' }],
]
const updates = 190 // ten iterations' worth, so that the one wait at the end does not count

/** Milliseconds an update of the paper's batch on this device, by engine. */
export async function benchDevice(task, { native, say, table, rounds, torchThreads, device, python }) {
  const report = {}
  const rows = []
  let architecture
  const add = (words, name, { generatorMs, criticMs }) => {
    const iterationMs = 19 * generatorMs + 4 * criticMs
    report[name] = { generatorMs, criticMs, iterationMs }
    rows.push([words, generatorMs, criticMs, iterationMs, iterationMs / report.fp32.iterationMs])
  }
  for (const [words, name, overrides] of engines) {
    const networks = makeNetworks(native, task, { torchThreads, device }, overrides)
    architecture = networks.architecture
    const buffer = await fillBuffer({ native, ...networks }, { capacity: 400, recencyExponent: 0 })
    const times = { generator: [], critic: [] }
    for (let round = -1; round < rounds; round++)
      for (const network of ['generator', 'critic']) {
        const [ms] = await timed(() => fit(networks, buffer, network, updates, round + 2))
        if (round >= 0) times[network].push(ms / updates)
      }
    dispose(networks, buffer)
    add(words, name, { generatorMs: median(times.generator), criticMs: median(times.critic) })
  }
  const eager = eagerUpdates(python, { architecture, device, torchThreads, updates, rounds })
  if (eager) add(`PyTorch ${eager.torch}, eager`, 'peer', eager)
  else say(`Without eager PyTorch: ${python} has none. Name a Python that has with --python.`)
  table([`updates, ${task.id} shapes, batch 16, ${device}`, 'generator, ms', 'critic, ms', '4 critic and 19 generator updates, ms', '÷ recorded, float32'], rows)
  return { update: report }
}

/** Milliseconds an update of the peer's networks (peer/learner.py); nothing where that Python has no PyTorch. */
export function eagerUpdates(python, what) {
  const { status, stdout } = spawnSync(python, [fileURLToPath(new URL('peer/updates.py', import.meta.url)), JSON.stringify(what)], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'inherit'] })
  return status === 0 ? JSON.parse(stdout) : undefined
}

/** Generator updates a second of 1, 4 and 16 learners together, each with networks and, on a CUDA device, a stream of its own. */
export async function benchLearners(task, { native, table, rounds, device }) {
  const each = device === 'cpu' ? 2 : updates
  const report = {}
  for (const count of [1, 4, 16]) {
    const learners = []
    for (let i = 0; i < count; i++) {
      const networks = makeNetworks(native, task, { torchThreads: 1, device }, {}, i + 1)
      learners.push({ networks, buffer: await fillBuffer({ native, ...networks }, { capacity: 50, recencyExponent: 0 }) })
    }
    const times = []
    for (let round = -1; round < rounds; round++) {
      const [ms] = await timed(() => Promise.all(learners.map(({ networks, buffer }) => fit(networks, buffer, 'generator', each, round + 2))))
      if (round >= 0) times.push(ms)
    }
    for (const { networks, buffer } of learners) dispose(networks, buffer)
    report[count] = (1000 * count * each) / median(times)
  }
  table([`generator updates a second, all learners together, ${task.id} shapes, ${device}`, ...Object.keys(report).map((count) => (count === '1' ? '1 learner' : `${count} learners`))], [['', ...Object.values(report)]])
  return report
}

function fit({ critic, generator, settings }, buffer, network, updates, seed) {
  const options = { updates, batchSize: settings.batchSize, learningRate: settings[`${network}LearningRate`], seed }
  return network === 'critic' ? critic.fit(buffer, options) : generator.fit(critic, buffer, options)
}

function dispose({ engine, generator, critic }, buffer) {
  for (const owned of [buffer, generator, critic, engine]) owned.dispose()
}
