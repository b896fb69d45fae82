// A run under way, as a program listens to it.
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { test, type Test } from 'tap'
import type { TrainEvent } from '../../lib/train/events.js'
import { resume, train, type Training } from '../../lib/run/training.js'
import { startRun } from '../../lib/run/start.js'
import { fixed } from '../../lib/algorithms/commands.js'
import { events, oneThread, rejection, small, startSmall } from '../small.js'

const start = (t: Test, options: object = {}): Training =>
  train({
    task: 'InvertedPendulum-v5',
    steps: 300,
    run: join(t.testdir(), 'run'),
    settings: { ...small, evaluateEvery: 100 },
    ...oneThread,
    ...options,
  })
const numbers = (seen: TrainEvent[]) => seen.map((event) => [event.type, event.steps])

test('its events, by iterating and by a callback, are those of events.jsonl', async (t) => {
  const [iterated, reported]: [TrainEvent[], TrainEvent[]] = [[], []]
  const training = start(t, { onEvent: (event: TrainEvent) => reported.push(event) })
  for await (const event of training) iterated.push(event)
  const { run, steps, interrupted } = await training.result
  t.strictSame(
    numbers(iterated),
    events(run).map(({ type, steps }) => [type, steps]),
  )
  t.strictSame(reported, iterated)
  t.ok(iterated.some(({ type }) => type === 'evaluation'))
  t.strictSame([interrupted, steps], [false, iterated.at(-1)!.steps])
  for await (const event of training) t.fail(`${event.type} after the end`)
})

test('leaving the loop stops it, saved; resume continues', async (t) => {
  const training = start(t, { steps: 1_000_000 })
  let seen = 0
  for await (const { type } of training) if (type === 'episode' && ++seen === 3) break
  const { run, interrupted, steps } = await training.result
  t.ok(interrupted)
  t.ok(steps < 300)
  const more = resume(run, { ...oneThread, steps: 300 })
  const continued: TrainEvent[] = []
  for await (const event of more) continued.push(event)
  t.ok(continued[0]!.steps > steps)
  t.match(await more.result, { interrupted: false })
})

test('stop(), a signal and the end of a block stop it too', async (t) => {
  const long = { steps: 1_000_000 }
  const stopped = start(t, { ...long, run: join(t.testdir(), 'stopped'), onEvent: () => stopped.stop() })
  t.match(await stopped.result, { interrupted: true })
  const controller = new AbortController()
  const aborted = start(t, {
    ...long,
    run: join(t.testdir(), 'aborted'),
    signal: controller.signal,
    onEvent: () => controller.abort(),
  })
  t.match(await aborted.result, { interrupted: true })
  t.match(await start(t, { ...long, run: join(t.testdir(), 'before'), signal: AbortSignal.abort('enough') }).result, {
    interrupted: true,
    steps: 0,
    reason: 'enough',
  })
  let left: Training
  {
    await using training = start(t, { ...long, run: join(t.testdir(), 'left') })
    left = training
  }
  t.match(await left.result, { interrupted: true })
})

test('what goes wrong is thrown where one listens', async (t) => {
  const wrong = () => train({ task: 'InvertedPendulm-v5', ...oneThread })
  const code = { code: 'ERR_UNKNOWN_ENV' }
  await t.rejects(wrong().result, code)
  await t.rejects(async () => {
    for await (const event of wrong()) t.fail(event.type)
  }, code)
  await t.rejects(async () => {
    await using training = wrong()
    void training
  }, code)
  await t.rejects(
    async () => {
      await using training = wrong()
      await training.result
    },
    code,
    'and once',
  )
  const faulty = start(t, {
    steps: 1_000_000,
    onEvent: () => {
      throw new Error('mine')
    },
  })
  await t.rejects(faulty.result, { message: 'mine' })
  await t.rejects(
    async () => {
      for await (const event of start(t, { steps: 1_000_000, run: join(t.testdir(), 'body') }))
        throw new Error(event.type)
    },
    { message: 'episode' },
  )
  await t.rejects(resume(join(t.testdir(), 'none')).result, { code: 'ERR_RUN' })
})

test('a failure that is looked at late, or never, is not an unhandled one', async (t) => {
  const unhandled: unknown[] = []
  const listen = (reason: unknown): void => void unhandled.push(reason)
  process.on('unhandledRejection', listen)
  t.teardown(() => process.off('unhandledRejection', listen))
  const late = train({ task: 'nope', ...oneThread })
  train({ task: 'nope', ...oneThread })
  resume(join(t.testdir(), 'none'))
  train({ tusk: 'nope' } as never)
  for (let i = 0; i < 20; i++) await new Promise((resolve) => setImmediate(resolve))
  t.match(await rejection(late.result), { code: 'ERR_UNKNOWN_ENV' })
  for (let i = 0; i < 20; i++) await new Promise((resolve) => setImmediate(resolve))
  t.strictSame(unhandled, [])
})

