// What every algorithm and its learner must do. A new one is one line of `implementations`.
import { join } from 'node:path'
import { test } from 'tap'
import { settingsFor, tableOf, type Algorithm } from '../../lib/algorithms/algorithm.js'
import { ars } from '../../lib/algorithms/ars.js'
import { ddpg } from '../../lib/algorithms/ddpg.js'
import { es } from '../../lib/algorithms/es.js'
import { gogepo } from '../../lib/algorithms/gogepo.js'
import { pgpe } from '../../lib/algorithms/pgpe.js'
import { pssvf } from '../../lib/algorithms/pssvf.js'
import { udrl } from '../../lib/algorithms/udrl.js'
import { udrlpg } from '../../lib/algorithms/udrlpg.js'
import { algorithms } from '../../lib/algorithms/registry.js'
import { sac } from '../../lib/algorithms/sac.js'
import { td3 } from '../../lib/algorithms/td3.js'
import { nativeTask } from '../../lib/env/native-task.js'
import { openNative } from '../../lib/native/open.js'
import { openRun } from '../../lib/run/opened-run.js'
import { resumeRun } from '../../lib/run/resume.js'
import { startRun } from '../../lib/run/start.js'
import type { SettingValues } from '../../lib/settings/setting.js'
import type { TrainEvent } from '../../lib/train/events.js'
import type { Session } from '../../lib/train/session.js'
import { climb } from '../climb.js'
import { collected } from '../collected.js'
import { oneThread, rejection, remains, session, small } from '../small.js'

const native = openNative('cpu')
const task = 'InvertedPendulum-v5'

interface Implementation {
  algorithm: Algorithm
  /** Settings that keep it quick; each of `variants` is tried in addition. */
  settings?: SettingValues
  variants?: SettingValues[]
  /** It explores in its actions, so its policies have no noise. */
  exploresInActions?: boolean
  /** What it learns acts on more than observations, so no policy of it can be kept. */
  keepsNoPolicy?: boolean
  /** Presets that have settings for some tasks only. */
  particular?: string[]
}
/** Settings of ddpg, td3 and sac: small networks that learn from the first steps on. */
const offPolicy = {
  policyHidden: [8],
  criticHidden: [8],
  batchSize: 8,
  randomSteps: 25,
  updateAfter: 20,
  updateEvery: 10,
}

const implementations: Implementation[] = [
  {
    algorithm: gogepo,
    settings: small,
    variants: [{ policiesPerIteration: 3 }, { bufferSize: 5, criticKind: 'parameters' }],
  },
  {
    algorithm: ars,
    settings: { directions: 4 },
    variants: [{ policyHidden: [8], topDirections: 3 }],
    particular: ['published'],
  },
  { algorithm: es, settings: { directions: 4, policyHidden: [8] }, variants: [{ policyHidden: 'linear' }] },
  { algorithm: pgpe, settings: { directions: 4 }, variants: [{ policyHidden: [8] }] },
  {
    algorithm: pssvf,
    settings: { policyHidden: [16], criticHidden: [16], probingStates: 8, bufferSize: 20 },
    variants: [
      { policyHidden: [6, 9], bufferSize: 5 },
      { criticKind: 'parameters', backend: 'reference' },
    ],
  },
  {
    algorithm: udrlpg,
    settings: { policyHidden: [16], sliceSize: 8, embeddingSize: 4, generatorHidden: [16], warmupEpisodes: 2 },
    variants: [
      { bufferSize: 5, bucketCapacity: 3 },
      { backend: 'reference', warmupEpisodes: 0, strategy: 'uniform' },
    ],
  },
  {
    algorithm: udrl as Algorithm,
    settings: {
      ...{ policyHidden: [8, 6], batchSize: 8, updates: 3, bufferSize: 9, lastFew: 4 },
      ...{ warmupEpisodes: 3, episodes: 2 },
    },
    variants: [
      { policyHidden: [5], backend: 'reference', bufferSize: 2 },
      { noise: 0.5, noiseCorrelation: 0.7, warmupEpisodes: 7 },
    ],
    exploresInActions: true,
    keepsNoPolicy: true,
  },
  { algorithm: ddpg as Algorithm, settings: offPolicy, exploresInActions: true },
  {
    algorithm: td3 as Algorithm,
    settings: offPolicy,
    variants: [
      { bufferSize: 30, noiseCorrelation: 0.5 },
      { critics: 3, updateEvery: 1, backend: 'reference' },
    ],
    exploresInActions: true,
  },
  {
    algorithm: sac as Algorithm,
    settings: offPolicy,
    variants: [{ temperature: 'automatic', bufferSize: 30 }],
    exploresInActions: true,
  },
  { algorithm: climb as Algorithm },
]

