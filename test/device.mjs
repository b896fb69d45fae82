// What must hold on a device, for plain Node: node test/device.mjs cuda:0. Without tap, since a machine with a GPU may have Node alone.
// On `cpu` the engine is the one that a GPU uses, its updates made instead of replayed.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { architectureOf } from '../dist/architecture.js'
import { completeSettings } from '../dist/config.js'
import { nativeTask } from '../dist/env/native-task.js'
import { openNative } from '../dist/native.js'

const device = process.argv[2] ?? 'cuda'
const onGpu = device !== 'cpu'
const native = openNative(device)
const { spec } = nativeTask(native, 'Hopper-v5')
const settings = completeSettings(onGpu ? {} : { policyHidden: [32, 32], generatorHidden: [32], criticHidden: [32], probingStates: 16 }, { ...spec, evaluateEvery: 1 })
const architecture = architectureOf(spec, settings)
const returns = Float32Array.from({ length: 60 }, (_, i) => spec.returnMin + ((spec.returnMax - spec.returnMin) * ((i * 37) % 60)) / 60)

/** Networks of seed 1 and a buffer of 60 policies, the same numbers on every device. */
async function learner(where, engine) {
  const made = new native.Engine({ architecture, engine, device: where, threads: 2 })
  const [generator, critic] = [native.Generator, native.Critic].map((Network) => new Network(made, { seed: 1 }))
  const buffer = new native.ReplayBuffer(made, { capacity: 50, recencyExponent: 1.1 })
  const policies = new native.Policies(made, await thetas)
  buffer.push(policies, returns)
  policies.dispose()
  return { generator, critic, buffer, dispose: () => [buffer, critic, generator, made].forEach((owned) => owned.dispose()) }
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
async function train({ generator, critic, buffer }, updates = 100) {
  const losses = { critic: [], generator: [] }
  const options = { batchSize: 16, learningRate: 1e-4, seed: 5 }
  for (let done = 0, next; done < updates; done += next) {
    next = Math.min(23, updates - done)
    losses.critic.push(...(await critic.fit(buffer, { ...options, updates: next })))
    losses.generator.push(...(await generator.fit(critic, buffer, { ...options, learningRate: 2e-6, updates: next })))
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
    assert.ok(ours[name].length === values.length && off <= tolerance * most, `${name}: off by ${off}, the largest is ${most}`)
  }
}

async function trained(where, engine) {
  const one = await learner(where, engine)
  const result = await train(one)
  one.dispose()
  return result
}

const engine = onGpu ? 'fast' : 'static' // on a CUDA device fast is static

test('100 updates of each network, as on the CPU', async () => same(await trained(device, engine), await trained('cpu', 'fast'), 1e-3))

test('100 updates of each network, recorded as made one by one', async () => same(await trained(device, engine), await trained(device, 'reference'), 1e-3))

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
  const options = { updates: 3, learningRate: 0, seed: 2 }
  const first = await one.generator.fit(one.critic, one.buffer, { ...options, batchSize: 16 })
  await one.generator.fit(one.critic, one.buffer, { ...options, batchSize: 5 })
  assert.equal(first.length, 3)
  assert.ok([...(await one.critic.fit(one.buffer, { ...options, batchSize: 7 }))].every(Number.isFinite))
  one.dispose()
})

test('a device that is not there', () => assert.throws(() => openNative('cuda:63'), { code: 'ERR_CUDA_UNAVAILABLE' }))

test('more than the device’s memory is an error, and the next update is made', { skip: !onGpu && 'of a GPU' }, async () => {
  const huge = architectureOf(spec, completeSettings({ policyHidden: [65536, 65536], sliceSize: 4096, generatorHidden: [65536] }, { ...spec, evaluateEvery: 1 }))
  assert.throws(() => new native.Generator(new native.Engine({ architecture: huge, engine, device, threads: 1 }), { seed: 1 }), (error) => /^ERR_/.test(error.code))
  await trained(device, engine)
})
