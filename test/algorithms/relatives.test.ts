// OpenAI-ES, PGPE, PSSVF and UDRLPG as people meet them. Their mathematics is compared with an oracle in oracle.test.ts.
import { spawnSync } from 'node:child_process'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { test } from 'tap'
import { settingsFor } from '../../lib/algorithms/algorithm.js'
import { ars } from '../../lib/algorithms/ars.js'
import { fixed } from '../../lib/algorithms/commands.js'
import { es } from '../../lib/algorithms/es.js'
import { pgpe } from '../../lib/algorithms/pgpe.js'
import { pssvf } from '../../lib/algorithms/pssvf.js'
import { udrlpg } from '../../lib/algorithms/udrlpg.js'
import { openRun } from '../../lib/run/opened-run.js'
import { startRun } from '../../lib/run/start.js'
import type { Session } from '../../lib/train/session.js'
import { scored, type Score } from '../scored.js'
import { oneThread, rejection, session } from '../small.js'

const cli = fileURLToPath(new URL('../../dist/cli/main.js', import.meta.url))
const bowl: Score = (theta) => -theta.reduce((sum, x, i) => sum + (x - Math.sin(i)) ** 2, 0)
const thetaOf = (one: Session, name: string): Float32Array =>
  Float32Array.from(one.learner.state().tensors[name]!.data as Float64Array)

for (const [algorithm, settings] of [
  [es, { learningRate: 0.05, noise: 0.05, policyHidden: [4] }],
  [pgpe, { centerLearningRate: 2, policyHidden: [4] }],
] as const)
  test(`${algorithm.name} climbs, and its control does not move`, async (t) => {
    const one = session(algorithm, scored(bowl).task, settings)
    const control = session(algorithm, scored(bowl).task, { ...settings, ...algorithm.control })
    const [before, kept] = [thetaOf(one, 'theta'), thetaOf(control, 'theta')]
    for (let i = 0; i < 100; i++) await one.iterate()
    for (let i = 0; i < 5; i++) await control.iterate()
    const [first, last] = [bowl(before, 0)!, bowl(thetaOf(one, 'theta'), 0)!]
    t.ok(last > first / 5, `${first}, then ${last}`)
    t.strictSame(thetaOf(control, 'theta'), kept)
    for (const made of [one, control]) made.dispose()
  })

test('pgpe: a policy with noise names the mean of the standard deviations', async (t) => {
  const run = join(t.testdir(), 'run')
  const settings = { stdevInit: 0.25, stdevLearningRate: 0 }
  await startRun({ task: 'Pendulum-v1', algorithm: 'pgpe', run, steps: 1, ...oneThread, settings })
  using opened = await openRun(run, oneThread)
  using policy = await opened.policy('best', { noise: true })
  t.equal(policy.origin.noise, 0.25)
})

test('where every direction diverges, nothing changes', async (t) => {
  for (const algorithm of [es, pgpe]) {
    const one = session(algorithm, scored((_, i) => (i % 2 === 0 ? null : 3)).task, { directions: 3 })
    const { tensors } = structuredClone(one.learner.state())
    const metrics = await one.iterate()
    t.match(metrics, { returnMean: 3, stepNorm: 0 }, algorithm.name)
    t.strictSame(one.learner.state().tensors, tensors)
    one.dispose()
  }
})

test('equal returns move nothing but by weight decay', async (t) => {
  const one = session(es, scored(() => 7).task, { weightDecay: 0 })
  t.match(await one.iterate(), { gradientNorm: 0, stepNorm: 0 })
  const two = session(pgpe, scored(() => 7).task)
  const { tensors } = structuredClone(two.learner.state())
  t.match(await two.iterate(), { stepNorm: 0 })
  t.strictSame(two.learner.state().tensors, tensors)
  for (const made of [one, two]) made.dispose()
})

test('those that learn a single policy take no commands', async (t) => {
  for (const { name } of [ars, es, pgpe, pssvf]) {
    const options = { ...oneThread, algorithm: name, task: 'InvertedPendulum-v5', steps: 100, strategy: fixed(1) }
    const error = await rejection(startRun({ ...options, run: join(t.testdir(), name) }))
    t.match(error, { code: 'ERR_ARGUMENT', message: new RegExp(name) })
  }
})

/** A task whose return is the mean of some parameters, which a critic or a generator can learn. */
const mean: Score = (theta) => theta.slice(0, 8).reduce((sum, x) => sum + x, 0) / 8

test('pssvf: the policy ascends the critic, with neither updates both stay', async (t) => {
  const small = {
    policyHidden: [8],
    criticHidden: [32],
    criticKind: 'parameters',
    policyLearningRate: 1e-3,
    noise: 0.3,
  }
  const one = session(pssvf, scored(mean).task, small)
  const before = thetaOf(one, 'policy.values')
  for (let i = 0; i < 150; i++) await one.iterate()
  const [first, last] = [mean(before, 0)!, mean(thetaOf(one, 'policy.values'), 0)!]
  t.ok(last > first + 0.1, `${first}, then ${last}`)
  const control = session(pssvf, scored(mean).task, { ...small, ...pssvf.control })
  const { tensors } = structuredClone(control.learner.state())
  t.match(await control.iterate(), { criticLoss: null, value: null })
  t.strictSame(control.learner.state().tensors, tensors)
  for (const made of [one, control]) made.dispose()
})

