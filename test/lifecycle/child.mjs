// The life of a process that uses gogepo: node child.mjs <case> [argument]. Its last line of output is JSON.
import { lookup } from 'node:dns/promises'
import { readFile } from 'node:fs/promises'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { monitorEventLoopDelay } from 'node:perf_hooks'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads'
import { openRun, resume, train } from '../../dist/index.js'
import { openNative } from '../../dist/native/open.js'
import { RunFolder } from '../../dist/run/folder.js'

const settings = {
  policyHidden: [16],
  sliceSize: 8,
  generatorHidden: [16],
  criticHidden: [16],
  probingStates: 8,
  bufferSize: 20,
  evaluateEvery: 200,
  evaluationEpisodes: 2,
  checkpointEvery: 1,
}
const place = { threads: 2, torchThreads: 2, device: 'cpu' }
const folder = isMainThread ? mkdtempSync(join(tmpdir(), 'gogepo-life-')) : workerData.folder
let runs = 0
const newRun = () => join(folder, `run-${isMainThread ? 0 : workerData.number}-${runs++}`)
const training = (options) =>
  train({ task: 'InvertedPendulum-v5', steps: 300, seed: 1, run: newRun(), settings, ...place, ...options })
const say = (value) => console.log(JSON.stringify(value))
const sleep = (milliseconds) => new Promise((resolve) => setTimeout(resolve, milliseconds))
const code = async (call) => {
  try {
    await call()
    return 'none'
  } catch (error) {
    return error.code ?? String(error)
  }
}
const collect = async () => {
  setFlagsFromString('--expose-gc')
  for (let i = 0; i < 5; i++) {
    runInNewContext('gc')()
    await new Promise((resolve) => setImmediate(resolve))
  }
}

/** The native objects of a small learner. */
function parts(width = 16, threads = 2) {
  const native = openNative()
  const policy = {
    observationSize: 4,
    actionSize: 1,
    discrete: false,
    actionLow: [-1],
    actionHigh: [1],
    hidden: [width],
    bias: true,
    activation: 'tanh',
    output: 'tanh',
  }
  const architecture = {
    policy,
    sliceSize: 8,
    embeddingSize: 4,
    generatorHidden: [width],
    outputScale: 2,
    probingStates: 8,
    criticKind: 'fingerprint',
    criticHidden: [width],
    returnMin: 0,
    returnMax: 100,
  }
  const device = new native.Device({ device: 'cpu', threads })
  const networks = new native.Networks(device, { architecture, backend: 'fast' })
  const generator = new native.Generator(networks, { seed: 1 })
  const critic = new native.Critic(networks, { seed: 1 })
  const buffer = new native.ReplayBuffer(networks, { capacity: 50, recencyExponent: 1, pinned: false })
  const rollout = new native.Rollout({ policy, env: 'InvertedPendulum-v5', options: {}, threads })
  const search = new native.Ars(device, { policy, seed: 1 })
  const generate = (n = 20) => generator.generate(new Float32Array(n), { noise: 0.1, seed: 1, firstEpisode: 0 })
  const fill = async () => {
    const policies = await generate()
    buffer.push(policies, new Float32Array(20))
    return policies
  }
  const fit = (options) => networks.fit(critic, generator, buffer, options)
  return { native, device, policy, networks, generator, critic, buffer, rollout, search, generate, fill, fit }
}
const long = {
  criticUpdates: 1 << 20,
  generatorUpdates: 0,
  batchSize: 16,
  criticLearningRate: 1e-4,
  generatorLearningRate: 0,
  seed: 1,
}
const asked = {
  episodes: 1 << 16,
  seed: 1,
  purpose: 'evaluation',
  firstIndex: 0,
  statistics: null,
  observe: 'none',
  removeSurvivalBonus: false,
}

/** What a run ends with, except for times. */
function outcome(run) {
  const { checkpoints } = RunFolder.open(run)
  const last = checkpoints.list().at(-1)
  return [
    readFileSync(join(run, 'events.jsonl'), 'utf8').replace(/"seconds":[\d.e-]+/g, ''),
    checkpoints.manifest(last).learner,
  ]
}

const worker = (number, job) =>
  new Worker(new URL(import.meta.url), { argv: ['inWorker'], workerData: { folder, number, job } })
const finished = (started) => new Promise((resolve, reject) => started.on('message', resolve).on('error', reject))

