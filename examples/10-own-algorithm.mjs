// Trains with a user-defined algorithm, a (1+λ) evolution strategy, and resumes the run. Takes a few seconds.
//   node examples/10-own-algorithm.mjs [steps]
import { defineAlgorithm, policySpecOf, resume, setting, train, values } from 'gogepo'

const evolution = defineAlgorithm({
  name: 'evolution',
  summary: 'a (1+λ) evolution strategy: keeps the best of a policy and λ random changes of it',
  paper: 'Rechenberg 1973, Evolutionsstrategie',
  settings: {
    children: setting(values.whole(1, 1000), 7, 'number λ of changes per iteration', 'this example'),
    noise: setting(values.real(0, 10), 0.3, 'standard deviation of the change of each parameter', 'this example'),
  },
  presets: { default: { help: 'the defaults', settings: {} } },
  metrics: { bestReturn: 'highest return of the iteration’s episodes' },
  phases: [],
  takesCommands: false,
  create({ native, device, task, seed, settings: { children, noise }, run }) {
    const policySpec = policySpecOf(task, [8]) // a tanh network with a hidden layer of 8
    const size = native.policySize(policySpec)
    let theta = new Float32Array(size)
    let iterations = 0
    return {
      policySpec,
      async iterate() {
        const thetas = native
          .normals({ seed, index: iterations, count: (1 + children) * size })
          .map((z, i) => (theta[i % size] ?? 0) + (i < size ? 0 : noise * z)) // θ itself first, then its changes
        const policies = new native.Policies(device, policySpec, thetas)
        const episodes = await run(policies, { observe: 'report' })
        policies.dispose()
        const scores = episodes.returns.map((score, i) => (episodes.diverged[i] ? -Infinity : score))
        const bestReturn = Math.max(...scores)
        theta = thetas.slice(scores.indexOf(bestReturn) * size).slice(0, size)
        iterations++
        return { episodes, metrics: { bestReturn } }
      },
      policies: async () => new native.Policies(device, policySpec, theta),
      state: () => ({ tensors: { theta: { dtype: 'F32', shape: [size], data: theta } }, counters: { iterations } }),
      restore({ tensors, counters }) {
        theta = /** @type {Float32Array<ArrayBuffer>} */ (tensors.theta?.data)
        iterations = counters.iterations ?? 0
      },
      memory: () => ({ parameters: theta.byteLength, buffer: 0, fullBuffer: 0, workspace: 0, device: 0 }),
      dispose() {},
    }
  },
})

const steps = Number(process.argv[2] ?? 6_000)
const options = { task: 'CartPole-v1', algorithm: evolution, settings: { noise: 0.2 } }
const half = await train({ ...options, steps: Math.ceil(steps / 2) }).result
console.log(`after ${half.steps} steps: mean return ${half.lastEvaluation?.mean}`)

// No file contains the algorithm, so pass it again. The result is bit-identical to that of an uninterrupted run.
const resumed = await resume(half.run, { algorithm: evolution, steps }).result
console.log(`resumed, after ${resumed.steps} steps: mean return ${resumed.lastEvaluation?.mean}`)
const uninterrupted = await train({ ...options, steps }).result
console.log(`without interruption: mean return ${uninterrupted.lastEvaluation?.mean}`)
