// The default preset learns the same whatever a task's rewards are multiplied by.
import fc from 'fast-check'
import { test } from 'tap'
import { gogepo } from '../../lib/algorithms/gogepo.js'
import { ReturnUnits } from '../../lib/algorithms/gogepo-units.js'
import type { Environment } from '../../lib/env/environment.js'
import { findTask } from '../../lib/env/find-task.js'
import { openNative } from '../../lib/native/open.js'
import { session, small } from '../small.js'

/** A point that is rewarded for keeping near 1. */
const pointTask = (factor: number) => (): Environment => {
  let at = 0
  let step = 0
  return {
    observationSpace: { shape: [1] },
    actionSpace: { shape: [1], low: -1, high: 1 },
    returnRange: [-20 * factor, 0],
    reset: (seed) => {
      step = 0
      return [(at = (seed % 100) / 100)]
    },
    step: (action) => {
      at += 0.3 * (action as Float32Array)[0]!
      step += 1
      return { observation: [at], reward: -factor * (at - 1) ** 2, terminated: step === 10, truncated: false }
    },
  }
}

async function learned(factor: number, preset?: Record<string, unknown>) {
  const task = await findTask(openNative('cpu'), pointTask(factor))
  const one = session(gogepo, task, { ...small, ...preset })
  const losses: (number | null)[] = []
  for (let i = 0; i < 8; i++) losses.push((await one.iterate())['criticLoss']!)
  const { commands, returns } = one.history
  const [asked] = await one.evaluate([-7 * factor], 2, { seed: 1, purpose: 'evaluation', firstIndex: 0 })
  const theta = (await one.learner.policies([-7 * factor])).toArray()
  one.dispose()
  return {
    commands: commands.map((c) => c / factor),
    returns: returns.map((r) => r / factor),
    losses: losses.map((loss) => loss! / factor ** 2),
    predicted: asked!.predicted! / factor,
    achieved: asked!.achieved.map((r) => r / factor),
    theta,
  }
}

test('a power of two changes no bit but those of the numbers’ scale', async (t) => {
  const plain = await learned(1)
  t.ok(new Set(plain.returns).size > 16 && plain.losses.every((loss) => loss! > 0))
  await fc.assert(
    fc.asyncProperty(fc.integer({ min: -20, max: 20 }), async (exponent) => {
      t.strictSame(await learned(2 ** exponent), plain, `2^${exponent}`)
    }),
    { numRuns: 6 },
  )
  t.notSame(await learned(4, { returnSpan: 0 }), await learned(1, { returnSpan: 0 }), 'without a span it does')
})

test('a thousand, and a thousandth, change only the rounding', async (t) => {
  const plain = await learned(1)
  for (const factor of [1000, 1 / 1000]) {
    const scaled = await learned(factor)
    scaled.returns.forEach((r, i) => t.ok(Math.abs(r - plain.returns[i]!) < 1e-3, `${r} and ${plain.returns[i]}`))
    t.ok(Math.abs(scaled.predicted - plain.predicted) < 0.05)
  }
})

test('units of the networks', (t) => {
  const raw = new ReturnUnits({ returnMin: -100, returnMax: 365, returnSpan: 0, optimism: 0, commandScale: 1 })
  t.strictSame({ ...raw }, { origin: 0, unit: 1, range: { returnMin: -100, returnMax: 365 } })
  t.equal(raw.toNetworks(0.1), 0.1)
  const units = new ReturnUnits({ returnMin: -100, returnMax: 300, returnSpan: 500, optimism: 0, commandScale: 2 })
  t.strictSame(
    [-100, 0, 300].map((r) => units.toNetworks(r)),
    [-125, 0, 375],
  )
  t.strictSame(
    [-125, 0, 375].map((v) => units.fromNetworks(v)),
    [-100, 0, 300],
  )
  t.strictSame(units.range, { returnMin: -62.5, returnMax: 187.5 }, 'a command fills twice the input’s range')
  for (const [returnMin, returnMax, origin] of [
    [1000, 2000, 1000],
    [-16, 0, 0],
    [-2000, -1000, -1000],
  ] as const) {
    const of = new ReturnUnits({ returnMin, returnMax, returnSpan: 500, optimism: 0, commandScale: 1 })
    t.strictSame([of.origin, of.toNetworks(origin)], [origin, 0], `${returnMin} to ${returnMax}`)
    t.equal(of.toNetworks(returnMax) - of.toNetworks(returnMin), 500)
  }
  const optimistic = new ReturnUnits({
    returnMin: -100,
    returnMax: 300,
    returnSpan: 500,
    optimism: 50,
    commandScale: 2,
  })
  t.strictSame([optimistic.origin, optimistic.toNetworks(0)], [40, -50], 'a critic that predicts 0 expects 40')
  const huge = new ReturnUnits({ returnMin: -3e38, returnMax: 3e38, returnSpan: 500, optimism: 0, commandScale: 1 })
  t.equal(huge.toNetworks(3e38), 250)

  const refused = (value: number, diverged = 0, by = raw) => {
    return () => by.refuseLarge({ returns: Float64Array.of(1, value), diverged: Uint8Array.of(0, diverged) })
  }
  for (const value of [1e19, -1e30, 1e39, Infinity, NaN]) {
    // Another range helps only where returns are counted in units of it.
    const message = /from -1\.0e\+18 to 1\.0e\+18 can be learned from\. Make the task’s rewards smaller\.$/
    t.throws(refused(value), { code: 'ERR_ENVIRONMENT', message }, `${value}`)
    const scaled = /rewards smaller, or the range from returnMin to returnMax larger\.$/
    t.throws(refused(value, 0, units), { code: 'ERR_ENVIRONMENT', message: scaled }, `${value}, in units of the range`)
  }
  for (const value of [1e17, -1e17]) t.doesNotThrow(refused(value))
  t.doesNotThrow(refused(NaN, 1), 'a diverged episode is not learned from')
  t.end()
})
