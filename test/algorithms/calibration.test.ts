// Calibration episodes, and the control that learns nothing.
import { join } from 'node:path'
import { test } from 'tap'
import { gogepo } from '../../lib/algorithms/gogepo.js'
import type { RunResult } from '../../lib/run/start.js'
import type { EpisodeEvent } from '../../lib/train/events.js'
import { resumeRun } from '../../lib/run/resume.js'
import { fixed, stored, uniform } from '../../lib/algorithms/commands.js'
import { RunFolder } from '../../lib/run/folder.js'
import { events, rejection, remains, session, small, startSmall } from '../small.js'

const episodesOf = ({ run }: RunResult): EpisodeEvent[] =>
  events(run).filter(({ type }) => type === 'episode') as unknown as EpisodeEvent[]

test('a share of the episodes asks for returns between the lowest and the best', async (t) => {
  const settings = { calibrationShare: 0.25, strategy: 'fixed:9999', evaluateEvery: 100_000 }
  const run = await startSmall({
    task: 'CartPole-v1',
    preset: 'default',
    steps: 600,
    run: join(t.testdir(), 'run'),
    settings,
  })
  const episodes = episodesOf(run)
  t.ok(episodes.length > 20)
  let [lowest, best] = [Infinity, -Infinity]
  for (let first = 0; first < episodes.length; first += 4) {
    const [seen, ofIteration] = [[lowest, best] as const, episodes.slice(first, first + 4)]
    for (const [i, { command, return: achieved }] of ofIteration.entries()) {
      if (i < 3) t.equal(command, 9999)
      else if (first > 0) t.ok(command! >= seen[0] && command! <= seen[1] && command !== 9999)
      lowest = Math.min(lowest, achieved)
      best = Math.max(best, achieved)
    }
  }
})

test('they run G(c) without noise', async (t) => {
  const settings = { ...small, noise: 5, evaluateEvery: 100_000, criticUpdates: 0, generatorUpdates: 0 }
  const one = session(gogepo, 'CartPole-v1', { ...settings, strategy: 'fixed:100', bufferSize: 100 })
  for (let i = 0; i < 5; i++) await one.iterate()
  const { thetas } = one.log!.read(0, 20)
  const size = thetas!.shape[1]!
  for (let i = 0; i < 20; i++) {
    const theta = (thetas!.data as Float32Array).slice(i * size, (i + 1) * size)
    const policies = await one.learner.policies([one.history.commands[i]!])
    const [clean, noisy] = [policies.toArray(), i % 4 !== 3]
    t.equal(theta.join() !== clean.join(), noisy, `episode ${i}`)
    policies.dispose()
  }
  one.dispose()
})

test('the control: the same beginning, and nothing learned', async (t) => {
  const dir = t.testdir()
  const run = async (name: string, control: boolean) =>
    startSmall({ task: 'CartPole-v1', preset: 'default', steps: 400, run: join(dir, name), control })
  const [learned, control] = [await run('learned', false), await run('control', true)]
  const network = ({ run: path }: RunResult) => {
    const folder = RunFolder.open(path, undefined)
    return folder.config.settings['criticUpdates'] === 0 && folder.config.settings['generatorUpdates'] === 0
  }
  t.notOk(network(learned))
  t.ok(network(control), 'its settings say so')
  t.equal(remains(control.run).counters['learner.criticUpdates'], 0)
  t.equal(remains(control.run).counters['learner.generatorUpdates'], 0)
  t.strictSame(
    episodesOf(control)
      .slice(0, 4)
      .map(({ return: r }) => r),
    episodesOf(learned)
      .slice(0, 4)
      .map(({ return: r }) => r),
    'before the first update there is nothing to tell them apart',
  )
})

test('a strategy that comes with gogepo is recorded, and a resumed run continues with it', async (t) => {
  const dir = t.testdir()
  for (const strategy of [uniform(0, 80), stored, fixed(30)]) {
    const whole = join(dir, `${strategy.text.replaceAll(':', '-')}-whole`)
    const parts = join(dir, `${strategy.text.replaceAll(':', '-')}-parts`)
    const options = { task: 'CartPole-v1', preset: 'default', strategy, settings: { checkpointEvery: 0 } }
    await startSmall({ ...options, steps: 700, run: whole })
    await startSmall({ ...options, steps: 300, run: parts })
    await resumeRun(parts, { steps: 700, strategy }) // as recorded, so it may be passed or left out
    t.notOk(RunFolder.open(parts, undefined).config.ownStrategy)
    t.match(await rejection(resumeRun(parts, { steps: 900, strategy: fixed(31) })), { code: 'ERR_SETTING' })
    t.equal(RunFolder.open(parts, undefined).config.settings['strategy'], strategy.text)
    t.strictSame(remains(parts).learner, remains(whole).learner)
  }
})
