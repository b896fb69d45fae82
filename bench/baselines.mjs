// Benchmarks DDPG, TD3 and SAC against Stable-Baselines3 and, if a clone of it is given, CleanRL: the same networks,
// batches and ratio of updates to steps, a block of steps at a time, alternating. Beside it the floors: the rollouts
// alone, and the arithmetic of the updates at the rate of LibTorch's SGEMM.
import { spawn, spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { settingsFor } from '../dist/algorithms/algorithm.js'
import { findAlgorithm } from '../dist/algorithms/registry.js'
import { GogepoError } from '../dist/base/errors.js'
import { nativeTask } from '../dist/env/native-task.js'
import { Session } from '../dist/train/session.js'
import { median } from './measure.mjs'

const folder = join(dirname(fileURLToPath(import.meta.url)), 'peer')
const stepsPerBlock = 1000
const blocksPerRound = 4 // 20,000 updates in the usual five rounds

export async function benchBaselines(task, { native, table, say, rounds, torchThreads, python, cleanrl }) {
  const programs = { 'Stable-Baselines3': [join(folder, 'baselines.py')] }
  if (cleanrl !== undefined) programs.CleanRL = [join(folder, 'cleanrl.py'), cleanrl]
  const names = Object.keys(programs)
  requirePeers(python, cleanrl)
  const blocks = blocksPerRound * rounds
  const report = {}
  const rows = []
  for (const algorithm of ['td3', 'ddpg', 'sac']) {
    const product = new Product(native, task, algorithm, torchThreads)
    const peers = names.map((name) => new Peer(name, python, [...programs[name], algorithm, task.id, torchThreads]))
    const contestants = [product, ...peers]
    // The first updates come after 1,000 steps; they also warm up every side.
    for (const contestant of contestants) await contestant.run(1200)
    const before = product.rolloutSeconds
    const sums = contestants.map(() => 0)
    let updates = 0
    for (let block = 0; block < blocks; block++)
      for (const [index, contestant] of contestants.entries()) {
        const run = await contestant.run(stepsPerBlock)
        if (contestant === product) updates += run.updates
        sums[index] += run.seconds / run.updates
      }
    const rolloutMs = (1000 * (product.rolloutSeconds - before)) / updates
    const networkMs = await product.networkFloor()
    const [ms, ...peerMs] = sums.map((sum) => (1000 * sum) / blocks)
    const of = Object.fromEntries(names.map((name, i) => [name, { ms: peerMs[i], ratio: peerMs[i] / ms }]))
    report[algorithm] = { task: task.id, updates, ms, peers: of, rolloutMs, networkMs }
    say(
      `${algorithm}: ${ms.toFixed(2)} ms per update with its step; ${names.map((name, i) => `${name} ${peerMs[i].toFixed(2)}`).join(', ')}`,
    )
    rows.push([`${algorithm}, ${task.id}`, ms, ...peerMs.flatMap((each) => [each, each / ms]), rolloutMs, networkMs])
    product.session.dispose()
    for (const peer of peers) peer.end()
  }
  say(`\n${blocks} blocks of ${stepsPerBlock} steps and as many updates, alternating.`)
  table(
    [
      `per update with its step, torch-threads ${torchThreads}, ms`,
      'gogepo',
      ...names.flatMap((name) => [name, `${name} ÷ gogepo`]),
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

  get rolloutSeconds() {
    return this.session.stopwatch.total.rollout
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

function requirePeers(python, cleanrl) {
  const modules = ['stable_baselines3', 'mujoco', ...(cleanrl === undefined ? [] : ['tyro', 'tensorboard'])]
  const { status, error, stderr } = spawnSync(python, ['-c', `import ${modules.join(', ')}`], { encoding: 'utf8' })
  if (status !== 0) {
    const why = error?.message ?? stderr.trim().split('\n').at(-1)
    throw new GogepoError(
      'ERR_ARGUMENT',
      `The baselines need a Python with Stable-Baselines3, and for CleanRL its modules; ${python} is not one (${why}). bench/README.md says how to make one; name it with --python.`,
    )
  }
  if (cleanrl !== undefined && !existsSync(join(cleanrl, 'cleanrl', 'td3_continuous_action.py')))
    throw new GogepoError(
      'ERR_ARGUMENT',
      `--cleanrl: expected the folder of a clone of CleanRL, but ${cleanrl} has no cleanrl/td3_continuous_action.py.`,
    )
}

class Peer {
  updates = 0

  constructor(name, python, args) {
    this.name = name
    this.child = spawn(python, args, { stdio: ['pipe', 'pipe', 'inherit'] })
    this.lines = createInterface({ input: this.child.stdout })[Symbol.asyncIterator]()
  }

  async run(steps) {
    this.child.stdin.write(`${steps}\n`)
    const { done, value } = await this.lines.next()
    if (done) throw new GogepoError('ERR_ARGUMENT', `${this.name} ended: see the message above.`)
    const { updates, seconds } = JSON.parse(value)
    const made = updates - this.updates
    this.updates = updates
    return { updates: made, seconds }
  }

  end() {
    this.child.stdin.end()
  }
}
