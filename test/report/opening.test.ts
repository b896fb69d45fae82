// What is said when a run starts: the memory of the replay buffer for the budget at hand, and the expected time.
import { mock } from 'node:test'
import { test } from 'tap'
import { ExpectedTime } from '../../lib/report/expected-time.js'
import { openingLines } from '../../lib/report/opening.js'
import type { RunStart } from '../../lib/report/reporter.js'

const start: RunStart = {
  run: 'runs/mine',
  algorithm: 'gogepo',
  task: 'Mine',
  taskOptions: [],
  seed: 1,
  device: 'cpu',
  budget: 100_000,
  steps: 0,
  settings: { bufferSize: 10_000 },
  fullBufferBytes: 10_000 * 1e5,
  bufferPer: 'episode',
  maxEpisodeSteps: 1000,
  secondsBy: () => ({}),
}

test('the buffer of the budget at hand', (t) => {
  const line = (run: Partial<RunStart>): string => openingLines({ ...start, ...run })[1] ?? ''
  t.match(line({}), /10 MB for 100 episodes if every .*1,000 steps, .*1\.0 GB for 10,000 episodes/)
  t.match(line({ budget: 1 }), /grows to 0\.1 MB for 1 episode\.$/)
  t.match(line({ budget: 1e9 }), /grows to 1\.0 GB for 10,000 episodes\.$/)
  t.match(line({ bufferPer: 'step' }), /grows to 1\.0 GB for 10,000 steps\.$/)
  t.equal(line({ fullBufferBytes: 0 }), '')
  t.match(
    line({ fullBufferBytes: 0, settings: { correctionEpisodes: 41 } }),
    /last step, up to 41 episodes without noise/,
  )
  t.equal(line({ fullBufferBytes: 0, settings: { correctionEpisodes: 0 } }), '')
  t.end()
})

test('the expected time, once, from the rate of the first episodes', (t) => {
  let now = 0
  const clock = mock.method(performance, 'now', () => now)
  t.teardown(() => clock.mock.restore())
  const expected = new ExpectedTime()
  const after = (seconds: number, trained: number, remaining: number) => {
    now = seconds * 1000
    return expected.after(trained, remaining)
  }
  t.equal(after(1, 10, 1000), undefined, 'too early')
  t.equal(after(6, 20, 1000), undefined, 'too few episodes')
  t.equal(after(10, 1000, 359_000), 'Expected training time: about 1h 0m, at the 100 steps/s of the first 3 episodes.')
  t.equal(after(20, 2000, 358_000), undefined, 'once')
  t.end()
})