const cases = {
  async opens() {
    say({ code: await code(() => openNative()), goesOn: 1 + 1 })
  },
  async trains() {
    const { steps } = await training().result
    say({ trained: steps >= 300 })
  },
  async exits(after) {
    const own = parts(64)
    const policies = await own.fill()
    void training({ steps: 1e6 }).result
    void own.fit(long)
    void own.rollout.run(policies, asked)
    setTimeout(() => process.exit(7), Number(after))
  },
  async throws(after) {
    void training({ steps: 1e6 }).result
    setTimeout(() => {
      throw new Error('of the host')
    }, Number(after))
  },
  async aborts(times) {
    let interrupted = 0
    let resumed = 0
    for (let i = 0; i < Number(times); i++) {
      const controller = new AbortController()
      const run = newRun()
      const { result } = training({ steps: 2000, run, signal: controller.signal })
      setTimeout(() => controller.abort(new Error('enough')), Math.random() * 60)
      const ended = await result
      if (ended.interrupted) interrupted++
      const { checkpoints } = RunFolder.open(run) // its last state is saved, and nothing is being written
      if (checkpoints.list().at(-1) !== ended.steps)
        throw new Error('the last checkpoint is not the one that the result names')
      if ((await resume(run, { ...place, steps: ended.steps + 1 }).result).steps > ended.steps) resumed++
    }
    say({ interrupted: interrupted > 0, resumed })
  },
  async disposes() {
    const idle = parts()
    for (const object of [
      idle.rollout,
      idle.search,
      idle.buffer,
      idle.critic,
      idle.generator,
      idle.networks,
      idle.device,
      idle.device,
    ])
      object.dispose()
    const after = [
      await code(() => idle.generate()),
      await code(() => idle.buffer.count),
      await code(() => idle.rollout.run(idle.critic, asked)),
      await code(() => idle.networks.sizes),
    ]

    const running = parts(64)
    const policies = await running.fill()
    const fit = code(() => running.fit(long))
    const rollout = code(() => running.rollout.run(policies, asked))
    const busy = [
      await code(() => running.fit(long)),
      await code(() => running.buffer.clear({ pushed: 0 })),
      await code(() => running.rollout.run(policies, asked)),
    ]
    await sleep(20)
    for (const object of [running.rollout, running.critic, running.buffer, running.networks, running.device])
      object.dispose()
    const ended = await Promise.all([fit, rollout])
    say({ after, busy, ended, left: await code(() => running.generate()) })
  },
  async forgets() {
    const base = openNative().memory().objects
    await (async () => {
      const { native, device, policy } = parts()
      const theta = new Float32Array(native.policySize(policy))
      for (let i = 0; i < 10_000; i++) {
        new native.Policies(device, policy, theta)
        if (i % 1000 === 0) await collect()
      }
      for (let i = 0; i < 50; i++) {
        const forgotten = parts()
        await forgotten.fill()
        void forgotten.fit({ ...long, criticUpdates: 3 }) // ends after its objects are forgotten
      }
    })()
    await sleep(200)
    await collect()
    say({ left: openNative().memory().objects - base })
  },
  async workers(times) {
    for (let i = 0; i < Number(times); i++) {
      const started = worker(i, 'parts')
      await finished(started)
      await started.terminate()
    }
    say({ goesOn: (await training().result).steps >= 300 })
  },
  async terminates(times) {
    for (let i = 0; i < Number(times); i++) {
      const started = worker(i, 'busy')
      await finished(started)
      await sleep(Math.random() * 50)
      await started.terminate()
    }
    say({ objects: openNative().memory().objects })
  },
  async together() {
    const alone = newRun()
    await training({ run: alone }).result
    const both = await Promise.all([
      finished(worker(1, 'train')),
      finished(worker(2, 'train')),
      training({ seed: 2 }).result,
    ])
    say({ same: both.slice(0, 2).every((other) => JSON.stringify(other) === JSON.stringify(outcome(alone))) })
  },
  async inWorker() {
    const { job } = workerData
    if (job === 'parts') {
      const own = parts()
      await own.fill()
      parentPort.postMessage('ready')
    } else if (job === 'busy') {
      const own = parts(64)
      const policies = await own.fill()
      void own.fit(long)
      void own.rollout.run(policies, asked)
      void training({ steps: 1e6 }).result
      parentPort.postMessage('ready')
    } else {
      const run = newRun()
      await training({ run }).result
      parentPort.postMessage(outcome(run))
    }
  },
  async crowd(seconds) {
    const trainings = Array.from({ length: 16 }, (_, i) =>
      training({
        steps: 1e9,
        seed: i,
        threads: 1,
        torchThreads: 1,
        settings: { ...settings, checkpointEvery: 60, evaluateEvery: 1e8 },
      }),
    )
    await sleep(1000)
    const delay = monitorEventLoopDelay({ resolution: 5 })
    delay.enable()
    const end = performance.now() + 1000 * Number(seconds)
    let slowest = 0
    while (performance.now() < end) {
      const began = performance.now()
      await Promise.all([readFile(new URL(import.meta.url)), lookup('localhost')])
      slowest = Math.max(slowest, performance.now() - began)
      await sleep(5)
    }
    delay.disable()
    for (const one of trainings) one.stop()
    await Promise.all(trainings.map(({ result }) => result))
    say({ p99: delay.percentile(99) / 1e6, slowest })
  },
  async asks(run) {
    const opened = await openRun(run)
    say({ mean: (await opened.evaluate('best')).mean })
    opened.dispose()
  },
}

process.on('exit', () => isMainThread && rmSync(folder, { recursive: true, force: true }))
await cases[isMainThread ? process.argv[2] : 'inWorker'](process.argv[3])
