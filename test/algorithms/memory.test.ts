// What learners hold is given back, whether it is disposed of or forgotten.
import t from 'tap'
import { ars } from '../../lib/algorithms/ars.js'
import { gogepo, type Gogepo } from '../../lib/algorithms/gogepo.js'
import { nativeTask } from '../../lib/env/native-task.js'
import { openNative } from '../../lib/native/open.js'
import type { Session } from '../../lib/train/session.js'
import { collected } from '../collected.js'
import { session, smallArchitecture } from '../small.js'

const native = openNative()
const settings = {
  policyHidden: [16],
  sliceSize: 8,
  generatorHidden: [16],
  criticHidden: [16],
  probingStates: 4,
  bufferSize: 20,
  criticUpdates: 1,
  generatorUpdates: 1,
}
const learning = (): Session => session(gogepo, 'InvertedPendulum-v5', settings)
const learnerOf = ({ learner }: Session): Gogepo => learner as Gogepo

t.test('native objects are back at base after 10,000 made, used and disposed', async (t) => {
  const base = await collected()
  await usePolicies()
  await useLearners()
  t.strictSame(await collected(), base)
})

async function usePolicies(): Promise<void> {
  const one = learning()
  for (let i = 0; i < 10_000; i++) {
    const policies = await learnerOf(one).generator.generate(Float32Array.of(i), {
      noise: 0.1,
      seed: 1,
      firstEpisode: i,
    })
    policies.toArray()
    policies.dispose()
    if (i % 1000 === 0) await collected()
  }
  one.dispose()
}

async function useLearners(): Promise<void> {
  for (let i = 0; i < 100; i++)
    for (const one of [learning(), session(ars, 'InvertedPendulum-v5')]) {
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
  for (let i = 0; i < 20; i++) {
    await learning().iterate()
    await session(ars, 'InvertedPendulum-v5').iterate()
  }
}

t.test('memory() of gogepo counts rows, parameters and workspace', async (t) => {
  const one = learning()
  t.teardown(() => one.dispose())
  const { generator, critic, policy } = learnerOf(one).networks.sizes
  const before = one.learner.memory()
  t.equal(before.parameters, 12 * (generator + critic))
  for (let i = 0; i < 30; i++) await one.iterate()
  const after = one.learner.memory()
  t.ok(after.buffer - before.buffer >= 20 * policy * 4, 'twenty rows')
  t.ok(after.buffer - before.buffer < 20 * (policy * 4 + 64), 'and little more, although thirty came')
  t.equal(after.fullBuffer, 20 * policy * 4)
  t.ok(after.workspace > 0)
  t.equal(after.device, 0)
})

t.test('memory that the system refuses is an error with its own code, and the process continues', async (t) => {
  const { spec } = nativeTask(native, 'InvertedPendulum-v5')
  const architecture = smallArchitecture(spec, { policyHidden: [4096, 4096], sliceSize: 16 })
  const device = new native.Device({ device: 'cpu', threads: 1 })
  const networks = new native.Networks(device, { architecture, backend: 'fast' })
  const generator = new native.Generator(networks, { seed: 1 })
  const ask = (commands: number) =>
    generator.generate(new Float32Array(commands), { noise: 0, seed: 0, firstEpisode: 0 })
  await t.rejects(ask(2.2e6), { code: 'ERR_MEMORY' }, '148 TB, more than a process can address')
  t.equal((await ask(1)).count, 1)
  for (const made of [generator, networks, device]) made.dispose()
})
