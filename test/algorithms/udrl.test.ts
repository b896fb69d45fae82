// UDRL as people meet it. Its mathematics is compared with an oracle in oracle.test.ts.
import { join } from 'node:path'
import { test } from 'tap'
import type { Algorithm } from '../../lib/algorithms/algorithm.js'
import { believed, fixed, stored } from '../../lib/algorithms/commands.js'
import { udrl as typed } from '../../lib/algorithms/udrl.js'
import type { Environment, EnvironmentStep } from '../../lib/env/environment.js'
import { nativeTask } from '../../lib/env/native-task.js'
import { userTask } from '../../lib/env/typescript-task.js'
import type { PolicySpec } from '../../lib/native/contract.js'
import { openNative } from '../../lib/native/open.js'
import { openRun } from '../../lib/run/opened-run.js'
import { startRun } from '../../lib/run/start.js'
import { Session } from '../../lib/train/session.js'
import { oneThread, rejection, session, settingsOf } from '../small.js'

const native = openNative('cpu')
const udrl = typed as unknown as Algorithm
const quick = {
  ...{ policyHidden: [8], batchSize: 8, updates: 2, bufferSize: 12, lastFew: 4 },
  ...{ warmupEpisodes: 6, episodes: 3 },
}

/** What the buffer of a session holds. */
const heldBy = (one: Session) => {
  const { tensors } = one.learner.state()
  const numbers = (name: string) => Array.from(tensors[name]!.data as Float64Array)
  return {
    returns: numbers('returns'),
    lengths: numbers('lengths'),
    returnsToGo: numbers('returnsToGo'),
    actions: numbers('actions'),
  }
}
const mean = (values: readonly number[]): number => values.reduce((sum, x) => sum + x, 0) / values.length

test('the first episodes take uniform actions; the others are asked for a little more than the best', async (t) => {
  const one = session(udrl, 'Pendulum-v1', quick)
  await one.iterate()
  t.equal(one.history.episodes, 6)
  t.ok(one.history.commands.every(Number.isNaN))
  const { actions } = heldBy(one)
  t.ok(Math.abs(mean(actions)) < 0.15 && Math.max(...actions) > 1.95 && Math.min(...actions) < -1.95)
  for (let i = 0; i < 5; i++) {
    const best = heldBy(one).returns.slice(0, 4)
    const std = Math.sqrt(mean(best.map((r) => (r - mean(best)) ** 2)))
    await one.iterate()
    const commands = one.history.commands.slice(-3)
    t.ok(
      commands.every((c) => c >= mean(best) && c <= mean(best) + std),
      `${commands.join()} between ${mean(best)} and ${mean(best) + std}`,
    )
    t.equal(new Set(commands).size, 3)
  }
  t.equal(one.history.episodes, 6 + 5 * 3)
  one.dispose()
})

test('the best episodes stay, with what followed each step', async (t) => {
  const one = session(udrl, 'CartPole-v1', quick)
  for (let i = 0; i < 6; i++) await one.iterate()
  const { returns, lengths, returnsToGo, actions } = heldBy(one)
  const sorted = [...one.history.returns].sort((a, b) => b - a)
  t.strictSame(returns, sorted.slice(0, 12))
  t.strictSame(lengths, returns, 'CartPole pays 1 in each step')
  t.strictSame(
    returnsToGo,
    lengths.flatMap((length) => Array.from({ length }, (_, step) => length - step)),
  )
  t.ok(actions.every((a) => a === 0 || a === 1))
  t.equal(one.bestCommand, mean(returns.slice(0, 4)), 'what it is asked for when it is evaluated')
  one.dispose()
})

test('a policy is asked for its command in the steps that the best took, or one with such a return', async (t) => {
  const one = session(udrl, 'CartPole-v1', quick)
  for (let i = 0; i < 4; i++) await one.iterate()
  const { returns, lengths } = heldBy(one)
  const best = one.learner.bestCommand!
  const commands = [best, best + 100, returns[7]!, -1000]
  const policies = await one.learner.policies(commands)
  const theta = policies.toArray()
  const size = theta.length / commands.length
  const asked = commands.map((_, i) => Array.from(theta.slice((i + 1) * size - 2, (i + 1) * size)))
  const usual = mean(lengths.slice(0, 4))
  t.strictSame(asked, [
    [best, usual],
    [best + 100, usual],
    [returns[7], lengths[7]],
    [-1000, lengths.at(-1)],
  ])
  one.dispose()
})

/** A choice among four, each of which pays its own number: the command says which one. */
class Menu implements Environment {
  readonly observationSpace = { shape: [1] }
  readonly actionSpace = { n: 4 }
  readonly returnRange = [0, 3] as const
  readonly timeLimit = 1
  reset(): number[] {
    return [1]
  }
  step(choice: number): EnvironmentStep {
    return { observation: [1], reward: choice, terminated: true, truncated: false }
  }
}

