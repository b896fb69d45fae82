// OpenAI-ES, PGPE, PSSVF and UDRLPG against test/oracle/algorithms_oracle.py, UDRL against udrl_oracle.py, within the tolerances of GoGePo's cases.
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { test, type Test } from 'tap'
import { architectureOf } from '../../lib/algorithms/gogepo-memory.js'
import { readSafetensors, type Tensor } from '../../lib/base/safetensors.js'
import type {
  Architecture,
  NamedTensor,
  NetworkState,
  PolicySpec,
  Search,
  SearchState,
} from '../../lib/native/contract.js'
import { openNative } from '../../lib/native/open.js'
import { randoms } from '../small.js'

const native = openNative('cpu')
const folder = fileURLToPath(new URL('../oracle/algorithm-cases', import.meta.url))
const updates = 10
const float32 = 2 ** -23 // one rounding of 1
const backends = ['fast', 'static', 'reference'] as const

interface Case {
  settings: Record<string, number> & { hidden: number[]; criticKind?: 'fingerprint' | 'parameters' }
  take(name: string): number[]
  /** Tensors of this prefix, by the rest of their names. */
  all(prefix: string): Record<string, Tensor>
}

function readCase(name: string): Case {
  const { tensors, metadata } = readSafetensors(join(folder, `${name}.safetensors`))
  return {
    settings: JSON.parse(metadata['settings']!) as Case['settings'],
    take: (tensor) => Array.from(tensors[tensor]!.data as Float32Array),
    all: (prefix) =>
      Object.fromEntries(
        Object.entries(tensors)
          .filter(([key]) => key.startsWith(`${prefix}.`))
          .map(([key, value]) => [key.slice(prefix.length + 1), value]),
      ),
  }
}

const largest = (x: readonly number[]): number => x.reduce((most, v) => Math.max(most, Math.abs(v)), 0)
const norm = (x: readonly number[]): number => Math.hypot(...x)
const minus = (x: readonly number[], y: readonly number[]): number[] => x.map((v, i) => v - y[i]!)

/** Each difference is at most `tolerance` times the largest magnitude. */
function near(t: Test, what: string, got: readonly number[], expected: readonly number[], tolerance: number): void {
  const difference = largest(minus(got, expected)) / largest(expected)
  t.ok(got.length === expected.length && difference <= tolerance, `${what}: ${difference} of the largest`)
}

/** 99 % of the parameters are within 2 % of the largest possible change, and they did change. */
function moved(t: Test, what: string, got: number[], expected: number[], before: number[], learningRate: number): void {
  const astray = got.filter(
    (v, i) => Math.abs(v - expected[i]!) > 0.02 * learningRate * updates + float32 * updates * Math.abs(expected[i]!),
  )
  t.ok(astray.length <= 0.01 * got.length, `${what}: ${astray.length} of ${got.length} are astray`)
  t.ok(largest(minus(got, before)) > 1e-3 * learningRate * updates, `${what} moved`)
}

const slices = (flat: Float32Array, tensors: readonly NamedTensor[]): Record<string, number[]> =>
  Object.fromEntries(tensors.map(({ name, offset, size }) => [name, Array.from(flat.subarray(offset, offset + size))]))

const policyOf = (s: Case['settings']): PolicySpec => {
  const actionSize = s['action_size'] ?? s['actionSize']!
  const high = s['action_high'] ?? 1
  return {
    ...{ observationSize: s['observation_size'] ?? s['observationSize']!, actionSize, hidden: s.hidden },
    ...{ discrete: false, actionLow: Array<number>(actionSize).fill(-high) },
    ...{ actionHigh: Array<number>(actionSize).fill(high), bias: true, activation: 'tanh', output: 'tanh' },
  }
}

const architecture = (s: Case['settings']): Architecture =>
  architectureOf(policyOf(s), {
    ...{ sliceSize: s['slice_size']!, embeddingSize: s['embedding_size']! },
    ...{ generatorHidden: s['generator_hidden'] as unknown as number[], outputScale: s['output_scale']! },
    ...{ probingStates: s['probing_states']!, criticKind: s.criticKind ?? 'fingerprint' },
    ...{ criticHidden: s['critic_hidden'] as unknown as number[] },
    ...{ returnMin: s['return_min']!, returnMax: s['return_max']! },
  })

