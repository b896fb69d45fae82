// A run that is stopped and resumed is the run that was never stopped; what may change when it is resumed, and what may not.
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'tap'
import { resumeRun } from '../../lib/run/resume.js'
import { startRun } from '../../lib/run/start.js'
import type { TrainEvent } from '../../lib/train/events.js'
import { events, oneThread, remains, startSmall } from '../small.js'

/** Aborts after that many episodes. */
function abortAfter(episodes: number): { signal: AbortSignal; onEvent: (event: TrainEvent) => void } {
  const controller = new AbortController()
  return {
    signal: controller.signal,
    onEvent: (event) => void (event.type === 'episode' && event.episode === episodes && controller.abort()),
  }
}

for (const settings of [
  {},
  { policiesPerIteration: 3 },
  { backend: 'reference' },
  { normalizeObservations: false, criticKind: 'parameters' },
] as const)
  test(`stopped twice and resumed: ${JSON.stringify(settings)}`, async (t) => {
    const dir = t.testdir()
    const options = { task: 'InvertedPendulum-v5', steps: 900, seed: 5, settings: { ...settings, evaluateEvery: 200 } }
    const whole = remains((await startSmall({ ...options, run: join(dir, 'whole') })).run)
    const run = join(dir, 'stopped')
    t.match(await startSmall({ ...options, run, ...abortAfter(6) }), { interrupted: true, episodes: 6 })
    t.match(await resumeRun(run, { ...oneThread, ...abortAfter(30) }), { interrupted: true, episodes: 30 }) // the buffer of 20 has gone round
    t.match(await resumeRun(run, oneThread), { interrupted: false })
    t.strictSame(remains(run), whole, 'events, every tensor and every counter')
    const iterations = whole.events.filter(({ type }) => type === 'iteration')
    t.strictSame(
      iterations.map(({ iteration }) => iteration),
      iterations.map((_, i) => i + 1),
    )
  })

test('a budget can be raised, and a finished run is left as it is', async (t) => {
  const run = join(t.testdir(), 'run')
  const { steps } = await startSmall({ task: 'InvertedPendulum-v5', steps: 300, run })
  const before = remains(run)
  t.match(await resumeRun(run, oneThread), { steps, alreadyFinished: true })
  t.strictSame(remains(run), before)
  const more = await resumeRun(run, { ...oneThread, steps: 600 })
  t.ok(more.steps >= 600)
  t.strictSame(events(run).slice(0, before.events.length), before.events)
})

test('a run that is extended trains as if it had not ended before', async (t) => {
  const dir = t.testdir()
  const options = { task: 'InvertedPendulum-v5', seed: 2, settings: { evaluateEvery: 200 } }
  const whole = await startSmall({ ...options, steps: 700, run: join(dir, 'whole') })
  const extended = await startSmall({ ...options, steps: 350, run: join(dir, 'extended') })
  const final = events(extended.run).at(-1)!
  t.equal(final['type'], 'evaluation')
  await resumeRun(extended.run, { ...oneThread, steps: 700 })
  const others = (run: string) =>
    events(run).filter((event) => event['type'] !== 'evaluation' || event['steps'] !== final['steps'])
  t.strictSame(others(extended.run), others(whole.run), 'only the evaluation that ended it is in addition')
  t.equal(remains(extended.run).learner, remains(whole.run).learner)
})

test('settings that are part of a run cannot change; its schedule and where it is computed can', async (t) => {
  const run = join(t.testdir(), 'run')
  const options = { task: 'InvertedPendulum-v5', steps: 300, run, settings: { evaluateEvery: 200 } }
  await startSmall(options)
  const config = () => readFileSync(join(run, 'config.json'), 'utf8')
  const before = config()
  for (const settings of [{ noise: 0.2 }, { policyHidden: [24] }, { normalizeObservations: false }, { noise: 0.1 }])
    await t.rejects(resumeRun(run, { ...oneThread, steps: 600, settings }), {
      code: 'ERR_SETTING',
      message: new RegExp(`${Object.keys(settings)[0]}.*${run}`),
    })
  for (const [settings, words] of [
    [{ nois: 0.2 }, /"nois".*"noise"/],
    [{ evaluateEvery: 0 }, /evaluateEvery/],
    [{ stepSize: 1 }, /stepSize/],
  ] as const)
    await t.rejects(resumeRun(run, { ...oneThread, steps: 600, settings }), { code: 'ERR_SETTING', message: words })
  t.equal(config(), before, 'and config.json is as it was')

  const seen: TrainEvent[] = []
  const settings = { evaluateEvery: 50, evaluationEpisodes: 3, backend: 'reference' }
  await resumeRun(run, { ...oneThread, steps: 600, settings, onEvent: (event) => seen.push(event) })
  const evaluations = seen.flatMap((event) => (event.type === 'evaluation' ? [event] : []))
  t.ok(evaluations.length >= 5, `${evaluations.length} evaluations in about 300 steps`)
  t.ok(evaluations.every(({ returns }) => returns.length === 3))
  t.match(JSON.parse(config()), { settings: { ...settings, noise: 0.1 }, steps: 600 })
  await resumeRun(run, { ...oneThread, steps: 700 })
  t.match(JSON.parse(config()), { settings }, 'what was changed stays changed')
})

test('the settings of ars change as those of gogepo do', async (t) => {
  const run = join(t.testdir(), 'run')
  await startRun({ ...oneThread, algorithm: 'ars', task: 'InvertedPendulum-v5', steps: 300, run })
  await t.rejects(resumeRun(run, { ...oneThread, steps: 600, settings: { stepSize: 1 } }), {
    code: 'ERR_SETTING',
    message: /stepSize/,
  })
  await t.rejects(resumeRun(run, { ...oneThread, steps: 600, settings: { drive: 1 } }), { code: 'ERR_SETTING' })
  t.match(await resumeRun(run, { ...oneThread, steps: 600, settings: { evaluationEpisodes: 1 } }), {
    algorithm: 'ars',
    interrupted: false,
  })
})
