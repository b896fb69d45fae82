// Tests of a device, for plain Node: node test/device.mjs cuda:0. They do without tap, since a machine with a GPU may
// have Node alone. On `cpu` the backend is the one for GPUs, with its updates executed one by one instead of captured.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { policySpecOf, settingsFor } from '../dist/algorithms/algorithm.js'
import { architectureOf } from '../dist/algorithms/gogepo-memory.js'
import { gogepo } from '../dist/algorithms/gogepo.js'
import { nativeTask } from '../dist/env/native-task.js'
import { cudaUse, openNative } from '../dist/native/open.js'

const device = process.argv[2] ?? 'cuda'
const onGpu = device !== 'cpu'
const native = openNative(device)
const { spec } = nativeTask(native, 'Hopper-v5')
const small = { policyHidden: [32, 32], generatorHidden: [32], criticHidden: [32], probingStates: 16 }
const settings = settingsFor(gogepo, spec, { given: onGpu ? {} : small, preset: 'paper' })
const architecture = architectureOf(policySpecOf(spec, settings.policyHidden), settings)
const returns = Float32Array.from(
  { length: 60 },
  (_, i) => spec.returnMin + ((spec.returnMax - spec.returnMin) * ((i * 37) % 60)) / 60,
)

/** Networks of seed 1 and a buffer of 60 policies, with the same values on every device. */
async function learner(where, backend, pinned = false) {
  const opened = new native.Device({ device: where, threads: 2 })
  const networks = new native.Networks(opened, { architecture, backend })
  const [generator, critic] = [native.Generator, native.Critic].map((Network) => new Network(networks, { seed: 1 }))
  const buffer = new native.ReplayBuffer(networks, { capacity: 50, recencyExponent: 1.1, pinned })
  const policies = new native.Policies(opened, architecture.policy, await thetas)
  buffer.push(policies, returns)
  policies.dispose()
  const fit = (options) =>
    networks.fit(critic, generator, buffer, {
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
    dispose: () => [buffer, critic, generator, networks, opened].forEach((owned) => owned.dispose()),
  }
}

const thetas = (async () => {
  const cpu = new native.Device({ device: 'cpu', threads: 2 })
  const networks = new native.Networks(cpu, { architecture, backend: 'fast' })
  const generator = new native.Generator(networks, { seed: 1 })
  const policies = await generator.generate(returns, { noise: 0.1, seed: 1, firstEpisode: 0 })
  const all = policies.toArray()
  for (const owned of [policies, generator, networks, cpu]) owned.dispose()
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

async function trained(where, backend, pinned) {
  const one = await learner(where, backend, pinned)
  const result = await train(one)
  one.dispose()
  return result
}

const backend = onGpu ? 'fast' : 'static' // on a CUDA device fast is static

test('updates are captured as CUDA graphs', { skip: !onGpu && 'needs a GPU' }, () =>
  assert.equal(cudaUse(native, device).graphs, true),
)

test('100 updates of each network: the same results as on the CPU', async () =>
  same(await trained(device, backend), await trained('cpu', 'fast'), 1e-3))

test('100 updates of each network: the same results as with the reference backend on the device', async () =>
  same(await trained(device, backend), await trained(device, 'reference'), 1e-3))

test('a buffer in host memory gives the same results', async () =>
  same(await trained(device, backend, true), await trained(device, backend), 1e-5))

test('a restored state continues with the same results', async () => {
  const whole = await learner(device, backend)
  await train(whole, 46)
  const states = { generator: whole.generator.state(), critic: whole.critic.state() }
  const resumed = await learner(device, backend)
  for (const network of ['generator', 'critic']) resumed[network].restore(states[network])
  same(await train(resumed, 46), await train(whole, 46), 1e-5)
  for (const one of [whole, resumed]) one.dispose()
})

test('the batch size may change and change back', async () => {
  const one = await learner(device, backend)
  const still = { criticUpdates: 3, generatorUpdates: 3, criticLearningRate: 0, generatorLearningRate: 0, seed: 2 }
  for (const batchSize of [16, 5, 16]) {
    const losses = await one.fit({ ...still, batchSize })
    for (const network of ['critic', 'generator'])
      assert.ok(losses[network].length === 3 && losses[network].every((loss) => Number.isFinite(loss) && loss > 0))
  }
  one.dispose()
})

test('policies of every kind act as on the CPU', async () => {
  const random = (count, index) => native.normals({ seed: 1, index, count })
  for (const activation of ['tanh', 'relu'])
    for (const [hidden, output, bias] of [
      [[], 'clip', false],
      [[8], 'clip', true],
      [[8, 16], 'tanh', true],
    ]) {
      const policy = policySpecOf(spec, hidden, { activation, output, bias })
      const thetas = random(3 * native.policySize(policy), 0)
      const actions = []
      for (const where of [device, 'cpu']) {
        const opened = new native.Device({ device: where, threads: 1 })
        const policies = new native.Policies(opened, policy, thetas)
        actions.push(await policies.actions(random(5 * spec.observationSize, 1)))
        for (const owned of [policies, opened]) owned.dispose()
      }
      same({ actions: actions[0] }, { actions: actions[1] }, 1e-5)
    }
})

test('ARS takes the same steps as on the CPU', async () => {
  const results = []
  for (const where of [device, 'cpu']) {
    const opened = new native.Device({ device: where, threads: 1 })
    const search = new native.Ars(opened, { policy: policySpecOf(spec, [8]), seed: 1 })
    for (let i = 0; i < 3; i++) {
      const policies = await search.perturb({ directions: 4, noise: 0.1, seed: 1, firstDirection: 4 * i })
      const thetas = policies.toArray()
      policies.dispose()
      const score = (_, n) => thetas[(n * thetas.length) / 8]
      await search.step(Float64Array.from({ length: 8 }, score), new Uint8Array(8), { stepSize: 0.1, topDirections: 2 })
    }
    results.push(search.state())
    for (const owned of [search, opened]) owned.dispose()
  }
  same(results[0], results[1], 0)
})

test('a device that does not exist is refused', () =>
  assert.throws(() => openNative('cuda:63'), { code: 'ERR_CUDA_UNAVAILABLE' }))

test('several learners at once give the same results as one alone', async () => {
  const all = await Promise.all(Array.from({ length: 4 }, () => learner(device, backend)))
  const results = await Promise.all(all.map((one) => train(one, 23)))
  for (const one of all) one.dispose()
  for (const result of results) same(result, results[0], 1e-5)
  const alone = await learner(device, backend)
  same(await train(alone, 23), results[0], 1e-5)
  alone.dispose()
})

test(
  'running out of device memory is an error, after which updates still work',
  { skip: !onGpu && 'needs a GPU' },
  async () => {
    const opened = new native.Device({ device, threads: 1 })
    const networks = new native.Networks(opened, { architecture, backend })
    const generator = new native.Generator(networks, { seed: 1 })
    await assert.rejects(generator.generate(new Float32Array(400_000), { noise: 0, seed: 0, firstEpisode: 0 }), {
      code: 'ERR_MEMORY',
    })
    for (const owned of [generator, networks, opened]) owned.dispose()
    await trained(device, backend)
  },
)
