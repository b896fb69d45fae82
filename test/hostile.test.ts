// Thousands of calls that nobody should make: wrong kinds and shapes, absurd sizes, buffers detached, shared, shrunk under way, handles
// disposed or forged, a foreign `this`, getters that dispose of what is being read, two calls at once. test/deep/hostile.test.ts makes more.
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import type { GogepoSettings } from '../lib/algorithms/gogepo.js'
import { refuseTooLarge } from '../lib/algorithms/gogepo-memory.js'
import type { Device } from '../lib/native/contract.js'
import { train } from '../lib/run/training.js'
import { attack } from './hostile/attack.js'

t.test('the native classes', (t) => attack(t, 'native', 1, 500))
t.test('what a program imports', (t) => attack(t, 'api', 1, 60))

t.test('sizes that no machine holds are refused before anything is allocated', async (t) => {
  const absurd: Partial<GogepoSettings>[] = [
    { bufferSize: 10_000_000, policyHidden: [1024, 1024] },
    { policyHidden: new Array<number>(64).fill(65536) },
    { generatorHidden: [65536, 65536, 65536, 65536] },
    { criticHidden: new Array<number>(20).fill(65536) },
    { policiesPerIteration: 65536, policyHidden: [2048, 2048] },
    { batchSize: 65536, policyHidden: [2048, 2048] },
  ]
  for (const settings of absurd) {
    const run = join(t.testdir(), 'run')
    await t.rejects(
      train({ task: 'Swimmer-v5', settings, run, device: 'cpu', steps: 100 }).result,
      { code: 'ERR_MEMORY' },
      JSON.stringify(settings),
    )
    t.notOk(existsSync(run), 'no folder is left')
  }
  class Wide {
    observationSpace = { shape: [1024, 1024] }
    actionSpace = { n: 1 << 20 }
    returnRange = [0, 1] as const
    reset = (): number[] => []
    step = (): never => t.fail('stepped') as never
  }
  await t.rejects(train({ task: Wide, device: 'cpu' }).result, { code: 'ERR_MEMORY' })
  await t.rejects(
    train({
      task: class extends Wide {
        override actionSpace = { n: 2 ** 40 }
      },
      device: 'cpu',
    }).result,
    { code: 'ERR_ENVIRONMENT' },
  )
  t.throws(
    () =>
      refuseTooLarge(
        { name: 'cpu' } as Device,
        { generator: 1e12, critic: 1, policy: 1 },
        { bufferSize: 10_000, batchSize: 16, policiesPerIteration: 1 },
        1,
      ),
    { code: 'ERR_MEMORY' },
  )
})
