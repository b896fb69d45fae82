// Benchmarks DDPG, TD3 and SAC against Stable-Baselines3: the same networks, batches and ratio of updates to steps, a
// block of steps at a time, the two alternating. Beside it the floors: the rollouts alone, and the arithmetic of the
// updates at the rate of LibTorch's SGEMM.
import { spawn, spawnSync } from 'node:child_process'
import { dirname, join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { settingsFor } from '../dist/algorithms/algorithm.js'
import { findAlgorithm } from '../dist/algorithms/registry.js'
import { GogepoError } from '../dist/base/errors.js'
import { nativeTask } from '../dist/env/native-task.js'
import { Session } from '../dist/train/session.js'
import { median } from './measure.mjs'

const program = join(dirname(fileURLToPath(import.meta.url)), 'peer', 'baselines.py')
const stepsPerBlock = 1000
const blocksPerRound = 4 // 20,000 updates in the usual five rounds

export async function benchBaselines(task, { native, table, say, rounds, torchThreads, python }) {
  requirePeer(python)
  const blocks = blocksPerRound * rounds
  const report = {}
  const rows = []
  for (const algorithm of ['td3', 'ddpg', 'sac']) {
    const product = new Product(native, task, algorithm, torchThreads)
    const peer = new Peer(python, algorithm, task.id, torchThreads)
    // The first updates come after 1,000 steps; they also warm up both sides.
    await product.run(1200)
    await peer.run(1200)
    const before = await product.floors()
    const times = { product: 0, peer: 0 }
    let updates = 0
    for (let block = 0; block < blocks; block++) {
      const mine = await product.run(stepsPerBlock)
      updates += mine.updates
      times.product += mine.seconds / mine.updates
      const theirs = await peer.run(stepsPerBlock)
      times.peer += theirs.seconds / theirs.updates
    }
    const after = await product.floors()
    const [ms, peerMs] = [times.product, times.peer].map((sum) => (1000 * sum) / blocks)
    const rolloutMs = (1000 * (after.rollout - before.rollout)) / updates
    const networkMs = await product.networkFloor()
    report[algorithm] = { task: task.id, updates, ms, peerMs, ratio: peerMs / ms, rolloutMs, networkMs }
    say(`${algorithm}: ${ms.toFixed(2)} ms per update with its step, Stable-Baselines3 ${peerMs.toFixed(2)}`)
    rows.push([`${algorithm}, ${task.id}`, ms, peerMs, peerMs / ms, rolloutMs, networkMs])
    product.session.dispose()
    peer.end()
  }
  say(`\n${blocks} blocks of ${stepsPerBlock} steps and as many updates, alternating.`)
  table(
    [
      `per update with its step, torch-threads ${torchThreads}, ms`,
      'gogepo',
      'Stable-Baselines3',
      'Stable-Baselines3 ÷ gogepo',
      'of gogepo: rollouts',
      'updates at SGEMM’s rate',
    ],
    rows,
  )
  return report
}

class Product {
  constructor(native, task, name, torchThreads) {
    const algorithm = findAlgorithm(name)
    this.given = { randomSteps: 1000 }
    const settings = settingsFor(algorithm, task, { given: this.given, preset: 'paper' })
    this.settings = settings
    const options = { native, algorithm, task: nativeTask(native, task.id), settings, seed: 1 }
    this.session = new Session({ ...options, device: 'cpu', threads: 1, torchThreads })
  }

  get updates() {
    return this.session.learner.state().counters.criticsUpdates
  }

  /** At least that many steps: whole episodes. */
  async run(steps) {
    const [from, updates, start] = [this.session.history.steps, this.updates, performance.now()]
    while (this.session.history.steps < from + steps) await this.session.iterate()
    return { updates: this.updates - updates, seconds: (performance.now() - start) / 1000 }
  }

  async floors() {
    return { rollout: this.session.stopwatch.total.rollout }
  }

  /** Milliseconds of an update's multiplications, at the rate of an SGEMM of a hidden layer. */
  async networkFloor() {
    const { batchSize } = this.settings
    const times = await this.session.device.sgemm({ m: batchSize, n: 256, k: 256, repeats: 200 })
    const rate = (2 * batchSize * 256 * 256) / median([...times]) // FLOP per ms
    return flopOf(this.session.options.algorithm.name, this.session.learner, this.settings) / rate
  }
}

/** A forward pass counts once, the gradient of the weights once, that of the inputs once. */
export function flopOf(algorithm, learner, { batchSize }) {
  const { tensors } = learner.state()
  const a = tensors['actor.values'].data.length
  const critics = tensors['critics.values'].data.length
  const passes = {
    td3: 2.5 * a + 4.5 * critics, // every second update has the actor's: 1.5 a + half of the critics
    ddpg: 4 * a + 6 * critics,
    sac: 4 * a + 6 * critics,
  }
  return 2 * batchSize * passes[algorithm]
}

function requirePeer(python) {
  const { status, error, stderr } = spawnSync(python, ['-c', 'import stable_baselines3, mujoco'], { encoding: 'utf8' })
  if (status === 0) return
  const why = error?.message ?? stderr.trim().split('\n').at(-1)
  throw new GogepoError(
    'ERR_ARGUMENT',
    `The baselines need a Python with Stable-Baselines3, and ${python} is not one (${why}). Name one with --python, made by: pip install stable-baselines3 "gymnasium[mujoco]" mujoco==3.14.0`,
  )
}

class Peer {
  updates = 0

  constructor(python, algorithm, task, threads) {
    this.child = spawn(python, [program, algorithm, task, String(threads)], { stdio: ['pipe', 'pipe', 'inherit'] })
    this.lines = createInterface({ input: this.child.stdout })[Symbol.asyncIterator]()
  }

  async run(steps) {
    this.child.stdin.write(`${steps}\n`)
    const { done, value } = await this.lines.next()
    if (done) throw new GogepoError('ERR_ARGUMENT', 'Stable-Baselines3 ended: see the message above.')
    const { updates, seconds } = JSON.parse(value)
    const made = updates - this.updates
    this.updates = updates
    return { updates: made, seconds }
  }

  end() {
    this.child.stdin.end()
  }
}