test('what is commanded is done, also what is not the best', async (t) => {
  const task = await userTask(Menu)
  const settings = {
    policyHidden: [16],
    warmupEpisodes: 200,
    episodes: 1,
    bufferSize: 400,
    updates: 400,
    batchSize: 64,
  }
  for (const control of [{}, udrl.control]) {
    const one = session(udrl, task, { ...settings, ...control, learningRate: 0.01 })
    for (let i = 0; i < 2; i++) await one.iterate()
    const asked = [0, 1, 2, 3]
    const found = await one.evaluate(asked, 2, { seed: 1, purpose: 'evaluation', firstIndex: 0 })
    const achieved = found.map(({ achieved: [first] }) => first)
    if (control === udrl.control) t.notSame(achieved, asked, 'not without learning')
    else t.strictSame(achieved, asked)
    one.dispose()
  }
})

const cartPole = {
  ...{ ...oneThread, algorithm: 'udrl', task: 'CartPole-v1', seed: 2, steps: 20_000 },
  settings: { policyHidden: [64, 64], evaluateEvery: 10_000 },
}

test('CartPole-v1: the pole stays up for longer and longer, and does not without learning', async (t) => {
  const dir = t.testdir()
  const { lastEvaluation: learned } = await startRun({ ...cartPole, run: join(dir, 'run') })
  const { lastEvaluation: control } = await startRun({ ...cartPole, control: true, run: join(dir, 'control') })
  t.ok(learned!.mean > 250, `${learned!.mean} with learning`)
  t.ok(control!.mean < 60, `${control!.mean} without`)
})

test('without updates nothing is learned', async (t) => {
  const one = session(udrl, 'Pendulum-v1', { ...quick, ...udrl.control })
  const before = one.learner.state().tensors['values']!.data
  for (let i = 0; i < 3; i++) t.match(await one.iterate(), { behaviorLoss: null })
  t.strictSame(one.learner.state().tensors['values']!.data, before)
  one.dispose()
})

test('a command strategy of the user chooses the commands', async (t) => {
  const task = nativeTask(native, 'CartPole-v1')
  const settings = settingsOf(udrl, task.spec, quick)
  const one = new Session({ native, algorithm: udrl, task, settings, seed: 1, ...oneThread, strategy: fixed(33) })
  for (let i = 0; i < 2; i++) await one.iterate()
  t.strictSame(one.history.commands.slice(-3), [33, 33, 33])
  one.dispose()
  t.throws(() => new Session({ native, algorithm: udrl, task, settings, seed: 1, ...oneThread, strategy: believed }), {
    code: 'ERR_SETTING',
    message: /believed.* needs a critic, and udrl has none/,
  })
})

test('the strategy stored asks for returns that are in the buffer: those of the best episodes', async (t) => {
  const task = nativeTask(native, 'CartPole-v1')
  const settings = settingsOf(udrl, task.spec, { ...quick, bufferSize: 2, updates: 0 })
  const one = new Session({ native, algorithm: udrl, task, settings, seed: 1, ...oneThread, strategy: stored })
  await one.iterate()
  const [first, second] = [...one.history.returns].sort((a, b) => b - a)
  await one.iterate()
  const commands = one.history.commands.filter((c) => !Number.isNaN(c))
  t.ok(commands.length > 0 && commands.every((c) => c === first || c === second))
  one.dispose()
})

test('updates are the same on any number of threads, and episodes as well', async (t) => {
  const task = nativeTask(native, 'Swimmer-v5')
  const settings = settingsOf(udrl, task.spec, { ...quick, policyHidden: [40, 30], batchSize: 100 })
  const states = []
  for (const threads of [1, 3]) {
    const one = new Session({
      native,
      algorithm: udrl,
      task,
      settings,
      seed: 1,
      device: 'cpu',
      threads,
      torchThreads: threads,
    })
    for (let i = 0; i < 2; i++) await one.iterate()
    states.push(one.state())
    one.dispose()
  }
  t.strictSame(states[0], states[1])
})

test('a run: evaluated with what the best achieved, swept over commands', async (t) => {
  const run = join(t.testdir(), 'run')
  const result = await startRun({
    ...{ ...oneThread, algorithm: 'udrl', task: 'CartPole-v1', steps: 2000, run },
    settings: { ...quick, evaluateEvery: 500, evaluationEpisodes: 2 },
  })
  using opened = await openRun(run)
  t.equal(result.lastEvaluation?.command, (await opened.evaluate('best', { episodes: 1 })).command)
  t.ok(result.lastEvaluation!.command! < opened.best)
  t.equal((await opened.evaluate(20, { episodes: 2 })).command, 20)
  const { rows } = await opened.sweep({ points: 3, episodes: 2 })
  t.strictSame(
    rows.map(({ command }) => command),
    [opened.lowest, (opened.lowest + opened.best) / 2, opened.best],
  )
  t.match(await rejection(opened.predict(5)), { code: 'ERR_ARGUMENT', message: /udrl.*no critic/ })
  t.match(await rejection(opened.policy()), { code: 'ERR_ARGUMENT', message: /gogepo evaluate/ })
})