test('options that are none are refused', async (t) => {
  for (const [options, facts] of [
    [{}, /task/],
    [{ task: 'Hopper-v5', sed: 1 }, /"sed".*"seed"/],
    [{ task: 'Hopper-v5', seed: -1 }, /seed/],
    [{ task: 'Hopper-v5', steps: 1.5 }, /steps/],
    [{ task: 3 }, /task/],
    [{ task: { id: 3 } }, /task\.id/],
    [{ task: { id: 'Hopper-v5', options: [] } }, /task\.options/],
    [{ task: 'Hopper-v5', device: 'gpu' }, /device/],
    [{ task: 'Hopper-v5', reporters: {} }, /reporters/],
    [{ task: 'Hopper-v5', reporters: [{ start() {}, event() {} }] }, /reporters.*end/],
    [{ task: 'Hopper-v5', reporters: [null] }, /reporters/],
    [{ task: 'Hopper-v5', signal: {} }, /signal/],
    [null, /options/],
  ] as const)
    t.match(await rejection(train(options as never).result), { code: 'ERR_ARGUMENT', message: facts })
  t.match(await rejection(resume('x', { seed: 1 } as never).result), { code: 'ERR_ARGUMENT', message: /"seed"/ })
  t.match(await rejection(resume(3 as never).result), { code: 'ERR_ARGUMENT' })
  t.throws(() => Object.getPrototypeOf(train({ task: 'nope' })).stop.call({}), { code: 'ERR_ARGUMENT' })
})

test('commands whose loss would not be finite are refused before a run begins, by the name of the setting', async (t) => {
  const run = join(t.testdir(), 'run')
  for (const [setting, value] of [
    ['strategy', 'best+3e38'],
    ['strategy', 'best@10k;fixed:-3e38'],
    ['strategy', 'uniform:0:3e38'],
  ] as const)
    for (const algorithm of ['gogepo', 'udrlpg'])
      await t.rejects(
        startRun({ ...oneThread, task: 'InvertedPendulum-v5', algorithm, run, settings: { [setting]: value } }),
        { code: 'ERR_SETTING', message: new RegExp(`^Setting ${setting}: .*3e\\+38 .* from -.* to `) },
        `${algorithm} ${value}`,
      )
  // GoGePo's drive counts in units of the networks: one of them is a return of 2.
  for (const [algorithm, shown] of Object.entries({ gogepo: '6e', udrlpg: '3e' }))
    await t.rejects(
      startRun({ ...oneThread, task: 'InvertedPendulum-v5', algorithm, run, settings: { drive: 3e38 } }),
      {
        code: 'ERR_SETTING',
        message: new RegExp(
          `^Setting drive: the best return plus ${shown}\\+38, in reward units, is beyond .* from -.* to `,
        ),
      },
    )
  t.notOk(existsSync(run))
  const other = join(t.testdirName, 'other')
  await t.rejects(startSmall({ task: 'InvertedPendulum-v5', run: other, strategy: ({ best }) => best + 1 }), {
    code: 'ERR_ARGUMENT',
    message: /got -Infinity before the first episode\. .*return context\.first/,
  })
  await t.rejects(startSmall({ task: 'InvertedPendulum-v5', run, strategy: () => 3e38 }), {
    code: 'ERR_ARGUMENT',
    message: /^The command strategy: 3e\+38 /,
  })
  await t.rejects(start(t, { strategy: 'best+20' }).result, {
    code: 'ERR_ARGUMENT',
    message: /strategy to be a function.*settings\.strategy/,
  })
})

test('a user-defined command strategy is asked for again', async (t) => {
  const asked: number[] = []
  const training = start(t, {
    preset: 'paper', // no calibration episodes
    strategy: ({ episodes }: { episodes: number }) => 2 * episodes,
    onEvent: (event: TrainEvent) => event.type === 'episode' && asked.push(event.command!),
  })
  const { run } = await training.result
  t.strictSame(asked.slice(0, 4), [0, 2, 4, 6])
  await t.rejects(resume(run, { steps: 400, ...oneThread }).result, {
    code: 'ERR_RUN',
    message: /resume\('.*', \{ strategy \}\)/,
  })
  t.match(await resume(run, { steps: 400, strategy: fixed(1), ...oneThread }).result, { interrupted: false })
})
