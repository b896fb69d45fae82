// Trains on MountainCarContinuous until it is solved, which takes about a minute, then asks the generator for returns.
//   node examples/1-train-and-ask.mjs [steps]
import { openRun, train } from 'gogepo'

const steps = Number(process.argv[2] ?? 100_000)
const training = train({ task: 'MountainCarContinuous-v0', steps, stopAt: 90 })
for await (const event of training)
  if (event.type === 'evaluation')
    console.log(`after ${event.steps} steps: asked ${event.command?.toFixed(1)}, got ${event.mean.toFixed(1)}`)

const { run: folder, best } = await training.result
console.log(`the best episode returned ${best?.toFixed(1)}; the run is in ${folder}`)

const run = await openRun(folder)
for (const command of [-50, 0, 50, /** @type {const} */ ('best')]) {
  const { achievedMean, achievedStd, predicted } = await run.evaluate(command)
  console.log(
    `asked ${command}: got ${achievedMean.toFixed(1)} ± ${achievedStd.toFixed(1)}, the critic expected ${predicted?.toFixed(1)}`,
  )
}
run.dispose()