test('every algorithm that comes with gogepo is tried', async (t) => {
  for (const { name } of algorithms)
    t.ok(
      implementations.some(({ algorithm }) => algorithm.name === name),
      name,
    )
})

/** Everything that it has learned, and how it learned it. */
function everything(one: Session): unknown {
  const { log } = one
  return { ...one.state(), log: log && log.end > log.first ? log.read(log.first, log.end - log.first) : [] }
}

for (const {
  algorithm,
  settings = {},
  variants = [],
  particular = [],
  exploresInActions,
  keepsNoPolicy,
} of implementations)
  test(algorithm.name, async (t) => {
    const own = algorithms.includes(algorithm) ? algorithm.name : algorithm // by its name where it has one
    const make = (given: SettingValues = {}, seed = 1): Session =>
      session(algorithm, task, { ...settings, ...given }, seed)
    const iterated = async (one: Session, iterations: number) => {
      const metrics: unknown[] = []
      for (let i = 0; i < iterations; i++) metrics.push(await one.iterate())
      return metrics
    }

    t.test('it describes itself', async (t) => {
      const { name, summary, paper, metrics, phases, presets } = algorithm
      t.match(name, /^[a-z][\w-]*$/)
      t.ok(
        summary && paper && Object.values(metrics).every(Boolean) && Object.values(presets).every(({ help }) => help),
      )
      t.ok(Object.keys(presets).length > 0)
      t.equal(new Set(phases).size, phases.length)
      for (const [setting, { help, source, type, scope, default: standard }] of Object.entries(tableOf(algorithm))) {
        t.ok(help && source && type.expected, setting)
        t.ok(['method', 'schedule', 'compute'].includes(scope), setting)
        t.ok(standard === undefined || type.fits(standard), `${setting}: its default fits`)
      }
      t.notOk(
        Object.keys(algorithm.settings).some((name) =>
          Object.hasOwn({ ...tableOf({ ...algorithm, settings: {} }) }, name),
        ),
        'and none is common',
      )
    })

    t.test('every preset gives complete settings', async (t) => {
      const { spec } = nativeTask(native, task)
      for (const preset of Object.keys(algorithm.presets)) {
        const complete = () =>
          settingsFor(algorithm, particular.includes(preset) ? nativeTask(native, 'Swimmer-v5').spec : spec, { preset })
        t.strictSame(Object.keys(complete()).sort(), Object.keys(tableOf(algorithm)).sort(), preset)
        if (particular.includes(preset))
          t.throws(() => settingsFor(algorithm, spec, { preset }), { code: 'ERR_SETTING', message: new RegExp(task) })
      }
    })

    for (const variant of [{}, ...variants])
      t.test(`one seed, one result, with exactly the metrics it declares ${JSON.stringify(variant)}`, async (t) => {
        const [one, again, other] = [make(variant), make(variant), make(variant, 2)]
        const metrics = await iterated(one, 4)
        t.strictSame(await iterated(again, 4), metrics)
        t.strictSame(everything(again), everything(one))
        t.notSame(await iterated(other, 4), metrics)
        for (const found of metrics as Record<string, number | null>[]) {
          t.strictSame(Object.keys(found), Object.keys(algorithm.metrics))
          t.ok(Object.values(found).every((value) => value === null || Number.isFinite(value)))
        }
        t.strictSame(
          Object.keys(one.stopwatch.total),
          ['rollout', ...algorithm.phases, 'evaluation'],
          'and no other phase',
        )
        for (const made of [one, again, other]) made.dispose()
      })

    for (const variant of [{}, ...variants])
      t.test(`a state that is restored continues as it would have ${JSON.stringify(variant)}`, async (t) => {
        const [one, another] = [make(variant), make(variant, 1)]
        await iterated(one, 7)
        const state = structuredClone(one.state())
        t.ok(Object.values(state.counters).every(Number.isSafeInteger), 'counters are whole numbers')
        const { log } = one
        const rows = log && {
          first: log.first,
          count: log.end - log.first,
          columns: structuredClone(log.read(log.first, log.end - log.first)),
        }
        const expected = await iterated(one, 5)
        await iterated(another, 2) // what it has learned is forgotten
        const fresh = make(variant)
        for (const restored of [fresh]) {
          restored.restore(state)
          if (rows) restored.log!.restore(rows.first, rows.count, rows.columns)
          t.strictSame(await iterated(restored, 5), expected)
          t.strictSame(everything(restored), everything(one))
        }
        for (const made of [one, another, fresh]) made.dispose()
      })

    t.test('through checkpoints: stopped at any iteration and resumed, the same bit for bit', async (t) => {
      const dir = t.testdir()
      const options = {
        ...{ ...oneThread, algorithm: own, task, steps: 1500, seed: 3 },
        settings: { ...settings, evaluateEvery: 250, evaluationEpisodes: 2 },
      }
      const stopAfter = (iteration: number) => {
        const controller = new AbortController()
        const onEvent = (event: TrainEvent) =>
          void (event.type === 'iteration' && event.iteration >= iteration && controller.abort())
        return { signal: controller.signal, onEvent }
      }
      const whole = await startRun({ ...options, run: join(dir, 'whole') })
      const run = join(dir, 'parts')
      t.match(await startRun({ ...options, run, ...stopAfter(1) }), { interrupted: true })
      const again = { ...oneThread, ...(typeof own === 'string' ? {} : { algorithm: own }) }
      for (const iteration of [2, 4])
        t.match(await resumeRun(run, { ...again, ...stopAfter(iteration) }), { interrupted: true })
      t.match(await resumeRun(run, again), { interrupted: false, steps: whole.steps })
      t.strictSame(remains(run), remains(whole.run))

      using opened = await openRun(run, again)
      const { returns } = await opened.evaluate('best', { episodes: 3 })
      t.equal(returns.length, 3)
      t.strictSame((await opened.evaluate('best', { episodes: 3 })).returns, returns)
      if (keepsNoPolicy) t.match(await rejection(opened.policy()), { code: 'ERR_ARGUMENT' })
      else {
        using policy = await opened.policy()
        t.equal(policy.act(new Float64Array(4)).length, 1)
      }
      if (algorithm.takesCommands) return
      for (const call of [
        () => opened.sweep(),
        () => opened.evaluate(3),
        () => opened.policy(3),
        () => opened.predict(3),
      ])
        t.match(await rejection(call()), { code: 'ERR_ARGUMENT', message: new RegExp(algorithm.name) })
    })

    t.test('its policies: one for each command, or the one there is', async (t) => {
      const one = make()
      await iterated(one, 2)
      const { learner } = one
      const size = native.policySize(learner.policySpec)
      const commands = algorithm.takesCommands ? [1, 2, 3] : undefined
      const policies = await learner.policies(commands)
      t.equal(policies.count, commands?.length ?? 1)
      const theta = policies.toArray()
      t.equal(theta.length, policies.count * size)
      t.ok(theta.every(Number.isFinite))
      t.strictSame((await learner.policies(commands)).toArray(), theta, 'asking changes nothing')
      const noisy = (await learner.policies(commands, { seed: 1 })).toArray()
      t.strictSame((await learner.policies(commands, { seed: 1 })).toArray(), noisy)
      if (exploresInActions) t.strictSame(noisy, theta)
      else {
        t.notSame(noisy, theta)
        t.notSame((await learner.policies(commands, { seed: 2 })).toArray(), noisy)
      }
      const predicted = await learner.predict?.(policies)
      if (predicted) t.ok(predicted.length === policies.count && predicted.every(Number.isFinite))
      one.dispose()
    })

    t.test('an iteration runs training episodes, and reports each', async (t) => {
      const one = make({ normalizeObservations: false })
      const { episodes, commands } = await one.learner.iterate()
      t.ok(
        episodes.done.every((done) => done === 1),
        'it ends at an episode boundary',
      )
      t.equal(commands?.length, algorithm.takesCommands ? episodes.returns.length : undefined)
      t.equal(episodes.moments.counts.length, 0, 'nothing is observed where nothing is normalized')
      one.dispose()
      const two = make()
      await iterated(two, 2) // the first one may have no commands
      const seen = two.settings.normalizeObservations ? two.history.steps : 0
      t.equal(two.normalizer.count, seen, 'the normalizer has seen an observation for every step')
      t.equal(two.history.commands.every(Number.isNaN), !algorithm.takesCommands)
      two.dispose()
    })

    t.test('what it holds is reported, and given back', async (t) => {
      const before = await collected()
      await (async () => {
        const one = make()
        await iterated(one, 2)
        const { parameters, buffer, fullBuffer, workspace, device, ...others } = one.learner.memory()
        t.strictSame(others, {})
        for (const bytes of [buffer, fullBuffer, workspace, device]) t.ok(Number.isFinite(bytes) && bytes >= 0)
        t.ok(parameters >= 4 * native.policySize(one.learner.policySpec))
        t.ok(buffer === 0 || fullBuffer > 0)
        t.equal(device, 0, 'nothing is on a CUDA device')
        t.ok(native.memory().objects > before.objects)
        one.dispose()
        if (one.learner.log) t.throws(() => one.learner.log!.read(0, 1), { code: 'ERR_DISPOSED' })
      })()
      t.strictSame(await collected(), before)
    })
  })
