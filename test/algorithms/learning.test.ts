import { join } from 'node:path'
import { test } from 'tap'
import { openRun } from '../../lib/run/opened-run.js'
import { startRun } from '../../lib/run/start.js'

test('MountainCarContinuous-v0 reaches 90, and then does what it is asked', async (t) => {
  const run = join(t.testdir(), 'run')
  const { lastEvaluation, steps } = await startRun({
    task: 'MountainCarContinuous-v0',
    seed: 1,
    stopAt: 90,
    run,
    device: 'cpu',
  })
  t.ok(lastEvaluation!.mean >= 90)
  t.ok(steps <= 30_000, `in ${steps} steps`)
  using trained = await openRun(run, { device: 'cpu' })
  t.ok((await trained.evaluate('best')).mean >= 90, 'also from its checkpoint')
})
