// Trains on a task written in TypeScript, tasks/point-mass.ts, until it is solved, which takes a few seconds.
//   node examples/8-point-mass.mjs [steps]
import { train } from 'gogepo'
import { fileURLToPath } from 'node:url'

const training = train({
  task: fileURLToPath(new URL('tasks/point-mass.ts', import.meta.url)),
  steps: Number(process.argv[2] ?? 60_000),
  stopAt: -15, // without control, the average return is −60
  threads: 1,
  torchThreads: 1, // sufficient for small networks
  settings: {
    policyHidden: [32],
    sliceSize: 8,
    generatorHidden: [32, 32],
    criticHidden: [64, 64],
    probingStates: 32, // small networks for a small task
    generatorLearningRate: 2e-3,
    drive: 5,
  },
})
for await (const event of training)
  if (event.type === 'evaluation')
    console.log(
      `after ${event.steps} steps: asked ${event.command?.toFixed(1)}, got ${event.mean.toFixed(1)} ± ${event.std.toFixed(1)}`,
    )
const { run, lastEvaluation } = await training.result
console.log(`${(lastEvaluation?.mean ?? -Infinity) >= -15 ? 'solved' : 'not solved yet'}; the run is in ${run}`)