/** Ten steps of a search from the case's θ. */
async function searched<S extends SearchState>(
  { settings, take }: Case,
  search: Search<S>,
  step: (returns: Float64Array, leave: Uint8Array) => Promise<unknown>,
  noise: { noise?: number },
): Promise<S> {
  const { directions, seed } = settings as unknown as { directions: number; seed: number }
  search.restore({ ...search.state(), theta: Float64Array.from(take('theta')) })
  const [returns, diverged] = [take('returns'), take('diverged')]
  for (let i = 0; i < updates; i++) {
    const policies = await search.perturb({ ...noise, directions, seed, firstDirection: i * directions })
    policies.dispose()
    const own = (all: number[]) => all.slice(2 * i * directions, 2 * (i + 1) * directions)
    await step(Float64Array.from(own(returns)), Uint8Array.from(own(diverged)))
  }
  return search.state()
}

test('es', async (t) => {
  const one = readCase('es')
  const { learningRate, weightDecay } = one.settings as unknown as { learningRate: number; weightDecay: number }
  const device = new native.Device({ device: 'cpu', threads: 1 })
  const search = new native.Es(device, { policy: policyOf(one.settings), seed: 1 })
  const after = await searched(one, search, (r, leave) => search.step(r, leave, { learningRate, weightDecay }), {
    noise: 0.1,
  })
  t.equal(after.updates, updates)
  near(t, 'θ', Array.from(after.theta), one.take('theta_after'), 1e-12)
  near(t, 'first moment', Array.from(after.firstMoment), one.take('first_moment_after'), 1e-12)
  near(t, 'second moment', Array.from(after.secondMoment), one.take('second_moment_after'), 1e-12)
  t.ok(norm(minus(one.take('theta_after'), one.take('theta'))) > 0.1)
})

test('pgpe', async (t) => {
  const one = readCase('pgpe')
  const { centerLearningRate, stdevLearningRate, stdevMaxChange, stdev } = one.settings as unknown as Record<
    'centerLearningRate' | 'stdevLearningRate' | 'stdevMaxChange' | 'stdev',
    number
  >
  const device = new native.Device({ device: 'cpu', threads: 1 })
  const search = new native.Pgpe(device, { policy: policyOf(one.settings), seed: 1, stdev })
  const options = { centerLearningRate, stdevLearningRate, stdevMaxChange }
  const after = await searched(one, search, (r, leave) => search.step(r, leave, options), {})
  near(t, 'θ', Array.from(after.theta), one.take('theta_after'), 1e-12)
  near(t, 'σ', Array.from(after.stdev), one.take('stdev_after'), 1e-12)
  t.ok(norm(minus(one.take('theta_after'), one.take('theta'))) > 0.1)
  const change = minus(one.take('stdev_after'), Array(after.stdev.length).fill(stdev))
  t.ok(change.some((x) => x > 0.05) && change.some((x) => x < -0.05), 'some standard deviations grow, some shrink')
})

/** The parameters of a network, in its flat order. */
function flat(tensors: readonly NamedTensor[], size: number, from: Record<string, Tensor>): Float32Array {
  const values = new Float32Array(size)
  for (const { name, offset } of tensors) values.set(from[name]!.data as Float32Array, offset)
  return values
}

const fresh = (values: Float32Array): NetworkState => {
  const zeros = new Float32Array(values.length)
  return { values, firstMoment: zeros, secondMoment: zeros, updates: 0 }
}

/** The gradient that the first Adam step from zero moments saw. */
const gradientOf = ({ firstMoment }: NetworkState): Float32Array => firstMoment.map((m) => m / 0.1)

for (const name of ['pssvf-fingerprint', 'pssvf-parameters', 'pssvf-one-layer'])
  for (const backend of backends)
    test(`${name}, ${backend}`, async (t) => {
      const { settings, take, all } = readCase(name)
      const learningRate = settings['learningRate']!
      const device = new native.Device({ device: 'cpu', threads: 2 })
      const shapes = { ...architecture(settings), sliceSize: settings.hidden.length === 1 ? 12 : 2 }
      const networks = new native.Networks(device, { architecture: shapes, backend })
      const critic = new native.Critic(networks, { seed: 1 })
      critic.restore(fresh(flat(critic.tensors, networks.sizes.critic, all('w'))))
      const policy = new native.LearnedPolicy(networks, { seed: 1 })
      const before = take('theta')
      policy.restore(fresh(Float32Array.from(before)))

      const first = Array.from(await policy.ascend(critic, { updates: 1, learningRate }))
      const gradient = Array.from(gradientOf(policy.state())).map((g) => g)
      const error = norm(minus(gradient, take('theta_grad'))) / norm(take('theta_grad'))
      t.ok(error <= 2e-5, `gradient: ${error}`)
      const rest = Array.from(await policy.ascend(critic, { updates: updates - 1, learningRate }))
      near(t, 'V(θ)', [...first, ...rest], take('value'), 2e-5)
      moved(t, 'θ', Array.from(policy.state().values), take('theta_after'), before, learningRate)
      t.ok(rest.at(-1)! > first[0]!, 'V(θ) rises')
      t.equal(policy.state().updates, updates)
    })

