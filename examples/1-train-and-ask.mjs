// Trains on CartPole, which takes about half a minute, then asks the generator to balance the pole for a while and fall.
//   node examples/1-train-and-ask.mjs [steps]
import { openRun, train } from 'gogepo'

const steps = Number(process.argv[2] ?? 30_000)
const training = train({
  task: 'CartPole-v1',
  steps,
  settings: { policyHidden: [64, 64], generatorHidden: [128, 128] }, // small networks are enough here, and fast
})
for await (const event of training)
  if (event.type === 'evaluation')
    console.log(`after ${event.steps} steps: asked ${event.command?.toFixed(0)}, got ${event.mean.toFixed(0)}`)

const { run: folder, best } = await training.result
console.log(`the best episode returned ${best?.toFixed(0)}; the run is in ${folder}`)

const run = await openRun(folder)
for (const command of [100, 250, 400, /** @type {const} */ ('best')]) {
  const { achievedMean, achievedStd, predicted } = await run.evaluate(command)
  console.log(
    `asked ${command}: got ${achievedMean.toFixed(0)} ± ${achievedStd.toFixed(0)}, the critic expected ${predicted?.toFixed(0)}`,
  )
}
const { verdict } = await run.sweep()
console.log(verdict)
run.dispose()
