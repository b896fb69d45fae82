// An algorithm that a user wrote (test/climb.ts): trained, resumed and asked through what gogepo exports.
import { spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { test } from 'tap'
import { openRun, resume, train, type Algorithm, type TrainEvent } from '../../lib/index.js'
import { climb } from '../climb.js'
import { events, oneThread, rejection } from '../small.js'

const cli = fileURLToPath(new URL('../../dist/cli/main.js', import.meta.url))
const algorithm = climb as Algorithm

test('it trains, and a run of it resumes only with it', async (t) => {
  const run = join(t.testdir(), 'runs', 'mine')
  const seen: TrainEvent[] = []
  const result = await train({
    ...{ ...oneThread, algorithm: climb, task: 'InvertedPendulum-v5', seed: 2, steps: 400, run, preset: 'bold' },
    settings: { hidden: [8], evaluateEvery: 100, evaluationEpisodes: 2 },
    onEvent: (event) => seen.push(event),
  }).result
  t.match(result, { algorithm: 'climb', interrupted: false })
  const metrics = seen.flatMap((event) => (event.type === 'iteration' ? [event.metrics] : []))
  t.ok(metrics.every(({ accepted, bestReturn }) => (accepted === 0 || accepted === 1) && bestReturn! >= 1))
  t.match(JSON.parse(readFileSync(join(run, 'config.json'), 'utf8')), {
    algorithm: 'climb',
    ownAlgorithm: true,
    preset: 'bold',
    settings: { noise: 2, hidden: [8], label: 'a' },
  })

  const more = { ...oneThread, steps: 800 }
  t.match(await rejection(resume(run, more).result), { code: 'ERR_RUN', message: /climb.*algorithm/ })
  t.match(await rejection(resume(run, { ...more, algorithm: { ...algorithm, name: 'other' } }).result), {
    code: 'ERR_ARGUMENT',
    message: /climb.*other/,
  })
  t.match(await rejection(resume(run, { ...more, algorithm, settings: { noise: 1 } }).result), {
    code: 'ERR_SETTING',
    message: /noise/,
  })
  const resumed = await resume(run, { ...more, algorithm, settings: { label: 'b' } }).result
  t.ok(resumed.steps >= 800)
  t.equal(events(run).filter(({ type }) => type === 'iteration').length, resumed.episodes)

  t.match(await rejection(openRun(run)), { code: 'ERR_RUN', message: /climb/ })
  using opened = await openRun(run, { ...oneThread, algorithm })
  t.equal((await opened.evaluate('best', { episodes: 4 })).returns.length, 4)
  t.match((await opened.policy()).origin, { command: null, predicted: null, noise: 0 })
  t.match((await opened.policy('best', { noise: true })).origin, { noise: 2 })

  const gogepo = (...args: string[]) =>
    spawnSync(process.execPath, [cli, ...args], { cwd: t.testdirName, encoding: 'utf8' })
  t.match(gogepo('evaluate', run), { status: 1, stdout: '', stderr: /climb/ })
  t.match(gogepo('train', '--resume', run), { status: 1, stderr: /climb/ })
  t.match(gogepo('runs').stdout, /runs\/mine +climb +InvertedPendulum-v5/)
})

test('what is no algorithm is refused before anything is made', async (t) => {
  const run = join(t.testdir(), 'run')
  for (const [wrong, facts] of [
    [{ ...algorithm, create: undefined }, /algorithm\.create/],
    [{ ...algorithm, metrics: undefined }, /algorithm\.metrics/],
    [{ ...algorithm, phases: {} }, /algorithm\.phases/],
    [{ ...algorithm, takesCommands: 'no' }, /algorithm\.takesCommands/],
    [{ ...algorithm, presets: {} }, /algorithm\.presets/],
    [{ ...algorithm, presets: { only: null } }, /algorithm\.presets\.only/],
    [{ ...algorithm, presets: { only: { help: '', settings: 3 } } }, /algorithm\.presets\.only\.settings/],
    [{ ...algorithm, settings: { rate: 0.1 } }, /algorithm\.settings\.rate/],
    [{ ...algorithm, settings: { rate: { type: 'real', help: '' } } }, /algorithm\.settings\.rate\.type/],
    [{ ...algorithm, metrics: { loss: Symbol('loss') } }, /algorithm\.metrics\.loss/],
    [{ ...algorithm, phases: [Symbol('learn')] }, /algorithm\.phases/],
    [{ ...algorithm, name: 'my algorithm' }, /algorithm\.name.*my algorithm/],
    [{ ...algorithm, check: 3 }, /algorithm\.check/],
    [3, /algorithm/],
  ] as const) {
    const training = train({ ...oneThread, algorithm: wrong as never, task: 'InvertedPendulum-v5', run })
    t.match(await rejection(training.result), { code: 'ERR_ARGUMENT', message: facts })
  }
  t.match(await rejection(train({ algorithm: 'climb' as never, task: 'InvertedPendulum-v5', run }).result), {
    code: 'ERR_SETTING',
    message: /"climb"/,
  })
  t.match(
    await rejection(
      train({ algorithm: climb, task: 'InvertedPendulum-v5', run, settings: { drive: 1 } as never }).result,
    ),
    { code: 'ERR_SETTING', message: /"drive"/ },
  )
})

test('what it throws ends the run, which can be resumed', async (t) => {
  const run = join(t.testdir(), 'run')
  let left = 3
  const failing: Algorithm = {
    ...algorithm,
    create(context) {
      const learner = algorithm.create(context)
      const iterate = learner.iterate.bind(learner)
      return Object.assign(learner, {
        iterate: async () => {
          if (left-- === 0) throw new Error('out of paint')
          return iterate()
        },
      })
    },
  }
  const options = { ...oneThread, task: 'InvertedPendulum-v5', settings: { checkpointEvery: 0 } }
  await t.rejects(train({ ...options, algorithm: failing, steps: 1000, run }).result, { message: 'out of paint' })
  t.equal(events(run).filter(({ type }) => type === 'iteration').length, 3)
  t.match(await resume(run, { ...oneThread, algorithm, steps: 200 }).result, { interrupted: false })

  const unmade: Algorithm = {
    ...algorithm,
    create() {
      throw new Error('out of canvas')
    },
  }
  const none = join(t.testdirName, 'none')
  await t.rejects(train({ ...options, algorithm: unmade, run: none }).result, { message: 'out of canvas' })
})