for (const backend of backends)
  test(`udrlpg, ${backend}`, async (t) => {
    const { settings, take, all } = readCase('udrlpg')
    const { perUnit, capacity, rankWeight, batch, seed, learningRate, bufferSize } = settings as unknown as Record<
      'perUnit' | 'capacity' | 'rankWeight' | 'batch' | 'seed' | 'learningRate' | 'bufferSize',
      number
    >
    const device = new native.Device({ device: 'cpu', threads: 2 })
    const shapes = architecture(settings)
    const networks = new native.Networks(device, { architecture: shapes, backend })
    const generator = new native.Generator(networks, { seed: 1 })
    generator.restore(fresh(flat(generator.tensors, networks.sizes.generator, all('rho'))))
    const buckets = { perUnit, capacity, rankWeight }
    const buffer = new native.ReplayBuffer(networks, {
      capacity: bufferSize,
      recencyExponent: 0,
      buckets,
      pinned: false,
    })
    const policies = new native.Policies(device, shapes.policy, Float32Array.from(take('thetas')))
    buffer.push(policies, Float32Array.from(take('returns')))

    const stored = take('stored')
    t.equal(buffer.pushed, stored.length, 'policies whose bucket is full are not stored')
    const { returns } = buffer.rows({ first: buffer.pushed - buffer.count, count: buffer.count })
    t.strictSame(
      Array.from(returns),
      stored.slice(-bufferSize).map((n) => take('returns')[n]!),
    )
    t.strictSame(
      Array.from(buffer.draw({ network: 'generator', seed, firstUpdate: 0, updates, batchSize: batch })),
      take('drawn'),
      'the same batches are sampled',
    )

    const options = { batchSize: batch, learningRate, seed }
    const first = await generator.fit(buffer, { ...options, updates: 1 })
    const gradient = slices(gradientOf(generator.state()), generator.tensors)
    const rest = await generator.fit(buffer, { ...options, updates: updates - 1 })
    const losses = [...first.losses, ...rest.losses]
    t.ok(largest(losses.map((loss, i) => loss / take('loss')[i]! - 1)) <= 2e-5, 'losses')
    const after = slices(generator.state().values, generator.tensors)
    const [errors, sizes]: number[][] = [[], []]
    for (const [name, { data }] of Object.entries(all('rho_grad'))) {
      const expected = Array.from(data as Float32Array)
      errors!.push(norm(minus(gradient[name]!, expected)))
      sizes!.push(norm(expected))
      t.ok(errors!.at(-1)! <= 1e-3 * sizes!.at(-1)!, `gradient of ${name}: ${errors!.at(-1)! / sizes!.at(-1)!}`)
      const [expectedAfter, before] = [all('rho_after')[name]!, all('rho')[name]!].map((tensor) =>
        Array.from(tensor.data as Float32Array),
      )
      moved(t, name, after[name]!, expectedAfter!, before!, learningRate)
    }
    t.ok(norm(errors!) <= 2e-5 * norm(sizes!), `gradient: ${norm(errors!) / norm(sizes!)}`)
  })

test('buckets are sampled by their rank, and entries of a bucket evenly', async (t) => {
  const policy = { ...policyOf(readCase('es').settings), hidden: [4] }
  const device = new native.Device({ device: 'cpu', threads: 1 })
  const networks = new native.Networks(device, {
    architecture: {
      ...{ policy, sliceSize: 4, embeddingSize: 1, generatorHidden: [1], outputScale: 1, probingStates: 1 },
      ...{ criticKind: 'fingerprint', criticHidden: [1], returnMin: 0, returnMax: 1 },
    },
    backend: 'reference',
  })
  // Four buckets with 1, 3, 2 and 1 entries.
  const returns = Float32Array.of(-0.05, 0.41, 0.42, 0.43, 0.71, 0.72, 1.55)
  const policies = new native.Policies(device, policy, new Float32Array(networks.sizes.policy * returns.length))
  for (const rankWeight of [0, 0.3, 2]) {
    const buckets = { perUnit: 10, capacity: 3, rankWeight }
    const buffer = new native.ReplayBuffer(networks, { capacity: 100, recencyExponent: 0, buckets, pinned: false })
    buffer.push(policies, returns)
    const draws = 40_000
    const drawn = buffer.draw({ network: 'generator', seed: 1, firstUpdate: 0, updates: draws / 500, batchSize: 500 })
    t.equal(drawn.length, (draws / 500) * returns.length, 'a batch is at most what is stored')
    const weights = [0, 1, 2, 3].map((i) => Math.exp(rankWeight * i))
    const total = weights.reduce((sum, w) => sum + w, 0)
    const [of, size] = [
      [0, 1, 1, 1, 2, 2, 3],
      [1, 3, 2, 1],
    ]
    let misfit = 0
    for (let entry = 0; entry < returns.length; entry++) {
      const expected = (drawn.length * weights[of[entry]!]!) / total / size[of[entry]!]!
      misfit += (drawn.filter((x) => x === entry).length - expected) ** 2 / expected
    }
    t.ok(misfit < 6 + 5 * Math.sqrt(12), `rank weight ${rankWeight}: chi-square ${misfit} with 6 degrees of freedom`)
  }
})

