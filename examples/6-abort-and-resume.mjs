// Aborts training, on Ctrl-C or a deadline, and resumes it. The result is bit-identical to an uninterrupted run.
//   node examples/6-abort-and-resume.mjs [seconds] [steps]
import { GogepoError, resume, train } from 'gogepo'

const seconds = Number(process.argv[2] ?? 10)
const steps = Number(process.argv[3] ?? 20_000)
const controller = new AbortController()
process.once('SIGINT', () => controller.abort())

const first = await train({
  task: 'InvertedPendulum-v5',
  steps,
  signal: AbortSignal.any([controller.signal, AbortSignal.timeout(seconds * 1000)]),
  onEvent: (event) => event.type === 'evaluation' && console.log(`${event.steps} steps: ${event.mean}`),
}).result
console.log(first.interrupted ? `stopped after ${first.steps} steps and saved` : `done after ${first.steps} steps`)

try {
  const then = await resume(first.run).result
  console.log(then.alreadyFinished ? 'it had already finished' : `resumed to ${then.steps} steps, best ${then.best}`)
} catch (error) {
  if (error instanceof GogepoError && error.code === 'ERR_CHECKPOINT')
    console.error(`The run cannot be resumed: ${error.message}`)
  else throw error
}
