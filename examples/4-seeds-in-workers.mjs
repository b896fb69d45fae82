// Trains several seeds in parallel, each in its own worker thread.
//   node examples/4-seeds-in-workers.mjs [seeds] [steps]
import { availableParallelism } from 'node:os'
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads'
import { train } from 'gogepo'

const seeds = Number(process.argv[2] ?? 4)
const steps = Number(process.argv[3] ?? 20_000)

if (isMainThread) {
  const threads = Math.max(1, Math.floor(availableParallelism() / seeds))
  const results = await Promise.all(Array.from({ length: seeds }, (_, i) => inWorker({ seed: i + 1, threads })))
  for (const { seed, steps, best, run } of results)
    console.log(`seed ${seed}: best ${best} after ${steps} steps, in ${run}`)
} else {
  const { seed, threads } = workerData
  parentPort?.postMessage(
    await train({ task: 'InvertedPendulum-v5', seed, steps, stopAt: 1000, threads, torchThreads: threads }).result,
  )
}

/** @param {{ seed: number, threads: number }} workerData @returns {Promise<import('gogepo').RunResult>} */
function inWorker(workerData) {
  return new Promise((resolve, reject) => {
    new Worker(new URL(import.meta.url), { workerData, argv: process.argv.slice(2) })
      .on('message', resolve)
      .on('error', reject)
  })
}
