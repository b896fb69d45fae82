// SAC's log π, without any formula for it: a density of the actions that are taken has the entropy of their histogram.
import { test } from 'tap'
import type { Algorithm } from '../../lib/algorithms/algorithm.js'
import { sac } from '../../lib/algorithms/sac.js'
import { userTask } from '../../lib/env/typescript-task.js'
import type { Environment, EnvironmentStep } from '../../lib/env/environment.js'
import { session } from '../small.js'

const steps = 20_000

/** One long episode that always shows the same, so that all of its actions have the same distribution. */
class Still implements Environment {
  readonly observationSpace = { shape: [1] }
  readonly actionSpace = { low: [-0.5], high: [3] }
  readonly returnRange = [0, 1] as const
  readonly timeLimit = steps
  reset(): number[] {
    return [0.5]
  }
  step(): EnvironmentStep {
    return { observation: [0.5], reward: 0, terminated: false, truncated: false }
  }
}

/** Entropy in nats of numbers from −1 to 1. */
function histogramEntropy(values: readonly number[], bins = 100): number {
  const counts = new Array<number>(bins).fill(0)
  for (const value of values) counts[Math.min(bins - 1, Math.floor(((value + 1) / 2) * bins))]!++
  const shares = counts.filter((count) => count > 0).map((count) => count / values.length)
  return -shares.reduce((sum, share) => sum + share * Math.log((share * bins) / 2), 0)
}

const network = { policyHidden: [4], criticHidden: [4] }
const once = { randomSteps: 0, updateAfter: 0, updateEvery: steps, batchSize: 1 }

for (const [mean, logStd] of [
  [0, 0],
  [1, -1],
  [-0.5, -0.3],
] as const)
  test(`the entropy of the actions taken is the mean of −log π: μ ${mean}, log σ ${logStd}`, async (t) => {
    const one = session(sac as unknown as Algorithm, await userTask(Still), { ...network, ...once, ...sac.control })
    const state = one.learner.state()
    const actor = state.tensors['actor.values']!.data as Float32Array
    actor.fill(0)
    actor.set([mean, logStd], actor.length - 2) // the biases of its last layer
    one.learner.restore(state)

    const { entropy } = await one.iterate()
    const { actions } = one.log!.read(0, steps)
    const shares = Array.from(actions!.data as Float32Array, (action) => (action - 1.25) / 1.75)
    t.ok(Math.abs(entropy! - histogramEntropy(shares)) < 0.03, `${entropy} and ${histogramEntropy(shares)}`)
    one.dispose()
  })
