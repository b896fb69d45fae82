// Trains on a business task written in TypeScript, tasks/heating.ts: not for the cheapest day, but for all budgets.
// Then asks for several of them. Takes a few seconds.
//   node examples/9-heating-budget.mjs [steps]
import { openRun, train } from 'gogepo'
import { fileURLToPath } from 'node:url'

let day = 0
const training = train({
  task: fileURLToPath(new URL('tasks/heating.ts', import.meta.url)),
  steps: Number(process.argv[2] ?? 30_000),
  strategy: () => -1 - 13 * ((day++ * 0.618034) % 1), // budgets of 1 to 14 euros, evenly distributed
  threads: 1,
  torchThreads: 1, // sufficient for small networks
  settings: {
    policyHidden: [32],
    sliceSize: 8,
    generatorHidden: [32, 32],
    criticHidden: [64, 64],
    probingStates: 32, // small networks for a small task
    generatorLearningRate: 4e-4,
    noise: 0.05,
    evaluateEvery: 10_000,
  },
})
const { run: folder } = await training.result

const run = await openRun(folder)
const { rows } = await run.sweep({ from: -14, to: -4, points: 6 })
for (const { command, achievedMean, achievedStd } of rows)
  console.log(`asked for a day of ${-command} euros: it cost ${(-achievedMean).toFixed(2)} ± ${achievedStd.toFixed(2)}`)
console.log(`the run is in ${folder}`)
run.dispose()
