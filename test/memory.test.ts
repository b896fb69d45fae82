import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import t from 'tap'
import { architectureOf } from '../lib/architecture.js'
import { completeSettings } from '../lib/config.js'
import { Gogepo } from '../lib/gogepo.js'
import { openNative } from '../lib/native.js'
import { nativeTask } from '../lib/env/native-task.js'

setFlagsFromString('--expose-gc')
const gc = runInNewContext('gc') as () => void
const native = openNative()
const task = nativeTask(native, 'InvertedPendulum-v5')
const settings = completeSettings(
  {
    policyHidden: [16],
    sliceSize: 8,
    generatorHidden: [16],
    criticHidden: [16],
    probingStates: 4,
    bufferSize: 20,
    criticUpdates: 1,
    generatorUpdates: 1,
  },
  { returnMin: 0, returnMax: 1000, evaluateEvery: 1000 },
)
const learner = () => new Gogepo({ native, task, settings, seed: 1, device: 'cpu', threads: 1, torchThreads: 1 })

/** What is collected is counted when its finalizers have run. */
async function collected(): Promise<{ objects: number; workspace: number }> {
  for (let i = 0; i < 5; i++) {
    gc()
    await new Promise((resolve) => setImmediate(resolve))
  }
  return native.memory()
}

t.test('native objects are back at base after 10,000 made, used and disposed', async (t) => {
  const base = await collected()
  await usePolicies()
  await useLearners()
  t.strictSame(await collected(), base)
})

async function usePolicies(): Promise<void> {
  const one = learner()
  for (let i = 0; i < 10_000; i++) {
    const policies = await one.generator.generate(Float32Array.of(i), { noise: 0.1, seed: 1, firstEpisode: i })
    policies.toArray()
    policies.dispose()
    if (i % 1000 === 0) await collected()
  }
  one.dispose()
}

async function useLearners(): Promise<void> {
  for (let i = 0; i < 100; i++) {
    const one = learner()
    await one.iterate()
    one.dispose()
  }
}

t.test('what is forgotten and never disposed is collected too', async (t) => {
  const base = await collected()
  await forgetLearners()
  t.strictSame(await collected(), base)
})

async function forgetLearners(): Promise<void> {
  for (let i = 0; i < 20; i++) await learner().iterate()
}

t.test('memoryUsage tells rows, parameters and workspace', async (t) => {
  const one = learner()
  t.teardown(() => one.dispose())
  const { generator, critic, policy } = one.engine.sizes
  const before = one.memoryUsage()
  t.equal(before.parameters, 12 * (generator + critic))
  for (let i = 0; i < 30; i++) await one.iterate()
  const after = one.memoryUsage()
  t.ok(after.buffer - before.buffer >= 20 * policy * 4, 'twenty rows')
  t.ok(after.buffer - before.buffer < 22 * policy * 4, 'and no more, although thirty came')
  t.ok(after.workspace > 0)
  t.equal(after.device, 0)
})

t.test('memory that the system refuses is an error with its own code, and the process goes on', async (t) => {
  const wide = completeSettings(
    { policyHidden: [4096, 4096], generatorHidden: [16], criticHidden: [16], probingStates: 4 },
    { returnMin: 0, returnMax: 1, evaluateEvery: 1 },
  )
  const engine = new native.Engine({
    architecture: architectureOf(task.spec, wide),
    engine: 'fast',
    device: 'cpu',
    threads: 1,
  })
  const generator = new native.Generator(engine, { seed: 1 })
  const ask = (commands: number) =>
    generator.generate(new Float32Array(commands), { noise: 0, seed: 0, firstEpisode: 0 })
  await t.rejects(ask(2.2e6), { code: 'ERR_MEMORY' }, '148 TB, more than a process can address')
  t.equal((await ask(1)).count, 1)
  engine.dispose()
})
