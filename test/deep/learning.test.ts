// The learning that the specification asks of every seed: MountainCarContinuous an evaluation of 90, InvertedPendulum one of 1000.
import { join } from 'node:path'
import t from 'tap'
import { startRun } from '../../lib/run/start.js'

const minutes = 60_000
t.setTimeout(40 * minutes)

for (const [task, mark] of [
  ['MountainCarContinuous-v0', 90],
  ['InvertedPendulum-v5', 1000],
] as const)
  for (const seed of [1, 2, 3, 4, 5])
    t.test(`${task}, seed ${seed}, reaches ${mark}`, { timeout: 15 * minutes }, async (t) => {
      const { lastEvaluation, steps } = await startRun({
        task,
        seed,
        stopAt: mark,
        run: join(t.testdir(), 'run'),
        device: 'cpu',
      })
      t.ok(lastEvaluation!.mean >= mark, `an evaluation of ${lastEvaluation!.mean} at ${steps} steps`)
    })
