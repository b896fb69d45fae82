// A task without steps, for tests of what a learner does with returns.
import type { Task } from '../lib/env/task.js'
import type { EnvSpec, Episodes, Policies } from '../lib/native/contract.js'

export const fakeSpec: EnvSpec = {
  ...{ id: 'Fake-v0', observationSize: 3, actionSize: 2, discrete: false, actionLow: [-1, -2], actionHigh: [1, 2] },
  ...{ returnMin: 0, returnMax: 1, maxEpisodeSteps: 1, survivalBonus: 0, trainingSteps: 100, evaluateEvery: 100 },
  ...{ source: '', options: [] },
}

/** What the θ of a policy returns: a number, or nothing where its episode diverges. `episode` counts from the first. */
export type Score = (theta: Float32Array, episode: number) => number | null

/** A task without steps: what a policy returns follows from its θ. `seen` are the policies of the last call. */
export function scored(score: Score): { task: Task; seen: Float32Array[] } {
  const seen: Float32Array[] = []
  let episode = 0
  const run = async (policies: Policies): Promise<Episodes> => {
    const all = policies.toArray()
    const size = all.length / policies.count
    seen.splice(0, Infinity, ...Array.from({ length: policies.count }, (_, i) => all.slice(i * size, (i + 1) * size)))
    const scores = seen.map((theta) => score(theta, episode++))
    const returns = Float64Array.from(scores, (r) => r ?? NaN)
    const ones = new Uint8Array(scores.length).fill(1)
    return {
      ...{ returns, fullReturns: returns, lengths: Int32Array.from(ones), terminated: ones, done: ones, warnings: 0 },
      diverged: Uint8Array.from(scores, (r) => (r === null ? 1 : 0)),
      moments: { counts: new Float64Array(), means: new Float64Array(), m2s: new Float64Array() },
    }
  }
  return { task: { name: fakeSpec.id, options: {}, spec: fakeSpec, rollout: () => ({ run, dispose() {} }) }, seen }
}
