// A policy outside of any task: what it does is what rollouts and the critic see, in memory and from a file.
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test, type Test } from 'tap'
import { openRun, type OpenedRun } from '../../lib/run/opened-run.js'
import { loadPolicy, type Policy } from '../../lib/policy/policy.js'
import { nativeTask } from '../../lib/env/native-task.js'
import { openNative } from '../../lib/native/open.js'
import { readSafetensors, writeSafetensors } from '../../lib/base/safetensors.js'
import { oneThread, specOf, startSmall } from '../small.js'

const trained = async (
  t: Test,
  task = 'Hopper-v5',
  settings: object = {},
): Promise<{ run: OpenedRun; folder: string }> => {
  const { run: folder } = await startSmall({
    task,
    steps: 300,
    run: join(t.testdir(), 'run'),
    settings: { policyHidden: [24, 16], ...settings },
  })
  const run = await openRun(folder, oneThread)
  t.teardown(() => run.dispose())
  return { run, folder }
}
/** The policy as its file says, in double precision. */
function byHand(path: string): (observation: ArrayLike<number>) => number[] {
  const { tensors, metadata } = readSafetensors(path)
  const data = (name: string) => tensors[name]!.data as Float32Array
  return (observation) => {
    let x = Array.from(observation, (o, i) =>
      Math.fround((o - data('observation.mean')[i]!) / data('observation.std')[i]!),
    )
    for (let i = 0; tensors[`layers.${i}.weight`]; i++) {
      const [weight, bias] = [data(`layers.${i}.weight`), data(`layers.${i}.bias`)]
      x = Array.from(bias, (b, row) =>
        Math.tanh(x.reduce((sum, value, k) => sum + weight[row * x.length + k]! * value, b)),
      )
    }
    return metadata['discrete'] === 'true'
      ? [x.indexOf(Math.max(...x))]
      : x.map((y, i) => {
          const [low, high] = [data('action.low')[i]!, data('action.high')[i]!]
          return (low + high) / 2 + ((high - low) / 2) * y
        })
  }
}
const observations = (policy: Policy, count = 20) =>
  Array.from({ length: count }, (_, n) =>
    Float32Array.from({ length: policy.observationSize }, (_, i) => Math.sin(7 * n + 3 * i)),
  )
const farthest = (a: ArrayLike<number>, b: ArrayLike<number>) =>
  Math.max(...Array.from(a, (x, i) => Math.abs(x - b[i]!)))

test('a policy acts as its file says, and as it does once read again', async (t) => {
  const { run, folder } = await trained(t)
  const path = join(t.testdirName, 'policy.safetensors')
  using policy = await run.policy(30)
  policy.save(path)
  t.match(policy, { observationSize: 11, actionSize: 3, discrete: false, sizes: [11, 24, 16, 3], command: 30 })

  const hand = byHand(path)
  using again = loadPolicy(path)
  t.strictSame(again.origin, {
    task: 'Hopper-v5',
    command: 30,
    predicted: policy.predicted,
    noise: 0,
    taskOptions: {},
    removeSurvivalBonus: true,
    run: folder,
    gogepo: (JSON.parse(readFileSync('package.json', 'utf8')) as { version: string }).version,
  })
  t.strictSame(again.parameters, policy.parameters)
  for (const o of observations(policy)) {
    const action = policy.act(o)
    t.ok(farthest(action, hand(o)) < 1e-6, String(farthest(action, hand(o))))
    t.strictSame(again.act(o), action)
    t.strictSame(policy.act(Float64Array.from(o)), action)
    t.strictSame(policy.act([...o]), action)
  }
})

test('the file holds what it should, and all metadata is JSON', async (t) => {
  const { run } = await trained(t)
  const path = join(t.testdirName, 'policy.safetensors')
  using policy = await run.policy('best', { noise: true })
  policy.save(path)
  const { tensors, metadata } = readSafetensors(path)
  t.strictSame(
    Object.entries(tensors)
      .map(([name, { dtype, shape }]) => `${name} ${dtype} ${shape}`)
      .sort(),
    [
      'action.high F64 3',
      'action.low F64 3',
      'layers.0.bias F32 24',
      'layers.0.weight F32 24,11',
      'layers.1.bias F32 16',
      'layers.1.weight F32 16,24',
      'layers.2.bias F32 3',
      'layers.2.weight F32 3,16',
      'observation.mean F64 11',
      'observation.std F64 11',
    ],
  )
  const values = Object.fromEntries(Object.entries(metadata).map(([name, text]) => [name, JSON.parse(text) as unknown]))
  t.strictSame(values, { ...policy.origin, discrete: false, activation: 'tanh', output: 'tanh' })
  t.match(values, { task: 'Hopper-v5', command: run.best, noise: 0.1 })
})

