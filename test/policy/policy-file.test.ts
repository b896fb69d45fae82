// Policy files of every shape of policy: what is written is read, and acts the same, bit for bit, and as its numbers say.
import { join } from 'node:path'
import { test } from 'tap'
import { version } from '../../lib/base/package.js'
import { openNative } from '../../lib/native/open.js'
import type { PolicySpec } from '../../lib/native/contract.js'
import { loadPolicy, Policy } from '../../lib/policy/policy.js'
import { readPolicyFile } from '../../lib/policy/policy-file.js'
import { randoms } from '../small.js'

const native = openNative()
const origin = {
  task: 'Mine',
  taskOptions: { mode: 'true', range: [0.5, Infinity] as const, none: null, high: Infinity },
  command: null,
  predicted: null,
  noise: 0,
  removeSurvivalBonus: false,
  run: 'runs/mine',
  gogepo: version,
}

const box = { discrete: false, observationSize: 3, actionSize: 2, actionLow: [-2, 0.1], actionHigh: [1, 0.3] }
// Gymnasium allows a dimension that is held still.
const still = { ...box, actionLow: [-2, 0.5], actionHigh: [1, 0.5] }
const choice = { discrete: true, observationSize: 3, actionSize: 4, actionLow: [], actionHigh: [] }
const specs: Record<string, PolicySpec> = {
  'a matrix, clipped': { ...box, hidden: [], bias: false, activation: 'tanh', output: 'clip' },
  'a matrix with biases': { ...box, hidden: [], bias: true, activation: 'tanh', output: 'clip' },
  'a tanh network': { ...box, hidden: [8, 5], bias: true, activation: 'tanh', output: 'tanh' },
  'a relu network, clipped': { ...box, hidden: [8, 5], bias: true, activation: 'relu', output: 'clip' },
  'a relu network without biases, squashed': { ...box, hidden: [6], bias: false, activation: 'relu', output: 'tanh' },
  'a relu network, gaussian': { ...box, hidden: [7], bias: true, activation: 'relu', output: 'gaussian' },
  'a tanh network with a dimension held still': {
    ...still,
    hidden: [8],
    bias: true,
    activation: 'tanh',
    output: 'tanh',
  },
  'choices by a matrix': { ...choice, hidden: [], bias: false, activation: 'tanh', output: 'clip' },
  'choices by a relu network': { ...choice, hidden: [7], bias: true, activation: 'relu', output: 'clip' },
  'choices by a tanh network': { ...choice, hidden: [7], bias: true, activation: 'tanh', output: 'tanh' },
}

/** The action in double precision, from θ alone. */
function byHand(spec: PolicySpec, theta: Float32Array, input: readonly number[]): number[] {
  let x: number[] = [...input]
  let at = 0
  const outputs = spec.output === 'gaussian' ? 2 * spec.actionSize : spec.actionSize
  const sizes = [spec.observationSize, ...spec.hidden, outputs]
  for (let layer = 1; layer < sizes.length; layer++) {
    const [n, m] = [sizes[layer - 1]!, sizes[layer]!]
    const bias = spec.bias ? theta.subarray(at + n * m, at + n * m + m) : new Float32Array(m)
    const last = layer === sizes.length - 1
    const weights = theta.subarray(at, at + n * m)
    const y = Array.from(bias, (b, row) => x.reduce((sum, value, k) => sum + weights[row * n + k]! * value, b))
    x = last ? y : y.map((value) => (spec.activation === 'tanh' ? Math.tanh(value) : Math.max(0, value)))
    at += n * m + (spec.bias ? m : 0)
  }
  if (spec.discrete) return [x.indexOf(Math.max(...x))]
  return x.slice(0, spec.actionSize).map((value, i) => {
    const [low, high] = [spec.actionLow[i]!, spec.actionHigh[i]!]
    return spec.output === 'clip'
      ? Math.min(high, Math.max(low, value))
      : (low + high) / 2 + ((high - low) / 2) * Math.tanh(value)
  })
}

for (const [name, spec] of Object.entries(specs))
  test(name, async (t) => {
    const theta = randoms(native.policySize(spec), 1, 3)
    const shape = {
      spec,
      observationMean: Float64Array.of(0.5, -1, 1e8),
      observationStd: Float64Array.of(2, Infinity, 0.25),
    }
    using policy = new Policy(native, shape, theta, origin)
    const path = join(t.testdir(), 'policy.safetensors')
    policy.save(path)
    const content = readPolicyFile(path)
    t.strictSame(content, { shape, theta, origin })
    using again = loadPolicy(path)
    t.strictSame(again.parameters, theta)
    t.match(again, {
      command: null,
      predicted: null,
      discrete: spec.discrete,
      actionSize: spec.discrete ? 1 : 2,
      sizes: [3, ...spec.hidden, spec.actionSize],
    })

    const clipped = new Set<number>()
    for (let n = 0; n < 50; n++) {
      const observation = [Math.sin(n) * 4, n, 1e8 + Math.cos(n)]
      const input = [(observation[0]! - 0.5) / 2, 0, Math.cos(n) * 4].map(Math.fround)
      const action = policy.act(observation)
      const expected = byHand(spec, theta, input)
      const off = Math.max(...expected.map((a, i) => Math.abs(a - action[i]!)))
      t.ok(off < 2e-6, `off by ${off}`)
      t.strictSame(again.act(observation), action)
      for (const [i, a] of action.entries())
        if (!spec.discrete && [spec.actionLow[i], spec.actionHigh[i]].map((b) => Math.fround(b!)).includes(a))
          clipped.add(i)
      if (!spec.discrete)
        t.ok(
          action.every((a, i) => a >= spec.actionLow[i]! && a <= spec.actionHigh[i]!),
          'within bounds that float32 does not hold exactly',
        )
    }
    if (spec.output === 'clip' && !spec.discrete) t.ok(clipped.size > 0, 'some actions reach a bound')
  })

test('the policy of ars, as a run gives it', async (t) => {
  const { openRun } = await import('../../lib/run/opened-run.js')
  const { startRun } = await import('../../lib/run/start.js')
  const run = join(t.testdir(), 'run')
  const place = { threads: 1, torchThreads: 1, device: 'cpu' }
  await startRun({ ...place, algorithm: 'ars', task: 'Swimmer-v5', steps: 1, run, settings: { evaluationEpisodes: 1 } })
  using opened = await openRun(run, place)
  using policy = await opened.policy()
  t.match(policy, { command: null, predicted: null, sizes: [8, 2] })
  const path = join(t.testdirName, 'policy.safetensors')
  policy.save(path)
  t.match(readPolicyFile(path).shape.spec, { hidden: [], bias: false, output: 'clip' })
  using again = loadPolicy(path)
  const observation = randoms(8, 1, 5)
  t.strictSame(again.act(observation), policy.act(observation))
  using noisy = await opened.policy('best', { noise: true, seed: 4 })
  t.notSame(noisy.parameters, policy.parameters)
  t.match(noisy.origin, { noise: 0.03 })
  t.strictSame((await opened.policy('best', { noise: true, seed: 4 })).parameters, noisy.parameters)
  await t.rejects(opened.predict('best'), { code: 'ERR_ARGUMENT', message: /ars/ })
  await t.rejects(opened.policy(3), { code: 'ERR_ARGUMENT', message: /ars/ })
})
