// ARS against Algorithm 2 of its paper, written down naively; and as people meet it, on the command line and in programs.
import { spawnSync } from 'node:child_process'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { test, type Test } from 'tap'
import { policySpecOf, settingsFor } from '../../lib/algorithms/algorithm.js'
import { ars, type ArsSettings } from '../../lib/algorithms/ars.js'
import { fixed } from '../../lib/algorithms/commands.js'
import { nativeTask } from '../../lib/env/native-task.js'
import { openNative } from '../../lib/native/open.js'
import { loadPolicy } from '../../lib/policy/policy.js'
import { resumeRun } from '../../lib/run/resume.js'
import { startRun } from '../../lib/run/start.js'
import type { Session } from '../../lib/train/session.js'
import { fakeSpec as spec, scored, type Score } from '../scored.js'
import { events, oneThread, rejection, session } from '../small.js'

const cli = fileURLToPath(new URL('../../dist/cli/main.js', import.meta.url))
const native = openNative('cpu')

const settingsOf = ({ settings }: Session) => settings as unknown as ArsSettings

/** Algorithm 2, V1-t: the next θ, σ_R and how far it went, from θ ± νδ and what they returned. */
function naive(
  theta: Float64Array,
  tried: readonly Float32Array[],
  score: (i: number) => number | null,
  settings: ArsSettings,
) {
  const { stepSize, noise, topDirections, directions } = settings
  const pairs = Array.from({ length: directions }, (_, k) => {
    const [plus, minus] = [tried[2 * k]!, tried[2 * k + 1]!]
    return {
      plus: score(2 * k),
      minus: score(2 * k + 1),
      delta: Array.from(plus, (x, i) => (x - minus[i]!) / (2 * noise)),
    }
  })
  const sound = pairs.filter(({ plus, minus }) => plus !== null && minus !== null)
  const best = [...sound].sort((a, b) => Math.max(b.plus!, b.minus!) - Math.max(a.plus!, a.minus!)) // stable
  const used = best.slice(0, topDirections === 'all' ? directions : topDirections)
  const returns = used.flatMap(({ plus, minus }) => [plus!, minus!])
  const mean = returns.reduce((sum, r) => sum + r, 0) / returns.length
  const sigma = Math.sqrt(returns.reduce((sum, r) => sum + (r - mean) ** 2, 0) / returns.length) || 0
  const change = Array.from(theta, (_, i) =>
    sigma === 0
      ? 0
      : (stepSize / (used.length * sigma)) *
        used.reduce((sum, { plus, minus, delta }) => sum + (plus! - minus!) * delta[i]!, 0),
  )
  return { theta: theta.map((x, i) => x + change[i]!), sigma, norm: Math.hypot(...change) }
}

const near = (a: ArrayLike<number>, b: ArrayLike<number>, tolerance: number): boolean =>
  a.length === b.length &&
  Array.from(a).every((x, i) => Math.abs(x - b[i]!) <= tolerance * Math.max(1, Math.abs(b[i]!)))

const thetaOf = (one: Session): Float64Array => one.learner.state().tensors['theta']!.data as Float64Array

const bowl: Score = (theta) => -theta.reduce((sum, x, i) => sum + (x - Math.sin(i)) ** 2, 0)

const cases: [name: string, settings: Partial<ArsSettings>, score: Score][] = [
  ['linear, all directions', {}, bowl],
  ['linear, the best two of five', { directions: 5, topDirections: 2 }, bowl],
  ['a network of two layers', { policyHidden: [4, 3], directions: 3, stepSize: 0.2, noise: 0.1 }, bowl],
  ['one direction', { directions: 1, noise: 0.5 }, bowl],
  [
    'ties: the earlier direction counts',
    { directions: 6, topDirections: 2 },
    (theta, i) => (i % 2 === 0 ? 1 : theta[0]!),
  ],
  ['ties of all', { directions: 4, topDirections: 3 }, (_, i) => [3, 1, 3, 2, 1, 3, 3, 0][i % 8]!],
  ['some diverge', { directions: 6, topDirections: 4 }, (theta, i) => (i % 5 === 0 ? null : bowl(theta, i))],
  [
    'most diverge: fewer than the best directions are left',
    { directions: 4, topDirections: 3 },
    (theta, i) => (i % 8 < 6 && i % 2 ? null : bowl(theta, i)),
  ],
  ['huge returns close to each other', { directions: 4 }, (theta, i) => 1e9 + bowl(theta, i)!],
]

