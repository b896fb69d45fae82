// Trains with a custom command strategy: a function of the past commands and returns that chooses the next command.
//   node examples/3-command-strategy.mjs [steps]
import { bestPlusDrive, resume, strategies, train } from 'gogepo'

const steps = Number(process.argv[2] ?? 20_000)
const further = bestPlusDrive(20) // the paper's strategy: slightly more than the best return so far
const anything = strategies.uniform() // any return between the lowest and the best so far

/**
 * About every fourth episode asks for anything, so that the generator does not forget the middle. Chance decides: the episodes
 * of an iteration run side by side, so the history is the same for all of them.
 *
 * @type {import('gogepo').CommandStrategy}
 */
const strategy = (history, context) =>
  context.random() < 0.25 ? anything(history, context) : further(history, context)

const training = train({ task: 'InvertedPendulum-v5', steps, strategy })
for await (const event of training)
  if (event.type === 'episode') console.log(`asked ${event.command?.toFixed(0)}, got ${event.return.toFixed(0)}`)

// A function cannot be saved in the run, so pass it again to resume.
const { run, best } = await training.result
console.log(`best ${best}`)
const more = await resume(run, { strategy, steps: 2 * steps }).result
console.log(`best ${more.best} after ${more.steps} steps`)