test('settings that make no sense are refused', async (t) => {
  const { spec } = nativeTask(native, 'Hopper-v5')
  for (const [given, message] of [
    [{ normalizeObservations: true }, /normalizeObservations: expected false/],
    [{ removeSurvivalBonus: true }, /removeSurvivalBonus: expected false/],
    [{ returnMin: 5, returnMax: 5 }, /returnMax: expected more than returnMin/],
    [{ lastFew: 0 }, /lastFew/],
    [{ noise: -1 }, /noise/],
  ] as const)
    t.throws(() => settingsOf(udrl, spec, given), { code: 'ERR_SETTING', message })
  t.throws(() => session(udrl, 'Humanoid-v5', { bufferSize: 1_000_000 }), {
    code: 'ERR_MEMORY',
    message: /Reduce bufferSize/,
  })
})

test('native objects refuse what is wrong', async (t) => {
  const device = new native.Device({ device: 'cpu', threads: 1 })
  const { observationSize, actionSize, discrete } = nativeTask(native, 'CartPole-v1').spec
  const policy: PolicySpec = {
    ...{ observationSize, actionSize, discrete, actionLow: [], actionHigh: [], hidden: [4], bias: true },
    ...{ activation: 'relu', output: 'clip', command: { returnScale: 1, horizonScale: 1 } },
  }
  const options = { policy, backend: 'fast', seed: 1 } as const
  for (const wrong of [
    { ...policy, hidden: [] },
    { ...policy, bias: false },
    { ...policy, output: 'tanh' as const },
    { ...policy, activation: 'tanh' as const },
    { ...policy, command: { returnScale: -1, horizonScale: 1 } },
    { ...policy, command: { returnScale: NaN, horizonScale: 1 } },
  ])
    t.throws(() => new native.Behavior(device, { ...options, policy: wrong }), { code: /^ERR_/ })
  const behavior = new native.Behavior(device, options)
  for (const commands of [[], [1], [1, 0.5], [NaN, 3], [1, Infinity]])
    t.throws(() => behavior.policies(Float32Array.from(commands)), { code: /^ERR_(SHAPE|ARGUMENT)$/ })
  const buffer = new native.EpisodeBuffer(device, { policy, capacity: 3 })
  t.match(
    await rejection((async () => behavior.fit(buffer, { updates: 1, batchSize: 1, learningRate: 1, seed: 1 }))()),
    {
      code: 'ERR_ARGUMENT',
      message: /buffer is empty/,
    },
  )
  const episode = {
    ...{ episodes: Int32Array.of(0, 0), observations: new Float32Array(8), actions: Float32Array.of(0, 1) },
    rewards: Float64Array.of(1, 2),
  }
  for (const wrong of [
    { episodes: Int32Array.of(0, 1) },
    { episodes: Int32Array.of(0) },
    { observations: new Float32Array(7) },
    { observations: new Float32Array(8).fill(NaN) },
    { actions: Float32Array.of(0, 2) },
    { actions: Float32Array.of(0, 0.5) },
    { rewards: Float64Array.of(1, Infinity) },
  ])
    t.throws(() => buffer.push({ ...episode, ...wrong }, Uint8Array.of(0)), { code: /^ERR_(SHAPE|ARGUMENT)$/ })
  t.equal(buffer.totals().returns.length, 0)
  buffer.push(episode, Uint8Array.of(1))
  t.equal(buffer.totals().returns.length, 0, 'what diverged is not kept')
  buffer.push(episode, Uint8Array.of(0))
  const state = buffer.state()
  t.strictSame(Array.from(state.returnsToGo), [3, 2])
  for (const wrong of [
    { lengths: Int32Array.of(1) },
    { lengths: Int32Array.of(0) },
    { actions: Float32Array.of(0, 9) },
  ])
    t.throws(() => buffer.restore({ ...state, ...wrong }), { code: /^ERR_(SHAPE|ARGUMENT)$/ })
  t.strictSame(buffer.state(), state)
  const other = { ...policy, discrete: false, output: 'tanh' as const, actionLow: [0, 0], actionHigh: [1, 1] }
  const foreign = new native.EpisodeBuffer(device, { policy: other, capacity: 3 })
  t.throws(() => behavior.fit(foreign, { updates: 1, batchSize: 1, learningRate: 1, seed: 1 }), { code: 'ERR_SHAPE' })
  const commanded = behavior.policies(Float32Array.of(1, 1))
  t.match(await rejection((async () => commanded.actions(new Float32Array(4)))()), { code: 'ERR_ARGUMENT' })
  t.throws(
    () =>
      new native.Policy({
        ...{ spec: policy, observationMean: new Float64Array(4), observationStd: new Float64Array(4).fill(1) },
      }),
    { code: 'ERR_ARGUMENT' },
  )
  behavior.dispose()
  buffer.dispose()
  t.throws(() => behavior.state(), { code: 'ERR_DISPOSED' })
  t.throws(() => buffer.totals(), { code: 'ERR_DISPOSED' })
})
