// Compares algorithms on one task: the same budget, seeds and evaluations for each. Takes a few minutes.
//   node examples/11-compare-algorithms.mjs [steps]
import { train } from 'gogepo'

const task = 'InvertedPendulum-v5'
const steps = Number(process.argv[2] ?? 20_000)
const seeds = [1, 2]

const algorithms = /** @type {const} */ (['gogepo', 'ars', 'ddpg', 'td3', 'sac'])

for (const algorithm of algorithms) {
  const runs = seeds.map((seed) => train({ task, algorithm, steps, seed, threads: 1, torchThreads: 1 }))
  const results = await Promise.all(runs.map((run) => run.result))
  const means = results.map(({ lastEvaluation }) => lastEvaluation?.mean.toFixed(1))
  console.log(`${algorithm} after ${steps} steps, seeds ${seeds.join(' and ')}: mean return ${means.join(' and ')}`)
}