test('udrlpg with large batches: fast and static as the reference', async (t) => {
  const one = readCase('udrlpg')
  const shapes = { ...architecture(one.settings), policy: { ...policyOf(one.settings), hidden: [16, 32] } }
  for (const batchSize of [24, 150]) {
    const found = await Promise.all(
      backends.map(async (backend) => {
        const device = new native.Device({ device: 'cpu', threads: 3 })
        const networks = new native.Networks(device, { architecture: shapes, backend })
        const generator = new native.Generator(networks, { seed: 1 })
        const buckets = { perUnit: 10, capacity: 100, rankWeight: 0.1 }
        const buffer = new native.ReplayBuffer(networks, { capacity: 200, recencyExponent: 0, buckets, pinned: false })
        const thetas = randoms(200 * networks.sizes.policy, 0.1)
        const policies = new native.Policies(device, shapes.policy, thetas)
        buffer.push(policies, randoms(200, 1))
        const { losses } = await generator.fit(buffer, { updates: 1, batchSize, learningRate: 1e-4, seed: 1 })
        return { loss: losses[0]!, gradient: Array.from(gradientOf(generator.state())) }
      }),
    )
    const { loss, gradient } = found[2]!
    for (const [i, backend] of backends.slice(0, 2).entries()) {
      const error = norm(minus(found[i]!.gradient, gradient)) / norm(gradient)
      t.ok(Math.abs(found[i]!.loss / loss - 1) <= 2e-5, `${backend}, batch of ${batchSize}: loss`)
      t.ok(error <= 2e-5, `${backend}, batch of ${batchSize}: gradient ${error}`)
    }
  }
})

/** The policy of a case of UDRL. */
const behaviorOf = (s: Case['settings']): PolicySpec => {
  const of = s as unknown as PolicySpec & { returnScale: number; horizonScale: number }
  return {
    ...{ observationSize: of.observationSize, actionSize: of.actionSize, discrete: of.discrete },
    ...{ actionLow: of.actionLow, actionHigh: of.actionHigh, hidden: of.hidden, bias: true, activation: 'relu' },
    output: of.discrete ? 'clip' : 'tanh',
    command: { returnScale: of.returnScale, horizonScale: of.horizonScale },
  }
}