test('pssvf: a return whose loss would not be finite is named', async (t) => {
  const one = session(pssvf, scored(() => 1e20).task, { policyHidden: [8], criticHidden: [8] })
  const error = await rejection(one.iterate())
  t.match(error, {
    code: 'ERR_ENVIRONMENT',
    message: /^An episode returned 100000000000000000000, .* from -1\.0e\+18 to 1\.0e\+18/,
  })
  t.match(error.message, /Make the task’s rewards smaller\.$/)
  one.dispose()
})

const generator = { policyHidden: [8], sliceSize: 4, embeddingSize: 4, generatorHidden: [16] }

test('udrlpg: the first episodes run G(returnMax) as it is, the others G(best) with noise', async (t) => {
  const { task, seen } = scored(mean)
  const one = session(udrlpg, task, { ...generator, warmupEpisodes: 2, updates: 0 })
  const thetas: number[][] = []
  for (let i = 0; i < 4; i++) {
    await one.iterate()
    thetas.push([...seen[0]!])
  }
  t.strictSame(one.history.commands.slice(0, 2), [1, 1])
  t.strictSame(one.history.commands.slice(2), [one.history.returns[0], Math.max(...one.history.returns.slice(0, 3))])
  t.strictSame(thetas[1], thetas[0])
  t.notSame(thetas[3], thetas[2])
  const asked = await one.learner.policies([1])
  t.strictSame([...asked.toArray()], thetas[0])
  one.dispose()
})

test('udrlpg: the strategy stored asks for returns that are in the buffer, not for those whose bucket was full', async (t) => {
  const given = { ...generator, returnMin: -2, returnMax: 2, buckets: 1, bucketCapacity: 2, updates: 0, noise: 1 }
  const one = session(udrlpg, scored((_theta, episode) => (episode % 2 === 0 ? 0.25 : 0.5) + episode / 64).task, {
    ...given,
    ...{ warmupEpisodes: 0, strategy: 'stored' },
  })
  for (let i = 0; i < 20; i++) await one.iterate()
  t.strictSame([...new Set(one.history.commands.slice(2))].sort(), [0.25, 0.5 + 1 / 64])
  one.dispose()
})

test('udrlpg: a return beyond what can be learned from is named', async (t) => {
  const one = session(udrlpg, scored(() => 1e20).task, generator)
  const error = await rejection(one.iterate())
  t.match(error, { code: 'ERR_ENVIRONMENT', message: /^An episode returned 100000000000000000000, .*smaller/ })
  one.dispose()
})

test('udrlpg: what is commanded is achieved, where policies of a return are alike', async (t) => {
  const { task } = scored(mean)
  const settings = {
    ...generator,
    learningRate: 3e-3,
    noise: 0.3,
    rankWeight: 0,
    bucketCapacity: 20,
    strategy: 'uniform',
  }
  const errors = []
  for (const control of [{}, udrlpg.control]) {
    const one = session(udrlpg, task, { ...settings, ...control })
    for (let i = 0; i < 300; i++) await one.iterate()
    const commands = [-0.1, 0, 0.1]
    const size = (await one.learner.policies([0])).toArray().length
    const all = (await one.learner.policies(commands)).toArray()
    const achieved = commands.map((_, i) => mean(all.slice(i * size, (i + 1) * size), 0)!)
    errors.push(Math.max(...commands.map((command, i) => Math.abs(command - achieved[i]!))))
    one.dispose()
  }
  t.ok(errors[0]! < 0.05 && errors[1]! > 0.08, `largest miss ${errors[0]}, of the control ${errors[1]}`)
})

test('udrlpg: settings that make no sense are refused', async (t) => {
  const { spec } = scored(mean).task
  for (const [given, message] of [
    [{ strategy: 'believed' }, /believed.*critic/],
    [{ strategy: 'best@100;believed' }, /believed.*critic/],
    [{ policyHidden: [48] }, /policyHidden.*32.*48/],
    [{ returnMin: 3, returnMax: 3 }, /returnMin.*returnMax/],
  ] as const)
    t.throws(() => settingsFor(udrlpg, spec, { given, preset: 'paper' }), { code: 'ERR_SETTING', message })
})

test('udrlpg without a critic: sweeps, evaluates commands, and refuses to predict', async (t) => {
  const run = join(t.testdir(), 'run')
  const settings = { ...generator, warmupEpisodes: 2, evaluationEpisodes: 2 }
  await startRun({ ...oneThread, algorithm: 'udrlpg', task: 'InvertedPendulum-v5', steps: 200, run, settings })
  using opened = await openRun(run, oneThread)
  t.equal((await opened.evaluate(5, { episodes: 2 })).predicted, undefined)
  const { rows } = await opened.sweep({ points: 3, episodes: 2 })
  t.strictSame(
    rows.map((row) => 'predicted' in row),
    [false, false, false],
  )
  t.match(await rejection(opened.predict(5)), { code: 'ERR_ARGUMENT', message: /udrlpg.*no critic/ })
  const gogepo = (...args: string[]) =>
    spawnSync(process.execPath, [cli, ...args], { cwd: t.testdirName, encoding: 'utf8' })
  const swept = gogepo('sweep', 'run', '--points', '2', '--episodes', '2', '--csv', 'a.csv', '--svg', 'a.svg')
  t.match(swept, { status: 0, stdout: /commanded .*\n.* – /, stderr: '' })
  t.match(gogepo('evaluate', 'run', '--command', '5', '--episodes', '2'), {
    status: 0,
    stdout: /commanded 5/,
    stderr: '',
  })
})