for (const [name, settings, score] of cases)
  test(name, async (t) => {
    const { task, seen } = scored(score)
    const one = session(ars, task, settings, 5)
    let theta = thetaOf(one)
    let episode = 0
    if (settings.policyHidden === undefined)
      t.ok(
        theta.every((x) => x === 0),
        'a linear policy starts at zero',
      )
    else
      t.ok(theta.every((x) => Math.abs(x) <= 1) && new Set(theta).size === theta.length, 'a network starts at random')
    for (let iteration = 0; iteration < 3; iteration++) {
      const metrics = await one.iterate()
      const own = settingsOf(one)
      t.equal(seen.length, 2 * own.directions)
      for (let k = 0; k < own.directions; k++) {
        const middle = Array.from(seen[2 * k]!, (x, i) => (x + seen[2 * k + 1]![i]!) / 2)
        t.ok(near(middle, theta, 1e-6), 'θ + νδ and θ − νδ')
      }
      const tried = [...seen]
      const first = episode
      const expected = naive(theta, tried, (i) => score(tried[i]!, first + i), own)
      episode += seen.length
      t.ok(near(thetaOf(one), expected.theta, 2e-5), 'θ')
      t.ok(near([metrics['returnStd']!, metrics['stepNorm']!], [expected.sigma, expected.norm], 1e-4), 'metrics')
      theta = thetaOf(one)
    }
    one.dispose()
  })

test('directions are standard normal, of their own in each iteration and for each seed', async (t) => {
  const { task, seen } = scored(bowl)
  const directionsOf = async (one: Session) => {
    await one.iterate()
    const { noise } = settingsOf(one)
    return Array.from({ length: seen.length / 2 }, (_, k) =>
      Array.from(seen[2 * k]!, (x, i) => (x - seen[2 * k + 1]![i]!) / (2 * noise)),
    )
  }
  const settings = { directions: 64, stepSize: 0, policyHidden: [8] } as const
  const one = session(ars, task, settings)
  const [first, second] = [await directionsOf(one), await directionsOf(one)]
  const all = first.flat()
  const mean = all.reduce((sum, x) => sum + x, 0) / all.length
  const variance = all.reduce((sum, x) => sum + (x - mean) ** 2, 0) / all.length
  t.ok(Math.abs(mean) < 0.05 && Math.abs(variance - 1) < 0.06, `mean ${mean}, variance ${variance} of ${all.length}`)
  t.notSame(second, first)
  t.notSame(await directionsOf(session(ars, task, settings, 2)), first)
  t.strictSame(await directionsOf(session(ars, task, settings)), first)
})

test('where no direction is left, or all return the same, θ stays', async (t) => {
  for (const [name, score, std, mean] of [
    ['all diverge', (_, i) => (i % 2 === 0 ? null : 3), 0, 3],
    ['each of them', () => null, 0, null],
    ['all the same', () => 7.5, 0, 7.5],
  ] as [string, Score, number, number | null][]) {
    const one = session(ars, scored(score).task, { directions: 4 })
    const metrics = await one.iterate()
    t.strictSame(metrics, { returnMean: mean, returnStd: std, stepNorm: 0 }, name)
    t.ok(thetaOf(one).every((x) => x === 0))
    t.equal(one.history.attempts, 8)
    one.dispose()
  }
})

test('it climbs', async (t) => {
  const one = session(ars, scored(bowl).task, { stepSize: 0.1, noise: 0.05, directions: 8 })
  const before = bowl(Float32Array.from(thetaOf(one)), 0)!
  for (let i = 0; i < 60; i++) await one.iterate()
  const after = bowl(Float32Array.from(thetaOf(one)), 0)!
  t.ok(after > before / 10, `${before}, then ${after}`)
})

test('a step out of what single precision holds is refused, and θ stays', async (t) => {
  const device = new native.Device({ device: 'cpu', threads: 1 })
  const policy = policySpecOf(spec, [4])
  const search = new native.Ars(device, { policy, seed: 1 })
  const before = search.state().theta
  const directions = { directions: 2, noise: 0.1, seed: 1, firstDirection: 0 }
  const [returns, leave] = [Float64Array.of(1, 2, 3, 4), new Uint8Array(4)]
  await search.perturb(directions)
  t.match(await rejection(search.step(returns, leave, { stepSize: 1e300, topDirections: 2 })), {
    code: 'ERR_NOT_FINITE',
  })
  t.strictSame(search.state().theta, before)
  for (const wrong of [
    async () => search.step(returns, leave, { stepSize: 1, topDirections: 2 }), // those directions have been used
    async () => search.step(Float64Array.of(1, 2), leave, { stepSize: 1, topDirections: 2 }),
    async () => search.perturb({ ...directions, directions: 0 }),
    async () => search.perturb({ ...directions, noise: NaN }),
    async () => search.restore({ theta: new Float64Array(3) }),
  ])
    t.match(await rejection(wrong()), { code: /^ERR_(ARGUMENT|SHAPE)$/ })
  search.dispose()
  t.throws(() => search.state(), { code: 'ERR_DISPOSED' })
})

