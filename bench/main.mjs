// npm run --silent bench -- [--threads n] [--json]: the updates of one iteration on Hopper's shapes, batch 16, by the fast engine and by the plain
// one (LibTorch with autograd), alternating in one run; medians. Native benchmarks of single parts: bench/native.
import { availableParallelism, cpus, loadavg } from 'node:os'
import { parseArgs } from 'node:util'
import { completeSettings } from '../dist/config.js'
import { architectureOf } from '../dist/gogepo.js'
import { openNative } from '../dist/native.js'
import { findTask } from '../dist/run.js'

const { values: flags } = parseArgs({ options: { threads: { type: 'string', default: String(availableParallelism()) }, rounds: { type: 'string', default: '7' }, json: { type: 'boolean' } } })
const threads = Number(flags.threads)
const say = flags.json ? console.error : console.log
const native = openNative()
const task = findTask(native, 'Hopper-v5')

const engines = {}
for (const kind of ['fast', 'reference']) engines[kind] = await prepare(kind)
const times = { fast: { critic: [], generator: [] }, reference: { critic: [], generator: [] } }
for (let round = 0; round < Number(flags.rounds); round++)
  for (const [kind, { critic, generator }] of Object.entries(engines)) {
    times[kind].critic.push(await milliseconds(critic))
    times[kind].generator.push(await milliseconds(generator))
  }
const update = { threads }
for (const kind of ['fast', 'reference']) {
  const [critic, generator] = [median(times[kind].critic), median(times[kind].generator)]
  update[kind] = { criticMs: critic, generatorMs: generator, iterationMs: 4 * critic + 19 * generator }
  say(`${kind.padEnd(9)}  critic ${critic.toFixed(1)} ms, generator ${generator.toFixed(1)} ms, an iteration's 4 + 19 updates ${update[kind].iterationMs.toFixed(0)} ms`)
}
update.ratio = update.fast.iterationMs / update.reference.iterationMs
const machine = { cpu: cpus()[0]?.model, cores: availableParallelism(), load: loadavg()[0] }
say(`fast / reference: ${update.ratio.toFixed(2)}, ${threads} threads, load ${machine.load.toFixed(1)} on ${machine.cores} cores`)
if (machine.load > machine.cores) say('Other programs are using this machine: absolute times mean little.')
if (flags.json) console.log(JSON.stringify({ machine, update }))

/** One update each, on 16 distinct returns. */
async function prepare(kind) {
  const settings = completeSettings({ engine: kind }, { returnMin: task.returnMin, returnMax: task.returnMax, evaluateEvery: 1 })
  const engine = new native.Engine({ architecture: architectureOf(task, settings), engine: kind, device: 'cpu', threads })
  const generator = new native.Generator(engine, { seed: 1 })
  const critic = new native.Critic(engine, { seed: 1 })
  const returns = Float32Array.from({ length: 16 }, (_, i) => 100 * i + 3)
  const policies = await generator.generate(returns, { noise: 0.1, seed: 1, firstEpisode: 0 })
  return {
    critic: () => critic.update(policies, returns, { learningRate: 1e-6 }),
    generator: () => generator.update(critic, returns, { learningRate: 1e-9 }),
  }
}

async function milliseconds(work) {
  const start = performance.now()
  await work()
  return performance.now() - start
}

function median(values) {
  return [...values].sort((a, b) => a - b)[values.length >> 1]
}