for (const name of ['udrl-gaussian', 'udrl-categorical', 'udrl-one-layer'])
  for (const backend of ['fast', 'reference'] as const)
    test(`${name}, ${backend}`, async (t) => {
      const { settings, take, all } = readCase(name)
      const { learningRate, seed, batch, capacity } = settings as unknown as Record<
        'learningRate' | 'seed' | 'batch' | 'capacity',
        number
      >
      const device = new native.Device({ device: 'cpu', threads: 2 })
      const policy = behaviorOf(settings)
      const behavior = new native.Behavior(device, { policy, backend, seed: 1 })
      const size = behavior.state().values.length
      t.equal(native.policySize(policy), size + 2, 'θ ends with its command')
      behavior.restore(fresh(flat(behavior.tensors, size, all('before'))))

      // The best episodes are kept.
      const buffer = new native.EpisodeBuffer(device, { policy, capacity })
      const lengths = take('lengths')
      const episodes = Int32Array.from(lengths.flatMap((length, i) => Array<number>(length).fill(i)))
      const rewards = Float64Array.from(take('rewards'))
      const returns = lengths.map((_, i) => rewards.reduce((sum, r, k) => (episodes[k] === i ? sum + r : sum), 0))
      const [observations, actions] = [Float32Array.from(take('observations')), Float32Array.from(take('actions'))]
      buffer.push({ episodes, observations, actions, rewards }, new Uint8Array(lengths.length))
      const totals = buffer.totals()
      t.strictSame(
        Array.from(totals.lengths),
        take('held').map((i) => lengths[i]!),
      )
      t.strictSame(
        Array.from(totals.returns),
        take('held').map((i) => returns[i]!),
      )

      // Loss, gradient and parameters.
      const options = { batchSize: batch, learningRate, seed }
      const first = await behavior.fit(buffer, { ...options, updates: 1 })
      const gradient = slices(gradientOf(behavior.state()), behavior.tensors)
      const rest = await behavior.fit(buffer, { ...options, updates: updates - 1 })
      const errors = [...first, ...rest].map((loss, i) => loss / take('loss')[i]! - 1)
      t.ok(largest(errors) <= 2e-5, `losses: ${largest(errors)}`)
      const after = slices(behavior.state().values, behavior.tensors)
      const [misses, sizes]: number[][] = [[], []]
      for (const [tensor, { data }] of Object.entries(all('grad'))) {
        const expected = Array.from(data as Float32Array)
        misses!.push(norm(minus(gradient[tensor]!, expected)))
        sizes!.push(norm(expected))
        t.ok(misses!.at(-1)! <= 1e-3 * sizes!.at(-1)!, `gradient of ${tensor}: ${misses!.at(-1)! / sizes!.at(-1)!}`)
        const [then, before] = [all('after')[tensor]!, all('before')[tensor]!].map((one) =>
          Array.from(one.data as Float32Array),
        )
        moved(t, tensor, after[tensor]!, then!, before!, learningRate)
      }
      t.ok(norm(misses!) <= 2e-5 * norm(sizes!), `gradient: ${norm(misses!) / norm(sizes!)}`)

      // What it does in an episode, and what is asked for in each step.
      behavior.restore(fresh(flat(behavior.tensors, size, all('after'))))
      const actors = new native.Actors({ policy, rows: 1 })
      actors.start(behavior.policies(Float32Array.from(take('act_command'))), {
        ...{ seed: 1, statistics: null, observe: 'none' },
      })
      actors.begin(0, 0, 0)
      const width = settings['actionSize']!
      const outputs = take('act_outputs')
      for (const [i, reward] of take('act_rewards').entries()) {
        const action = new Float32Array(policy.discrete ? 1 : width)
        const o = settings['observationSize']!
        actors.act(Float64Array.from(take('act_observations').slice(o * i, o * (i + 1))), action, Uint8Array.of(1))
        actors.reward(0, reward)
        const expected = outputs.slice(width * i, width * (i + 1))
        if (policy.discrete) t.equal(action[0], expected.indexOf(Math.max(...expected)), `choice ${i}`)
        else near(t, `action ${i}`, Array.from(action), expected, 1e-5)
      }
      for (const one of [actors, buffer, behavior]) one.dispose()
    })

test('udrl with networks and batches of the usual size: fast as the reference', async (t) => {
  for (const discrete of [false, true]) {
    const actionSize = discrete ? 6 : 3
    const policy: PolicySpec = {
      ...{ observationSize: 11, actionSize, discrete, hidden: [256, 256], bias: true, activation: 'relu' },
      ...{ actionLow: discrete ? [] : [-1, -1, 0], actionHigh: discrete ? [] : [1, 2, 3] },
      ...{ output: discrete ? 'clip' : 'tanh', command: { returnScale: 1, horizonScale: 2 } },
    }
    const batch = 256
    const segments = {
      observations: randoms(batch * 11),
      commands: randoms(2 * batch, 1, 2).map((x) => 2.5 + x),
      actions: randoms(batch * (discrete ? 1 : 3), 1, 3).map((x) => (discrete ? Math.floor(3 * (x + 1)) : x)),
    }
    const [fast, reference] = await Promise.all(
      (['fast', 'reference'] as const).map(async (backend) => {
        const device = new native.Device({ device: 'cpu', threads: 3 })
        return new native.Behavior(device, { policy, backend, seed: 1 }).update(segments, { learningRate: 1e-3 })
      }),
    )
    t.ok(Math.abs(fast!.loss / reference!.loss - 1) <= 2e-5, 'loss')
    const [a, b] = [Array.from(fast!.gradient), Array.from(reference!.gradient)]
    t.ok(norm(minus(a, b)) <= 2e-5 * norm(b), `gradient: ${norm(minus(a, b)) / norm(b)}`)
  }
})
