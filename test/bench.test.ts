import { spawnSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { test } from 'tap'
import { policySpecOf } from '../lib/algorithms/algorithm.js'
import { gogepo, type GogepoSettings } from '../lib/algorithms/gogepo.js'
import { architectureOf } from '../lib/algorithms/gogepo-memory.js'
import { nativeTask } from '../lib/env/native-task.js'
import { openNative } from '../lib/native/open.js'
import { settingsOf, smallArchitecture } from './small.js'

const root = fileURLToPath(new URL('..', import.meta.url))
const bench = (...flags: string[]) =>
  spawnSync(process.execPath, ['bench/main.mjs', ...flags], { cwd: root, encoding: 'utf8' })

test('the benchmark ends with one line of JSON', async (t) => {
  const { stdout, stderr, status } = bench('--only', 'draw', '--rounds', '1', '--json')
  t.equal(status, 0, stderr)
  const report = JSON.parse(stdout) as { machine: { flags: string[] }; drawUs: number }
  t.strictSame(Object.keys(report), ['machine', 'drawUs'])
  t.ok(report.machine.flags.length > 0)
  t.ok(report.drawUs > 0)
})

test('a part or a number that there is not is refused in a line', async (t) => {
  for (const [flags, words] of [
    [
      ['--only', 'updates'],
      /expected some of update,rollout,environments,iteration,draw,peer,learners,baselines, got updates/,
    ],
    [['--rounds', '0'], /--rounds: expected a whole number/],
    [['--task', 'Hoper-v5', '--only', 'draw'], /Hopper-v5/],
    [['--only', 'peer', '--python', 'no-python-at-all'], /--python, made by: pip install/],
  ] as const) {
    const { stderr, status } = bench(...flags)
    t.equal(status, 1)
    t.match(stderr, words)
  }
})

test('the arithmetic of the updates on the shapes of the paper', async (t) => {
  const { flopOf } = (await import(new URL('../bench/update.mjs', import.meta.url).href)) as {
    flopOf: (architecture: object, batch: number) => { critic: number; generator: number }
  }
  const { spec } = nativeTask(openNative(), 'Hopper-v5')
  const settings = settingsOf(gogepo, spec) as GogepoSettings
  const { critic, generator } = flopOf(architectureOf(policySpecOf(spec, settings.policyHidden), settings), 16)
  t.equal((critic / 1e9).toFixed(3), '0.906')
  t.equal((generator / 1e9).toFixed(2), '6.88')
})

test('draw returns the entries that a fit samples; sgemm is timed', async (t) => {
  const native = openNative()
  const device = new native.Device({ device: 'cpu', threads: 1 })
  const architecture = smallArchitecture(nativeTask(native, 'Pendulum-v1').spec)
  const networks = new native.Networks(device, { architecture, backend: 'fast' })
  const critic = new native.Critic(networks, { seed: 1 })
  const generator = new native.Generator(networks, { seed: 1 })
  const buffer = new native.ReplayBuffer(networks, { capacity: 8, recencyExponent: 1.1, pinned: false })
  const options = { network: 'generator', seed: 3, firstUpdate: 0, updates: 4, batchSize: 8 } as const
  t.equal(buffer.draw(options).length, 0, 'nothing from an empty one')

  const returns = Float32Array.from({ length: 12 }, (_, i) => i / 12)
  buffer.push(await generator.generate(returns, { noise: 0.1, seed: 1, firstEpisode: 0 }), returns)
  const drawn = buffer.draw(options)
  t.equal(drawn.length, 32)
  t.ok(
    drawn.every((entry) => entry >= 4 && entry < 12),
    'what has left is not drawn',
  )
  t.strictSame(buffer.draw({ ...options, firstUpdate: 2, updates: 2 }), drawn.slice(16))

  // The loss of the fit's one update is the loss on what was drawn.
  const state = generator.state()
  const {
    critic: none,
    generator: [loss],
  } = await networks.fit(critic, generator, buffer, {
    criticUpdates: 0,
    generatorUpdates: 1,
    batchSize: 8,
    criticLearningRate: 1e-3,
    generatorLearningRate: 1e-3,
    seed: 3,
  })
  t.equal(none.length, 0)
  generator.restore(state)
  const same = await generator.update(
    critic,
    Float32Array.from(drawn.slice(0, 8), (entry) => returns[entry]!),
    { learningRate: 1e-3 },
  )
  t.equal(loss, Math.fround(same.loss))

  t.throws(() => buffer.draw({ ...options, network: 'policy' as 'critic' }), { code: 'ERR_ARGUMENT' })
  const times = await device.sgemm({ m: 64, n: 32, k: 16, repeats: 3 })
  t.equal(times.length, 3)
  t.ok(times.every((time) => time > 0))
  for (const owned of [buffer, critic, generator, networks, device]) owned.dispose()
})
