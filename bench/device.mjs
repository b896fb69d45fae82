// Updates where the engine's device is the point: recorded, in float32 and TF32, beside the plain engine and eager PyTorch on the same
// device; and several learners at once.
import { spawnSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { fillBuffer, fitNetworks, makeNetworks, median, timed } from './measure.mjs'

const engines = [
  ['recorded, float32', 'fp32', {}],
  ['recorded, TF32', 'tf32', { tf32: true }],
  ['reference: operators and autograd', 'reference', { engine: 'reference' }],
]
const updates = 190 // ten iterations' worth, so that the one wait at the end does not count
const iteration = { critic: 4, generator: 19 }

/**
 * By engine, of the paper's batch on this device: milliseconds an update, and of an iteration's updates, with how much of that the
 * device took by its own clock.
 */
export async function benchDevice(task, { native, say, table, rounds, torchThreads, device, python }) {
  const report = {}
  const rows = []
  let architecture
  const add = (words, name, times) => {
    report[name] = times
    rows.push([words, times.generatorMs, times.criticMs, times.iterationMs, times.busy ?? '', times.iterationMs / report.fp32.iterationMs])
  }
  for (const [words, name, overrides] of engines) {
    const networks = makeNetworks(native, task, { torchThreads, device }, overrides)
    architecture = networks.architecture
    const buffer = await fillBuffer({ native, ...networks }, { capacity: 400, recencyExponent: 0 })
    const times = { generator: [], critic: [], iteration: [], busy: [] }
    for (let round = -1; round < rounds; round++) {
      const all = { iteration: 0, busy: 0 }
      for (let i = 0; i < 10; i++) {
        const [ms, { seconds }] = await timed(() => fitNetworks(networks, buffer, iteration, round + 2))
        all.iteration += ms / 10
        all.busy += (1000 * (seconds.critic + seconds.generator)) / 10
      }
      const [generator] = await timed(() => fitNetworks(networks, buffer, { generator: updates }, round + 2))
      const [critic] = await timed(() => fitNetworks(networks, buffer, { critic: updates }, round + 2))
      if (round < 0) continue // warms up
      times.iteration.push(all.iteration)
      times.busy.push(all.busy / all.iteration)
      times.generator.push(generator / updates)
      times.critic.push(critic / updates)
    }
    dispose(networks, buffer)
    add(words, name, { generatorMs: median(times.generator), criticMs: median(times.critic), iterationMs: median(times.iteration), busy: median(times.busy) })
  }
  const eager = eagerUpdates(python, { architecture, device, torchThreads, updates, rounds })
  if (eager) add(`PyTorch ${eager.torch}, eager`, 'peer', { ...eager, iterationMs: 4 * eager.criticMs + 19 * eager.generatorMs })
  else say(`Without eager PyTorch: ${python} has none. Name a Python that has with --python.`)
  table([`updates, ${task.id} shapes, batch 16, ${device}`, 'generator, ms', 'critic, ms', '4 critic and 19 generator updates, ms', 'of it the device\'s', '÷ recorded, float32'], rows)
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
      const [ms] = await timed(() => Promise.all(learners.map(({ networks, buffer }) => fitNetworks(networks, buffer, { generator: each }, round + 2))))
      if (round >= 0) times.push(ms)
    }
    for (const { networks, buffer } of learners) dispose(networks, buffer)
    report[count] = (1000 * count * each) / median(times)
  }
  table([`generator updates a second, all learners together, ${task.id} shapes, ${device}`, ...Object.keys(report).map((count) => (count === '1' ? '1 learner' : `${count} learners`))], [['', ...Object.values(report)]])
  return report
}

function dispose({ engine, generator, critic }, buffer) {
  for (const owned of [buffer, generator, critic, engine]) owned.dispose()
}
