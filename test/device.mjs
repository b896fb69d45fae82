// What must hold on a device, for plain Node: node test/device.mjs cuda:0. Without tap, since a machine with a GPU may have Node alone.
// On `cpu` the engine is the one that a GPU uses, its updates made instead of replayed.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { architectureOf } from '../dist/architecture.js'
import { completeSettings } from '../dist/config.js'
import { nativeTask } from '../dist/env/native-task.js'
import { cudaUse, openNative } from '../dist/native.js'

const device = process.argv[2] ?? 'cuda'
const onGpu = device !== 'cpu'
const native = openNative(device)
const { spec } = nativeTask(native, 'Hopper-v5')
const settings = completeSettings(
  onGpu ? {} : { policyHidden: [32, 32], generatorHidden: [32], criticHidden: [32], probingStates: 16 },
  { ...spec, evaluateEvery: 1 },
)
const architecture = architectureOf(spec, settings)
const returns = Float32Array.from(
  { length: 60 },
  (_, i) => spec.returnMin + ((spec.returnMax - spec.returnMin) * ((i * 37) % 60)) / 60,
)

/** Networks of seed 1 and a buffer of 60 policies, the same numbers on every device. */
async function learner(where, engine, pinned = false) {
  const made = new native.Engine({ architecture, engine, device: where, threads: 2 })
  const [generator, critic] = [native.Generator, native.Critic].map((Network) => new Network(made, { seed: 1 }))
  const buffer = new native.ReplayBuffer(made, { capacity: 50, recencyExponent: 1.1, pinned })
  const policies = new native.Policies(made, await thetas)
  buffer.push(policies, returns)
  policies.dispose()
  const fit = (options) =>
    made.fit(critic, generator, buffer, {
      criticUpdates: 0,
      generatorUpdates: 0,
      batchSize: 16,
      criticLearningRate: 1e-4,
      generatorLearningRate: 2e-6,
      seed: 5,
      ...options,
    })
  return {
    generator,
    critic,
    fit,
    dispose: () => [buffer, critic, generator, made].forEach((owned) => owned.dispose()),
  }
}

const thetas = (async () => {
  const engine = new native.Engine({ architecture, engine: 'fast', device: 'cpu', threads: 2 })
  const generator = new native.Generator(engine, { seed: 1 })
  const policies = await generator.generate(returns, { noise: 0.1, seed: 1, firstEpisode: 0 })
  const all = policies.toArray()
  for (const owned of [policies, generator, engine]) owned.dispose()
  return all
})()

/** Losses of 100 updates of each network, in fits of 23, then values and θ of some commands. */
async function train({ generator, critic, fit }, updates = 100) {
  const losses = { critic: [], generator: [] }
  for (let done = 0, next; done < updates; done += next) {
    next = Math.min(23, updates - done)
    const fitted = await fit({ criticUpdates: next, generatorUpdates: next })
    for (const network of ['critic', 'generator']) losses[network].push(...fitted[network])
  }
  const policies = await generator.generate(returns.slice(0, 4), { noise: 0, seed: 0, firstEpisode: 0 })
  const result = { ...losses, theta: policies.toArray(), values: await critic.value(policies) }
  policies.dispose()
  return result
}

function same(ours, theirs, tolerance) {
  for (const [name, values] of Object.entries(theirs)) {
    const most = values.reduce((largest, x) => Math.max(largest, Math.abs(x)), 0)
    const off = values.reduce((largest, x, i) => Math.max(largest, Math.abs(x - ours[name][i])), 0)
    assert.ok(
      ours[name].length === values.length && off <= tolerance * most,
      `${name}: off by ${off}, the largest is ${most}`,
    )
  }
}

async function trained(where, engine, pinned) {
  const one = await learner(where, engine, pinned)
  const result = await train(one)
  one.dispose()
  return result
}

const engine = onGpu ? 'fast' : 'static' // on a CUDA device fast is static

test('updates are recorded', { skip: !onGpu && 'of a GPU' }, () => assert.equal(cudaUse(native, device).graphs, true))

test('100 updates of each network, as on the CPU', async () =>
  same(await trained(device, engine), await trained('cpu', 'fast'), 1e-3))

test('100 updates of each network, recorded as made one by one', async () =>
  same(await trained(device, engine), await trained(device, 'reference'), 1e-3))

test('a buffer in the host’s memory gives the same numbers', async () =>
  same(await trained(device, engine, true), await trained(device, engine), 1e-5))

test('a state taken and given back goes on with the same numbers', async () => {
  const whole = await learner(device, engine)
  await train(whole, 46)
  const states = { generator: whole.generator.state(), critic: whole.critic.state() }
  const resumed = await learner(device, engine)
  for (const network of ['generator', 'critic']) resumed[network].restore(states[network])
  same(await train(resumed, 46), await train(whole, 46), 1e-5)
  for (const one of [whole, resumed]) one.dispose()
})

test('a batch of another size, and then the first again', async () => {
  const one = await learner(device, engine)
  const still = { criticUpdates: 3, generatorUpdates: 3, criticLearningRate: 0, generatorLearningRate: 0, seed: 2 }
  for (const batchSize of [16, 5, 16]) {
    const losses = await one.fit({ ...still, batchSize })
    for (const network of ['critic', 'generator'])
      assert.ok(losses[network].length === 3 && losses[network].every((loss) => Number.isFinite(loss) && loss > 0))
  }
  one.dispose()
})

test('a device that is not there', () => assert.throws(() => openNative('cuda:63'), { code: 'ERR_CUDA_UNAVAILABLE' }))

test('several learners at the same time train as one alone does', async () => {
  const all = await Promise.all(Array.from({ length: 4 }, () => learner(device, engine)))
  const results = await Promise.all(all.map((one) => train(one, 23)))
  for (const one of all) one.dispose()
  for (const result of results) same(result, results[0], 1e-5)
  const alone = await learner(device, engine)
  same(await train(alone, 23), results[0], 1e-5)
  alone.dispose()
})

test(
  'more than the device’s memory is an error, and the next update is made',
  { skip: !onGpu && 'of a GPU' },
  async () => {
    const made = new native.Engine({ architecture, engine, device, threads: 1 })
    const generator = new native.Generator(made, { seed: 1 })
    await assert.rejects(generator.generate(new Float32Array(400_000), { noise: 0, seed: 0, firstEpisode: 0 }), {
      code: 'ERR_MEMORY',
    })
    for (const owned of [generator, made]) owned.dispose()
    await trained(device, engine)
  },
)
