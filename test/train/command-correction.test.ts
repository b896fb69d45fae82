// The correction of commands at the end of training: its curve on constructed cases, and what it does to a run.
import { cpSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import fc from 'fast-check'
import { test } from 'tap'
import { gogepo } from '../../lib/algorithms/gogepo.js'
import { GogepoError, type GogepoErrorCode } from '../../lib/base/errors.js'
import type { EnvironmentFactory } from '../../lib/env/environment.js'
import { RunFolder } from '../../lib/run/folder.js'
import { listedRun } from '../../lib/run/listing.js'
import { openRun } from '../../lib/run/opened-run.js'
import { resumeRun } from '../../lib/run/resume.js'
import { startRun, type StartOptions } from '../../lib/run/start.js'
import type { SettingValues } from '../../lib/settings/setting.js'
import { spread } from '../../lib/base/statistics.js'
import { CommandCorrection } from '../../lib/train/command-correction.js'
import type { TrainEvent } from '../../lib/train/events.js'
import { events, oneThread, rejection, remains, session, small } from '../small.js'

const correctionOf = (commands: number[], returns: (command: number) => number): CommandCorrection =>
  new CommandCorrection({ commands, achieved: commands.map(returns) })

const lists = (values: fc.Arbitrary<number>, length: number) =>
  fc.array(values, { minLength: length, maxLength: length })

const bound = (correction: CommandCorrection) => ({ correct: (wanted: number) => correction.correct(wanted) })

test('a command becomes the one that achieves it', (t) => {
  const curve = (command: number): number => 20 + 0.5 * command + 0.003 * command ** 2 // 20 to 100 over 0 to 100
  const { correct } = bound(correctionOf(spread(0, 100, 41), curve))
  for (let wanted = 30; wanted <= 90; wanted += 5) t.ok(Math.abs(curve(correct(wanted)) - wanted) < 0.7, `${wanted}`)
  t.equal(correct(5), 0, 'less than anything achieved: the lowest')
  t.equal(correct(120), 100 + 20, 'more than what was tried: shifted like the highest')
  t.equal(correct(-30), -30)
  t.end()
})

test('noise is averaged, and what is out of order shares its mean', (t) => {
  const { correct } = bound(correctionOf(spread(0, 400, 401), (command) => command + (command % 2 === 0 ? 30 : -30)))
  for (let wanted = 20; wanted <= 380; wanted += 20) t.ok(Math.abs(correct(wanted) - wanted) < 1, `${wanted}`)
  const falling = correctionOf(spread(0, 100, 11), (command) => -command)
  t.equal(falling.correct(10), 50, 'one policy is as good as another: the middle one')
  t.equal(falling.correct(90), 50)
  const unchanging = correctionOf(spread(0, 100, 11), () => 7)
  t.equal(unchanging.correct(90), 50)
  const jump = correctionOf(spread(-100, 100, 41), (command) => (command < 0 ? -100 : 90))
  t.ok(jump.correct(-100) < -50)
  t.ok(Math.abs(jump.correct(0)) < 10, 'a switch stays one')
  t.ok(jump.correct(100) > 0)
  t.end()
})

test('the next commands go where returns change quickly', (t) => {
  const steep = (command: number): number => 100 / (1 + Math.exp(-(command - 70) / 2)) // from 10 to 90 within 9 of 100
  const even = spread(0, 100, 21)
  const next = correctionOf(even, steep).next(20)
  t.equal(next.length, 20)
  t.ok(next.filter((command) => command > 60 && command < 80).length >= 15, next.join())
  t.ok(next.every((command, i) => command > (next[i - 1] ?? 0) && command < 100))
  const error = (commands: number[]): number => {
    const { correct } = bound(correctionOf(commands, steep))
    return Math.max(...spread(10, 90, 17).map((wanted) => Math.abs(steep(correct(wanted)) - wanted)))
  }
  const both = [...even, ...next].sort((a, b) => a - b)
  t.ok(error(both) < 0.7 * error(spread(0, 100, 41)), `${error(both)}, not ${error(spread(0, 100, 41))}`)
  t.strictSame(correctionOf(spread(0, 100, 11), () => 7).next(5), [], 'nothing to learn: 50, which was tried')
  t.strictSame(new CommandCorrection({ commands: [], achieved: [] }).next(5), [])
  t.end()
})

test('uneven commands do not bend a line', (t) => {
  const commands = [0, 10, 20, 30, 40, 41, 42, 43, 44, 45, 46, 47, 48, 60, 80, 100]
  const { correct } = bound(correctionOf(commands, (command) => 3 * command - 20))
  for (let wanted = 0; wanted <= 100; wanted += 5)
    t.ok(Math.abs(correct(wanted) - (wanted + 20) / 3) < 1e-9, `${wanted}`)
  t.end()
})

test('it keeps the order of commands, has no jumps, and does not depend on the scale', (t) => {
  const eighths = (most: number) => fc.integer({ min: -8 * most, max: 8 * most }).map((x) => x / 8) // times 2^k they are exact
  const tried = fc
    .uniqueArray(fc.integer({ min: -1000, max: 1000 }), { minLength: 2, maxLength: 60 })
    .map((commands) => commands.sort((a, b) => a - b))
    .chain((commands) => fc.record({ commands: fc.constant(commands), achieved: lists(eighths(1e6), commands.length) }))
  fc.assert(
    fc.property(tried, eighths(3000), fc.integer({ min: -20, max: 20 }), (t, c, k) => {
      const correction = new CommandCorrection(t)
      const [now, next] = [correction.correct(c), correction.correct(c + 1e-3)]
      const times = (x: number): number => x * 2 ** k
      const scaled = new CommandCorrection({ commands: t.commands.map(times), achieved: t.achieved.map(times) })
      return Number.isFinite(now) && next >= now && scaled.correct(times(c)) === times(now)
    }),
  )
  t.end()
})

test('a run corrects its commands when it ends, and again when it is extended', async (t) => {
  const dir = t.testdir()
  const options = { ...oneThread, task: 'CartPole-v1', seed: 3, settings: { ...small, evaluateEvery: 150 } }
  const start = (name: string, steps: number, more: SettingValues = {}) =>
    startRun({ ...options, settings: { ...options.settings, ...more }, steps, run: join(dir, name) })
  const whole = await start('whole', 600)
  const plain = await start('plain', 600, { correctionEpisodes: 0 })
  t.strictSame(events(whole.run), events(plain.run), 'training is the same')

  using run = await openRun(whole.run, oneThread)
  const tried = run.correction!
  t.equal(tried.commands.length, 41)
  t.equal(tried.commands[0], run.lowest)
  t.ok(Math.abs(tried.commands.at(-1)! - run.best) < 1e-9)
  const correction = new CommandCorrection(tried)
  const wanted = (run.lowest + run.best) / 2
  using uncorrected = await openRun(plain.run, oneThread)
  t.equal(uncorrected.correction, null)
  const [a, b] = [await run.evaluate(wanted), await uncorrected.evaluate(correction.correct(wanted))]
  t.equal(a.command, wanted, 'it answers to the command as it was given')
  t.strictSame([a.returns, a.predicted], [b.returns, b.predicted])
  using policy = await run.policy(wanted)
  using other = await uncorrected.policy(correction.correct(wanted))
  t.strictSame(policy.parameters, other.parameters)

  const parts = await start('parts', 300)
  await resumeRun(parts.run, { steps: 600 })
  t.strictSame(remains(parts.run), remains(whole.run))
  await resumeRun(parts.run)
  t.strictSame(remains(parts.run), remains(whole.run), 'resumed with nothing to do')
})

test('no correction: interrupted, the paper’s preset, or a single return', async (t) => {
  const dir = t.testdir()
  const corrected = async (run: string, task?: EnvironmentFactory): Promise<boolean> => {
    using opened = await openRun(run, { ...oneThread, task })
    return opened.correction !== null
  }
  const start = async (name: string, more: Partial<StartOptions> = {}): Promise<string> =>
    (await startRun({ ...oneThread, task: 'CartPole-v1', settings: small, steps: 300, run: join(dir, name), ...more }))
      .run
  t.ok(await corrected(await start('ended')))
  t.notOk(await corrected(await start('paper', { preset: 'paper' })))
  const stop = new AbortController()
  const interrupted = await start('interrupted', {
    steps: 100_000,
    signal: stop.signal,
    onEvent: ({ steps }) => void (steps > 200 && stop.abort()),
  })
  t.notOk(await corrected(interrupted))
  await resumeRun(interrupted, { steps: 300 })
  t.ok(await corrected(interrupted), 'once it has ended')
  const constant: EnvironmentFactory = () => ({
    observationSpace: { shape: [1] },
    actionSpace: { low: [-1], high: [1] },
    returnRange: [0, 10] as const,
    timeLimit: 5,
    reset: () => [0],
    step: () => ({ observation: [0], reward: 1, terminated: false, truncated: false }),
  })
  t.notOk(await corrected(await start('constant', { task: constant }), constant))
})

test('where the best checkpoint is not the last, its commands are corrected as well', async (t) => {
  const dir = t.testdir()
  const settings = { ...small, evaluateEvery: 150 }
  const start = (name: string, more: Partial<StartOptions> = {}) =>
    startRun({ ...oneThread, task: 'CartPole-v1', settings, seed: 3, steps: 600, run: join(dir, name), ...more })
  const whole = await start('whole')
  const { steps } = whole.bestEvaluation!
  t.ok(steps < whole.steps, `the best evaluation was at ${steps} of ${whole.steps} steps`)
  const folder = (run: string): string => join(run, 'checkpoints', String(steps))
  const learner = (run: string): Buffer => readFileSync(join(folder(run), 'learner.safetensors'))

  using best = await openRun(whole.run, { ...oneThread, checkpoint: 'best' })
  const wanted = best.lowest + 0.7 * (best.best - best.lowest)
  const to = new CommandCorrection(best.correction!).correct(wanted)
  t.not(to, wanted)
  const plain = await start('plain', { settings: { ...settings, correctionEpisodes: 0 } })
  using uncorrected = await openRun(plain.run, { ...oneThread, checkpoint: 'best' })
  t.strictSame((await best.evaluate(wanted)).returns, (await uncorrected.evaluate(to)).returns)
  for (const what of ['steps', 'episodes', 'lowest', 'best'] as const) t.equal(best[what], uncorrected[what], what)

  // Stopped before anything is corrected, and resumed.
  const stop = new AbortController()
  const parts = await start('parts', {
    signal: stop.signal,
    onEvent: ({ type, steps }) => void (type === 'evaluation' && steps >= 600 && stop.abort()),
  })
  const before = join(dir, 'before')
  cpSync(folder(parts.run), before, { recursive: true })
  await resumeRun(parts.run)
  t.ok(learner(parts.run).equals(learner(whole.run)))

  // Killed after the last checkpoint was corrected, and before the best was.
  const putBack = (): void => {
    rmSync(folder(parts.run), { recursive: true })
    cpSync(before, folder(parts.run), { recursive: true })
  }
  putBack()
  t.notOk(learner(parts.run).equals(learner(whole.run)))
  t.equal((await resumeRun(parts.run, { signal: AbortSignal.abort() })).alreadyFinished, true)
  t.notOk(learner(parts.run).equals(learner(whole.run)), 'not where it is stopped')
  t.equal((await resumeRun(parts.run)).alreadyFinished, true)
  t.ok(learner(parts.run).equals(learner(whole.run)))

  // Stopped while a task does not answer, or is broken.
  putBack()
  const fails = async (code: GogepoErrorCode, signal: AbortSignal): Promise<void> => {
    const one = session(gogepo, 'CartPole-v1', settings, 3)
    one.correctCommands = async () => Promise.reject(new GogepoError(code, 'it does not answer'))
    try {
      await RunFolder.open(parts.run).correctBest(one, signal)
    } finally {
      one.dispose()
    }
  }
  await fails('ERR_INTERRUPTED', AbortSignal.abort())
  t.match(await rejection(fails('ERR_PYTHON', new AbortController().signal)), { code: 'ERR_PYTHON' })
  t.notOk(learner(parts.run).equals(learner(whole.run)))

  writeFileSync(join(folder(parts.run), 'learner.safetensors'), 'damaged')
  t.equal((await resumeRun(parts.run)).alreadyFinished, true, 'a damaged one is left alone')
  t.same(learner(parts.run).toString(), 'damaged')
})

test('the other algorithms that take commands correct theirs as well', async (t) => {
  const dir = t.testdir()
  const { policyHidden, sliceSize, generatorHidden, evaluateEvery, evaluationEpisodes } = small
  const common = { policyHidden, evaluateEvery, evaluationEpisodes }
  const own = {
    udrlpg: { ...common, sliceSize, generatorHidden, learningRate: 1e-3 },
    udrl: { ...common, warmupEpisodes: 5, episodes: 2, updates: 2, batchSize: 8 },
  }
  for (const [algorithm, settings] of Object.entries(own)) {
    const start = async (name: string, more: SettingValues = {}) => {
      const options = {
        ...oneThread,
        task: 'CartPole-v1',
        algorithm,
        steps: 400,
        run: join(dir, `${algorithm}-${name}`),
      }
      return openRun((await startRun({ ...options, settings: { ...settings, ...more } })).run, oneThread)
    }
    using run = await start('corrected')
    using plain = await start('plain', { correctionEpisodes: 0 })
    t.equal(plain.correction, null)
    const { commands } = run.correction!
    const even = spread(run.lowest, run.best, 21)
    t.ok(commands.length <= 41, algorithm) // fewer where several returns need the same command
    t.strictSame(
      commands.filter((command) => even.includes(command)),
      even,
    )
    const wanted = run.lowest + 0.7 * (run.best - run.lowest)
    const to = new CommandCorrection(run.correction!).correct(wanted)
    t.not(to, wanted)
    t.strictSame((await run.evaluate(wanted)).returns, (await plain.evaluate(to)).returns)
  }
})

test('stopped before its commands are corrected, a run is interrupted, and resuming it corrects them', async (t) => {
  const run = join(t.testdir(), 'run')
  const stop = new AbortController()
  const onEvent = ({ type, steps }: TrainEvent): void => {
    if (type === 'evaluation' && steps >= 300) stop.abort()
  }
  const options = { ...oneThread, task: 'CartPole-v1', settings: small, steps: 300 }
  const { interrupted } = await startRun({ ...options, run, onEvent, signal: stop.signal })
  t.equal(interrupted, true)
  t.equal(listedRun(run).state, 'interrupted')
  const seen: string[] = []
  const reporter = {
    start: () => void seen.push('start'),
    event: ({ type }: TrainEvent) => void seen.push(type),
    end: () => void seen.push('end'),
  }
  const resumed = await resumeRun(run, { reporters: [reporter] })
  t.strictSame(seen, ['start', 'end'])
  t.notOk(resumed.alreadyFinished)
  t.equal(resumed.interrupted, false)
  t.equal(listedRun(run).state, 'finished')
  t.equal((await resumeRun(run, { reporters: [reporter] })).alreadyFinished, true)
  t.equal(seen.length, 2)
})

test('returns that differ by a rounding', async (t) => {
  const run = join(t.testdir(), 'run')
  let steps = 0
  const task = () => ({
    observationSpace: { shape: [1] },
    actionSpace: { low: [-1], high: [1] },
    returnRange: [0, 10] as const,
    timeLimit: 5,
    reset: () => [0],
    step: () => ({ observation: [0], reward: 1 + (steps++ % 2) * Number.EPSILON, terminated: true, truncated: false }),
  })
  await startRun({ ...oneThread, task, settings: small, steps: 20, run })
  using opened = await openRun(run, { ...oneThread, task })
  t.strictSame([opened.lowest, opened.best], [1, 1 + Number.EPSILON])
  t.ok(Number.isFinite((await opened.evaluate()).predicted))
})

test('episodes that diverge or are stopped correct nothing', async (t) => {
  let attempts = 0
  const trained = async (diverges: (i: number) => boolean) => {
    const one = session(gogepo, 'CartPole-v1', { ...small, policiesPerIteration: 4, correctionEpisodes: 11 })
    t.teardown(() => one.dispose())
    for (let i = 0; i < 5; i++) await one.iterate()
    const { rollout } = one
    const run = rollout.run.bind(rollout)
    let i = 0
    rollout.run = async (policies, options) => {
      const episodes = await run(policies, options)
      episodes.diverged.forEach((_, j) => (episodes.diverged[j] = Number(diverges(i++))))
      attempts = i
      return episodes
    }
    return one
  }
  const going = new AbortController().signal
  const some = await trained((i) => i % 2 === 1)
  await some.correctCommands(0, going)
  t.ok(attempts > 6 && attempts <= 11, `${attempts} commands were tried`)
  t.equal(some.correction!.tried.commands.length, Math.ceil(attempts / 2))

  const most = await trained((i) => i > 0)
  const before = (await most.policies([10])).toArray()
  t.equal(most.needsCorrection, true)
  await most.correctCommands(0, going)
  t.equal(most.needsCorrection, false, 'it is not tried again')
  t.strictSame((await most.policies([10])).toArray(), before)
  const again = await trained(() => false)
  again.restore(most.state())
  t.equal(again.needsCorrection, false, 'not even by another process')

  const none = await trained(() => false)
  await none.correctCommands(0, AbortSignal.abort())
  t.equal(none.needsCorrection, true)
  const stop = new AbortController()
  const half = await trained((i) => {
    if (i === 5) stop.abort() // the last of the first half
    return false
  })
  await half.correctCommands(0, stop.signal)
  t.equal(half.needsCorrection, true)
})

test('a correction that is damaged in a checkpoint is refused', (t) => {
  const tensor = (...values: number[]) => ({
    dtype: 'F64' as const,
    shape: [values.length],
    data: Float64Array.from(values),
  })
  t.equal(CommandCorrection.restore({}), undefined)
  const { tried } = CommandCorrection.restore({ commands: tensor(1, 2, 3), achieved: tensor(4, 5, 6) })!
  t.strictSame(tried, { commands: [1, 2, 3], achieved: [4, 5, 6] })
  for (const [commands, achieved] of [
    [tensor(1), tensor(1)],
    [tensor(2, 1), tensor(1, 2)],
    [tensor(1, 2), tensor(1, NaN)],
    [tensor(1, 2), tensor(1, 2, 3)],
  ] as const)
    t.throws(() => CommandCorrection.restore({ commands, achieved }), { code: 'ERR_CHECKPOINT' })
  t.throws(() => CommandCorrection.restore({ commands: tensor(1, 2) }), { code: 'ERR_FILE' })
  t.end()
})