test('its presets are the paper’s versions, and published settings are for the tasks of the paper', async (t) => {
  const settings = (id: string, preset: string) => settingsFor(ars, nativeTask(native, id).spec, { preset })
  t.match(settings('Hopper-v5', 'v1'), { normalizeObservations: false, topDirections: 'all', policyHidden: 'linear' })
  t.match(settings('Hopper-v5', 'v2'), { normalizeObservations: true, topDirections: 'all' })
  t.match(settings('Hopper-v5', 'v1-t'), { normalizeObservations: false, topDirections: 4 })
  t.match(settings('Hopper-v4', 'published'), { stepSize: 0.01, noise: 0.025, directions: 8, topDirections: 4 })
  t.match(settings('Swimmer-v5', 'published'), { directions: 1, topDirections: 1, normalizeObservations: false })
  t.throws(() => settings('CartPole-v1', 'published'), {
    code: 'ERR_SETTING',
    message: /CartPole-v1.*Swimmer.*Humanoid/,
  })
})

test('it takes no command strategy', async (t) => {
  const run = join(t.testdir(), 'run')
  const options = { ...oneThread, algorithm: 'ars', task: 'InvertedPendulum-v5', steps: 100, run }
  t.match(await rejection(startRun({ ...options, strategy: fixed(1) })), { code: 'ERR_ARGUMENT', message: /ars/ })
  await startRun(options)
  t.match(await rejection(resumeRun(run, { ...oneThread, steps: 1000, strategy: fixed(1) })), { code: 'ERR_ARGUMENT' })
  t.match(await resumeRun(run, { ...oneThread, steps: 200 }), { interrupted: false }, 'and the run is none the worse')
})

function gogepo(t: Test, ...args: string[]) {
  const { status, stdout, stderr } = spawnSync(process.execPath, [cli, ...args], {
    cwd: t.testdirName,
    encoding: 'utf8',
  })
  return { status, stdout, stderr }
}

test('on the command line: trained, evaluated and written as a file without a command', async (t) => {
  t.testdir()
  const train = ['train', 'InvertedPendulum-v5', '--algorithm', 'ars', '--threads', '1', '--torch-threads', '1']
  const trained = gogepo(t, ...train, '--steps', '0.3k', '--preset', 'v1-t', '--set', 'evaluationEpisodes=2')
  const run = join('runs', 'InvertedPendulum-v5-ars-s1-1')
  t.match(trained, { status: 0, stdout: /^ars on InvertedPendulum-v5, seed 1, 300 steps/, stderr: '' })
  t.match(trained.stdout, /returnMean \S+ {2}returnStd \S+ {2}stepNorm \S+/)
  t.notMatch(trained.stdout, 'commanded')
  t.match(gogepo(t, 'train', '--resume', run, '--steps', '400'), { status: 0, stderr: '' })
  t.ok(events(join(t.testdirName, run)).every((event) => !('command' in event)))

  t.match(gogepo(t, 'evaluate', run, '--episodes', '2'), {
    status: 0,
    stdout: /^InvertedPendulum-v5: achieved \S+ ± \S+ /,
  })
  const evaluated = gogepo(t, 'evaluate', run, '--episodes', '2', '--json')
  const reported = JSON.parse(evaluated.stdout) as object
  t.notOk('command' in reported || 'predicted' in reported, 'neither commanded nor predicted')
  const generated = gogepo(t, 'generate', run, '--command', 'best', '--out', 'a.safetensors', '--json')
  t.match(JSON.parse(generated.stdout), { command: null, predicted: null, noise: 0, actionSize: 1 }, generated.stderr)
  using policy = loadPolicy(join(t.testdirName, 'a.safetensors'))
  t.strictSame(policy.sizes, [4, 1])
  for (const wrong of [
    ['sweep', run],
    ['evaluate', run, '--command', '3'],
    ['generate', run, '--command', '3', '--out', 'b.safetensors'],
  ])
    t.match(gogepo(t, ...wrong), { status: 2, stdout: '', stderr: /^gogepo: .*\bars\b.*\n$/ }, wrong.join(' '))
  for (const [wrong, facts] of [
    [['--algorithm', 'asr'], /"asr"/],
    [['--set', 'drive=1'], /"drive"/],
    [['--preset', 'paper'], /"paper".*v2/],
    [['--preset', 'published'], /InvertedPendulum-v5/],
    [['--set', 'topDirections=9'], /topDirections.*8.*9/],
  ] as const)
    t.match(gogepo(t, ...train, '--run', 'none', ...wrong), { status: 2, stderr: facts }, wrong.join(' '))
})

test('generate without a command', async (t) => {
  const run = join(t.testdir(), 'run')
  await startRun({ ...oneThread, algorithm: 'ars', task: 'InvertedPendulum-v5', steps: 50, run })
  const { status, stderr } = gogepo(t, 'generate', 'run', '--out', 'a.safetensors')
  t.match({ status, stderr }, { status: 0, stderr: '' })
})
