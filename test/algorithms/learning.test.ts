// The promise, on the cheapest task that keeps it: what is commanded is achieved, and only because it was learned.
import { join } from 'node:path'
import { test } from 'tap'
import { openRun } from '../../lib/run/opened-run.js'
import { startRun } from '../../lib/run/start.js'

test('CartPole-v1: commands are followed, and are not without learning', async (t) => {
  const dir = t.testdir()
  const sweepOf = async (control: boolean) => {
    const { run } = await startRun({
      task: 'CartPole-v1',
      seed: 6,
      steps: 30_000,
      run: join(dir, String(control)),
      device: 'cpu',
      control,
      settings: { policyHidden: [64, 64], generatorHidden: [128, 128], evaluateEvery: 10_000 },
    })
    using trained = await openRun(run, { device: 'cpu' })
    return await trained.sweep({ from: 20, to: 500, points: 9 })
  }
  const [learned, control] = [await sweepOf(false), await sweepOf(true)]
  t.ok(learned.error < 0.25, `error ${learned.error}`)
  t.ok(learned.rank > 0.8, `rank correlation ${learned.rank}`)
  t.ok(learned.rows.at(-1)!.achievedMean > 350, 'the highest command')
  t.ok(control.error > 0.4, `error ${control.error} without learning`)
  t.ok(control.rows.at(-1)!.achievedMean < 100)
})