test('the critic and rollouts know it as the same policy', async (t) => {
  const { run } = await trained(t, 'Hopper-v5', { normalizeObservations: false })
  using policy = await run.policy(30)
  t.equal(policy.predicted, await run.predict(30))
  t.equal(await run.predict(policy), policy.predicted)
  t.equal((await run.evaluate(30, { episodes: 1 })).predicted, policy.predicted)

  // Without statistics an observation passes as it is: the policy that rollouts and the critic run, on the same numbers.
  const native = openNative()
  const device = new native.Device({ device: 'cpu', threads: 1 })
  const spec = specOf(nativeTask(native, 'Hopper-v5').spec, [24, 16])
  const policies = new native.Policies(device, spec, policy.parameters)
  const states = observations(policy)
  const expected = await policies.actions(Float32Array.from(states.flatMap((o) => [...o])))
  t.ok(farthest(policy.actBatch(states.flatMap((o) => [...o])), expected) < 1e-6)
  policies.dispose()
  device.dispose()
})

test('noise is the exploration’s, and its seed decides which', async (t) => {
  const { run } = await trained(t)
  const theta = async (options: object) => (await run.policy(30, options)).parameters
  const plain = await theta({})
  t.strictSame(await theta({}), plain)
  const noisy = await theta({ noise: true })
  t.strictSame(await theta({ noise: true, seed: 1 }), noisy)
  t.notSame(await theta({ noise: true, seed: 2 }), noisy)
  const sigma = Math.sqrt(noisy.reduce((sum, x, i) => sum + (x - plain[i]!) ** 2, 0) / plain.length)
  t.ok(Math.abs(sigma - 0.1) < 0.02, `σ ${sigma}`)
})

test('a discrete task gets the number of an action', async (t) => {
  const { run } = await trained(t, 'Acrobot-v1')
  const path = join(t.testdirName, 'policy.safetensors')
  using policy = await run.policy(-100, { noise: true })
  t.match(policy, { discrete: true, actionSize: 1, sizes: [6, 24, 16, 3] })
  policy.save(path)
  using again = loadPolicy(path)
  const hand = byHand(path)
  const all = observations(policy, 50)
  t.strictSame(
    all.map((o) => [...policy.act(o)]),
    all.map(hand),
  )
  t.strictSame(policy.actBatch(all.flatMap((o) => [...o])), Float32Array.from(all.flatMap(hand)))
  t.strictSame(again.act(all[0]!), policy.act(all[0]!))
})

test('acting into a given array, and many at once', async (t) => {
  const { run } = await trained(t)
  using policy = await run.policy(30)
  const out = new Float32Array(3)
  const all = observations(policy)
  for (const o of all) {
    t.equal(policy.act(o, out), out)
    t.strictSame(out, policy.act(o))
  }
  t.strictSame(policy.actBatch(all.flatMap((o) => [...o])), Float32Array.from(all.flatMap((o) => [...policy.act(o)])))
  t.equal(policy.actBatch([]).length, 0)
})

test('what cannot be is refused', async (t) => {
  const { run } = await trained(t)
  const policy = await run.policy(30)
  const good = new Float32Array(11)
  const refused = (code: string, message: RegExp, ...given: unknown[]) =>
    t.throws(() => policy.act(...(given as [Float32Array])), { code, message })
  refused('ERR_SHAPE', / 11 .*Hopper-v5.*got 3/, [1, 2, 3])
  refused('ERR_SHAPE', /got nothing/)
  refused('ERR_SHAPE', /\b3\b.*got 2/, good, new Float32Array(2))
  refused('ERR_ARGUMENT', /Float32Array.*Float64Array/, good, new Float64Array(3))
  refused(
    'ERR_ARGUMENT',
    /got NaN as element 4 /,
    good.map((_, i) => (i === 4 ? NaN : 0)),
  )
  refused(
    'ERR_ARGUMENT',
    /got -Infinity as element 0 /,
    good.map(() => -Infinity),
  )
  t.throws(() => policy.actBatch(new Float32Array(12)), { code: 'ERR_SHAPE' })
  // A typed array would make 0 of null, and a number of text.
  for (const [value, shown] of [
    [null, 'null'],
    [undefined, 'nothing'],
    ['1', '"1"'],
    [1n, '1n'],
    [true, 'true'],
    [{}, 'an object'],
  ] as const) {
    const message = (observation: number) =>
      `expected numbers, got ${shown} as element 4 of observation ${observation}.`
    const one = Array.from(good, (x, i) => (i === 4 ? value : x)) as number[]
    t.throws(() => policy.act(one), { code: 'ERR_ARGUMENT', message: `act: ${message(0)}` })
    t.throws(() => policy.actBatch([...good, ...one]), { code: 'ERR_ARGUMENT', message: `actBatch: ${message(1)}` })
  }
  const holes = [...good]
  delete holes[10]
  refused('ERR_ARGUMENT', /got nothing as element 10/, holes)
  t.strictSame(policy.act(new Int32Array(11)), policy.act([...good]))
  const transferred = new Float64Array(11)
  structuredClone(transferred.buffer, { transfer: [transferred.buffer] })
  t.throws(() => policy.actBatch(transferred), { code: 'ERR_ARGUMENT', message: /cannot be read/ })
  await t.rejects(run.policy(NaN), { code: 'ERR_ARGUMENT' })
  await t.rejects(run.predict(Infinity), { code: 'ERR_ARGUMENT' })

  const { run: other } = await trained(t, 'Acrobot-v1')
  await t.rejects(other.predict(policy), { code: 'ERR_SHAPE', message: /6-24-16-3.*11-24-16-3/ })
  policy.dispose()
  policy.dispose()
  t.throws(() => policy.act(good), { code: 'ERR_DISPOSED' })
  t.throws(() => policy.save(join(t.testdirName, 'late')), { code: 'ERR_DISPOSED' })
  other.dispose()
  for (const call of <Promise<unknown>[]>[
    other.policy(1),
    other.evaluate('x' as never),
    other.sweep({ points: 'x' as never }),
    other.predict(NaN),
  ])
    await t.rejects(call, { code: 'ERR_DISPOSED', message: /has been closed/ }, 'whatever it was asked')
})

test('calls on a run wait for one another, and a policy outlives its run', async (t) => {
  const { run } = await trained(t)
  const [policy, predicted, { returns }] = await Promise.all([
    run.policy(30),
    run.predict(30),
    run.evaluate(30, { episodes: 2 }),
    run.sweep({ points: 2, episodes: 1 }),
  ])
  t.equal(policy.predicted, predicted)
  t.equal(returns.length, 2)
  run.dispose()
  t.equal(policy.act(new Float32Array(11)).length, 3)
})

test('a file that is no policy is refused, in words', async (t) => {
  const { run } = await trained(t)
  const path = join(t.testdirName, 'policy.safetensors')
  const policy = await run.policy(30)
  policy.save(path)
  const sound = readSafetensors(path)
  const refused = (change: (file: typeof sound) => void, message: RegExp) => {
    const file = structuredClone({ tensors: { ...sound.tensors }, metadata: { ...sound.metadata } })
    change(file)
    writeSafetensors(path, file)
    t.throws(() => loadPolicy(path), { code: 'ERR_FILE', message })
  }
  const f64 = (size: number, value = 0) =>
    ({ dtype: 'F64', shape: [size], data: new Float64Array(size).fill(value) }) as const
  const f32 = (...shape: number[]) =>
    ({ dtype: 'F32', shape, data: new Float32Array(shape.reduce((a, b) => a * b)) }) as const
  refused(({ tensors }) => delete tensors['layers.0.weight'], /not a policy.*layers\.0\.weight/)
  refused(({ tensors }) => delete tensors['layers.1.weight'], /expected/)
  refused(({ tensors }) => (tensors['layers.1.weight'] = f32(16, 25)), /layers\.1\.weight.*24.*16,25/)
  refused(({ tensors }) => (tensors['layers.1.bias'] = f32(17)), /layers\.1\.bias/)
  refused(({ tensors }) => (tensors['more'] = f32(1)), /10 tensors.* 11/)
  refused(({ tensors }) => (tensors['action.low'] = f64(2)), /action\.low/)
  refused(({ tensors }) => ((tensors['layers.0.weight']!.data as Float32Array)[3] = NaN), /weights|finite/)
  refused(({ tensors }) => ((tensors['observation.std']!.data as Float64Array)[3] = 0), /observation\.std/)
  refused(({ metadata }) => delete metadata['command'], /metadata command/)
  refused(({ metadata }) => (metadata['task'] = 'Hopper-v5'), /metadata task/)
  refused(({ tensors }) => delete tensors['layers.1.bias'], /layers\.1\.bias/)
  refused(({ tensors }) => delete tensors['layers.0.bias'], /tensors/)
  refused(({ tensors }) => delete tensors['action.high'], /action\.high|tensors/)
  refused(({ tensors }) => (tensors['action.high'] = f64(3, -5)), /action\.(low|high)/)
  refused(({ tensors }) => (tensors['action.low'] = f64(3, -Infinity)), /action\.low/)
  refused(({ tensors }) => (tensors['action.low'] = f32(3)), /action\.low/)
  refused(({ tensors }) => (tensors['observation.mean'] = f64(3)), /observation\.mean/)
  refused(({ tensors }) => (tensors['observation.std'] = f64(11, NaN)), /observation\.std/)
  for (const [name, value] of [
    ['discrete', '0'],
    ['discrete', 'yes'],
    ['activation', '"sigmoid"'],
    ['activation', undefined],
    ['output', '"softmax"'],
    ['output', 'clip'],
    ['predicted', '"3"'],
    ['noise', 'null'],
    ['run', '7'],
    ['gogepo', '[]'],
  ] as const)
    refused(
      ({ metadata }) => (value === undefined ? delete metadata[name] : (metadata[name] = value)),
      new RegExp(`metadata ${name}`),
    )
  refused(({ metadata }) => (metadata['discrete'] = 'true'), /tensors/)
  writeFileSync(path, 'no')
  t.throws(() => loadPolicy(path), { code: 'ERR_FILE', message: /safetensors/ })
  t.throws(() => loadPolicy(join(t.testdirName, 'none')), { code: 'ERR_FILE', message: /none.*ENOENT/ })
})
