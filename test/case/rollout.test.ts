// What every implementation of Rollout must do. A new one is one line of `implementations`.
import { join } from 'node:path'
import { test, type Test } from 'tap'
import type { Task } from '../../lib/env/task.js'
import type { Episodes, Policies, PolicySpec, Rollout, RolloutOptions, Transitions } from '../../lib/native/contract.js'
import { openNative } from '../../lib/native/open.js'
import { policySpecOf } from '../../lib/algorithms/algorithm.js'
import { once, randoms, rejection, specOf } from '../small.js'
import { nativeTasks, pythonTasks, typescriptTasks, type Tasks } from './tasks.js'

const native = openNative('cpu')
const device = new native.Device({ device: 'cpu', threads: 1 })

/** The Python side needs Gymnasium, which another process may have to install first. */
async function withPython(): Promise<Tasks | string> {
  try {
    return pythonTasks((await import('../env/real-gymnasium.js')).python)
  } catch (error) {
    return `no Python with Gymnasium: ${String(error).split('\n').at(-1)}`
  }
}

const implementations: Record<string, () => Promise<Tasks | string>> = {
  native: async () => nativeTasks,
  TypeScript: async () => typescriptTasks,
  Python: withPython,
}

interface Rig {
  task: Task
  spec: PolicySpec
  policies: Policies
  rollout: Rollout
  /** Other policies of the same shape. */
  of(seed: number, count?: number): Policies
  run(options?: Partial<RolloutOptions>, policies?: Policies): Promise<Episodes>
}

const count = 3
/** Three policies on a task. */
async function rig(
  t: Test,
  task: Task,
  { threads = 2, scale = 0.7, spec = specOf(task.spec) }: { threads?: number; scale?: number; spec?: PolicySpec } = {},
): Promise<Rig> {
  process.env['GOGEPO_TEST_FOLDER'] = t.testdirName // where tasks in Python leave word of themselves
  const of = (seed: number, n = count) =>
    new native.Policies(device, spec, randoms(n * native.policySize(spec), scale, seed))
  const rollout = task.rollout(native, spec, threads)
  t.teardown(() => rollout.dispose())
  const policies = of(3)
  // Native methods throw what is wrong in their arguments; others reject with it.
  const run: Rig['run'] = async (options, p = policies) => rollout.run(p, { ...base, ...options })
  return { task, spec, policies, rollout, of, run }
}
const base: RolloutOptions = { ...once, episodes: 2, seed: 11, observe: 'none' }

/** The rows of an episode. */
const rowsOf = (t: Transitions, episode: number): number[] =>
  [...t.episodes.keys()].filter((i) => t.episodes[i] === episode)
const rowOf = (of: Float32Array, width: number, i: number): number[] => [...of.subarray(i * width, (i + 1) * width)]

/** Mean and sum of squared deviations, in two passes. */
function momentsOf(rows: readonly number[][]): { mean: number[]; m2: number[] } {
  const size = rows[0]?.length ?? 0
  const mean = Array.from({ length: size }, (_, k) => rows.reduce((sum, row) => sum + row[k]!, 0) / rows.length)
  return { mean, m2: mean.map((m, k) => rows.reduce((sum, row) => sum + (row[k]! - m) ** 2, 0)) }
}

/** Statistics such as training would have of these observations. */
function statisticsOf({ observations }: Transitions, size: number) {
  const rows = Array.from({ length: observations.length / size }, (_, i) => rowOf(observations, size, i))
  const { mean, m2 } = momentsOf(rows)
  return { count: rows.length, mean: Float64Array.from(mean), m2: Float64Array.from(m2) }
}

/** Whether the recorded actions are those of the policies for what they observed, by SPEC's rules of normalization. */
async function actsAsItShould(t: Test, rig: Rig, episodes: Episodes, options: Partial<RolloutOptions>): Promise<void> {
  const { observations, actions } = episodes.transitions!
  const { observationSize: o, actionSize } = rig.task.spec
  const a = rig.task.spec.discrete ? 1 : actionSize
  const { statistics = null, observe = 'none', episodes: each = base.episodes } = options
  let worst = 0
  for (let e = 0; e < episodes.lengths.length; e++) {
    const rows = rowsOf(episodes.transitions!, e)
    const growing = statistics && { count: statistics.count, mean: statistics.mean.slice(), m2: statistics.m2.slice() }
    const inputs = rows.flatMap((i) => {
      const x = rowOf(observations, o, i)
      if (growing === null) return x
      if (observe === 'grow') {
        growing.count += 1
        x.forEach((value, k) => {
          const deviation = value - growing.mean[k]!
          growing.mean[k]! += deviation / growing.count
          growing.m2[k]! += deviation * (value - growing.mean[k]!)
        })
      }
      const std = native.observationStd(growing)
      return x.map((value, k) => (value - growing.mean[k]!) / std[k]!)
    })
    const all = await rig.policies.actions(Float32Array.from(inputs)) // (n, N, A)
    const policy = Math.floor(e / each)
    rows.forEach((i, step) => {
      const outputs = rowOf(all, actionSize, policy * rows.length + step)
      const expected = rig.task.spec.discrete ? [outputs.indexOf(Math.max(...outputs))] : outputs
      for (const [k, action] of rowOf(actions, a, i).entries()) worst = Math.max(worst, Math.abs(action - expected[k]!))
    })
  }
  t.ok(worst < 1e-4, `actions differ by ${worst}`)
}

const found = new Map<string, Tasks | string>()
for (const [name, implementation] of Object.entries(implementations)) found.set(name, await implementation())

for (const [name, tasks] of found)
  test(name, { skip: typeof tasks === 'string' && tasks }, async (t) => {
    if (typeof tasks === 'string') return

    t.test('totals, lengths, ends and transitions agree', async (t) => {
      const own = await rig(t, await tasks.varied())
      const { spec } = own.task
      const episodes = await own.run({ record: true, observe: 'report', removeSurvivalBonus: false })
      const { returns, fullReturns, lengths, terminated, diverged, done, warnings, transitions } = episodes
      const all = { returns, fullReturns, lengths, terminated, diverged, done }
      for (const [column, values] of Object.entries(all)) t.equal(values.length, count * base.episodes, column)
      t.ok(returns instanceof Float64Array && lengths instanceof Int32Array && done instanceof Uint8Array)
      t.ok(
        done.every((d) => d === 1),
        'all have ended',
      )
      t.strictSame([...diverged, warnings], new Array(diverged.length + 1).fill(0))
      t.strictSame([...returns], [...fullReturns])
      t.ok(new Set(lengths).size > 1, `different lengths: ${lengths.join()}`)

      const { episodes: numbers, observations, nextObservations, rewards, actions, terminated: ends } = transitions!
      const o = spec.observationSize
      t.equal(
        numbers.length,
        lengths.reduce((sum, length) => sum + length, 0),
      )
      t.strictSame(
        [...numbers],
        [...numbers].sort((a, b) => a - b),
        'episode by episode',
      )
      t.strictSame([observations.length, nextObservations.length], [o * numbers.length, o * numbers.length])
      t.equal(actions.length, spec.actionSize * numbers.length)
      for (const [e, length] of lengths.entries()) {
        const rows = rowsOf(transitions!, e)
        t.equal(rows.length, length)
        t.equal(
          rows.reduce((sum, i) => sum + rewards[i]!, 0),
          fullReturns[e],
          'the return is the sum of rewards',
        )
        for (const i of rows.slice(1))
          if (rowOf(observations, o, i).join() !== rowOf(nextObservations, o, i - 1).join()) t.fail(`row ${i}`)
        t.strictSame(
          rows.map((i) => ends[i]),
          rows.map((_, step) => (step === length - 1 ? terminated[e]! : 0)),
          'terminated in the last step, or in none',
        )
        if (length < spec.maxEpisodeSteps) t.equal(terminated[e], 1, 'what is short has ended itself')
      }
      t.notOk('transitions' in (await own.run()), 'recorded only where that was asked for')
    })

    t.test('observe: none, report and grow, with statistics and without', async (t) => {
      const own = await rig(t, await tasks.varied())
      const o = own.task.spec.observationSize
      const first = await own.run({ record: true })
      t.strictSame(
        Object.values(first.moments).map((array) => array.length),
        [0, 0, 0],
        'nothing is reported where nothing is observed',
      )
      await actsAsItShould(t, own, first, {})
      const statistics = statisticsOf(first.transitions!, o)
      const given = structuredClone(statistics)
      for (const options of [
        { observe: 'none', statistics },
        { observe: 'report', statistics: null },
        { observe: 'report', statistics },
        { observe: 'grow', statistics: null },
        { observe: 'grow', statistics },
      ] as const) {
        const episodes = await own.run({ ...options, record: true })
        await actsAsItShould(t, own, episodes, options)
        if (options.observe === 'none') continue
        const { counts, means, m2s } = episodes.moments
        t.strictSame([...counts], [...episodes.lengths], 'the last observation of an episode is not acted on')
        for (const e of counts.keys()) {
          const seen = rowsOf(episodes.transitions!, e).map((i) => rowOf(episodes.transitions!.observations, o, i))
          const { mean, m2 } = momentsOf(seen)
          for (let k = 0; k < o; k++) {
            const [size, off] = [Math.max(1, Math.abs(mean[k]!)), Math.abs(means[e * o + k]! - mean[k]!)]
            if (off > 1e-6 * size) t.fail(`mean ${k} of episode ${e} is off by ${off}`)
            const error = Math.abs(m2s[e * o + k]! - m2[k]!)
            if (error > 1e-5 * Math.max(1, m2[k]!)) t.fail(`m2 ${k} of episode ${e} is off by ${error}`)
          }
        }
      }
      t.strictSame(statistics, given, 'the statistics that were given are not changed')
    })

    t.test('the survival bonus is left out of stored returns where that is asked for', async (t) => {
      const own = await rig(t, await tasks.hopper(), { scale: 2 })
      const { returns, fullReturns, lengths, terminated } = await own.run()
      t.equal(own.task.spec.survivalBonus, 1)
      for (const [e, full] of fullReturns.entries())
        t.ok(Math.abs(full - returns[e]! - (lengths[e]! - terminated[e]!)) < 1e-9, 'every step but one that terminates')
      const kept = await own.run({ removeSurvivalBonus: false })
      t.strictSame([...kept.returns], [...fullReturns])
    })

    t.test('each episode has random streams of its own, and any number of threads gives the same bits', async (t) => {
      const task = await tasks.varied()
      const [one, three] = [await rig(t, task, { threads: 1 }), await rig(t, task, { threads: 3 })]
      const options = { observe: 'grow', record: true, exploration: { noise: 0.2 } } as const
      const episodes = await one.run(options)
      t.strictSame(await three.run(options), episodes)
      t.strictSame(await three.run(options), episodes, 'and again')
      t.notSame((await one.run({ ...options, seed: 12 })).fullReturns, episodes.fullReturns)
      t.notSame((await one.run({ ...options, purpose: 'evaluation' })).fullReturns, episodes.fullReturns)
      t.notSame((await one.run({ ...options, purpose: 'final' })).fullReturns, episodes.fullReturns)
      const later = await one.run({ ...options, firstIndex: 1, episodes: 1 }, one.of(3, 1))
      t.equal(later.fullReturns[0], episodes.fullReturns[1], 'an episode is known by its number')
      t.equal(new Set(episodes.fullReturns).size, count * base.episodes)
    })

    t.test('action noise has its standard deviation, and stays within the bounds', async (t) => {
      const own = await rig(t, await tasks.varied(), { scale: 0.05 })
      const { actionLow, actionHigh, actionSize } = own.task.spec
      const deviations = async (noise: number) => {
        const { transitions } = await own.run({ record: true, exploration: { noise }, episodes: 4 })
        const { actions, observations } = transitions!
        const plain = await own.policies.actions(observations) // (n, N, A)
        const rows = observations.length / own.task.spec.observationSize
        return [...actions].flatMap((action, i) => {
          const k = i % actionSize
          const [low, high] = [actionLow[k]!, actionHigh[k]!]
          if (!(action >= low && action <= high)) t.fail(`${action} is outside of ${low} to ${high}`)
          const policy = Math.floor(transitions!.episodes[Math.floor(i / actionSize)]! / 4)
          return [(action - plain[policy * rows * actionSize + i]!) / ((high - low) / 2)]
        })
      }
      const small = await deviations(0.1)
      const sigma = Math.sqrt(small.reduce((sum, d) => sum + d * d, 0) / small.length)
      t.ok(small.length > 100 && Math.abs(sigma - 0.1) < 0.02, `σ ${sigma} of ${small.length}`)
      t.ok(
        (await deviations(0)).every((d) => Math.abs(d) < 1e-5),
        'and none where there is none',
      )
      t.ok(
        (await deviations(5)).some((d) => Math.abs(d) > 0.5),
        'much of it reaches the bounds',
      )
      t.match(await rejection(own.run({ exploration: { noise: -1 } })), { code: 'ERR_ARGUMENT' })
    })

    t.test('paused and resumed is, bit for bit, as if it had gone on', async (t) => {
      const own = await rig(t, await tasks.varied())
      const statistics = statisticsOf((await own.run({ record: true })).transitions!, own.task.spec.observationSize)
      const options = { observe: 'grow', statistics, record: true, exploration: { noise: 0.1 } } as const
      const whole = await own.run(options)
      const parts = [await own.run({ ...options, maxSteps: 7 })]
      t.ok(
        parts[0]!.lengths.every((length, e) => length === Math.min(7, whole.lengths[e]!)),
        'at most seven steps each',
      )
      t.strictSame(
        [...parts[0]!.done],
        [...whole.lengths].map((length) => (length <= 7 ? 1 : 0)),
      )
      while (parts.at(-1)!.done.includes(0)) parts.push(await own.run({ ...options, maxSteps: 7, resume: true }))
      t.equal(parts.length, Math.ceil(Math.max(...whole.lengths) / 7))
      const { transitions: last, ...totals } = parts.at(-1)!
      const { transitions, ...expected } = whole
      t.strictSame(totals, expected)
      t.ok(last!.rewards.length < transitions!.rewards.length, 'only the transitions of the last call')
      const o = own.task.spec.observationSize
      for (const e of whole.lengths.keys()) {
        const rows = (t: Transitions) =>
          rowsOf(t, e).map((i) => [t.rewards[i], rowOf(t.observations, o, i).join(), t.terminated[i]])
        t.strictSame(
          parts.flatMap((part) => rows(part.transitions!)),
          rows(transitions!),
        )
      }
    })

    t.test('policies may change while their episodes are paused', async (t) => {
      const own = await rig(t, await tasks.varied())
      const options = { maxSteps: 5, record: true } as const
      const other = own.of(9)
      await own.run(options)
      const same = await own.run({ ...options, resume: true })
      await own.run(options)
      const changed = await own.run({ ...options, resume: true }, other)
      t.notSame(changed.transitions!.actions, same.transitions!.actions)
      t.strictSame(
        rowOf(changed.transitions!.observations, own.task.spec.observationSize, 0),
        rowOf(same.transitions!.observations, own.task.spec.observationSize, 0),
        'from the state in which they were',
      )
    })

    t.test('only a run that paused can be resumed, as it was begun', async (t) => {
      const own = await rig(t, await tasks.varied())
      const paused = { ...base, maxSteps: 2 }
      const refused = async (options: Partial<RolloutOptions>, policies?: Policies) =>
        t.match(await rejection(own.run({ ...paused, ...options, resume: true }, policies)), {
          code: /^ERR_(ARGUMENT|SHAPE)$/,
        })
      await refused({})
      for (const options of [
        { seed: 12 },
        { purpose: 'evaluation' },
        { firstIndex: 1 },
        { episodes: 3 },
        { observe: 'report' },
        { removeSurvivalBonus: false },
        { exploration: { noise: 0.5 } },
      ] as const) {
        const before = await own.run(paused)
        await refused(options)
        const after = await own.run({ ...paused, resume: true })
        t.ok(after.lengths[0]! > before.lengths[0]!, 'and then as it was')
      }
      await own.run(paused)
      await refused({}, own.of(3, 2))
      await own.run()
      await refused({})
      t.ok(
        (await own.run()).done.every((d) => d === 1),
        'and it is as good as before',
      )
    })

    t.test('one call at a time; nothing after dispose', async (t) => {
      const own = await rig(t, await tasks.varied())
      const first = own.run({ episodes: 20 })
      t.match(await rejection(own.run()), { code: 'ERR_BUSY' })
      await first
      const gone = own.of(1)
      gone.dispose()
      t.match(await rejection(own.run({}, gone)), { code: 'ERR_DISPOSED' })
      const running = own.run({ episodes: 200 })
      own.rollout.dispose()
      t.match(await rejection(running), { code: 'ERR_DISPOSED' })
      t.match(await rejection(own.run()), { code: 'ERR_DISPOSED' })
      own.rollout.dispose()
    })

    t.test('policies of every shape act as they do elsewhere', async (t) => {
      const task = await tasks.varied()
      for (const [hidden, shape] of [
        [[], { bias: false, output: 'clip' }],
        [[9, 4], { activation: 'relu' }],
        [[5], { activation: 'relu', output: 'clip', bias: false }],
      ] as const) {
        const own = await rig(t, task, { spec: policySpecOf(task.spec, hidden, shape) })
        await actsAsItShould(t, own, await own.run({ record: true }), {})
      }
      const wrong = new native.Policies(
        device,
        specOf(task.spec, [4]),
        randoms(native.policySize(specOf(task.spec, [4]))),
      )
      t.match(await rejection((await rig(t, task)).run({}, wrong)), { code: 'ERR_SHAPE' })
    })

    t.test('a commanded policy is asked for what its episode has not earned yet', async (t) => {
      for (const task of [await tasks.varied(), await tasks.discrete()]) {
        const { discrete, observationSize: o } = task.spec
        const plain = policySpecOf(task.spec, [9, 4], { activation: 'relu', output: discrete ? 'clip' : 'tanh' })
        const spec = { ...plain, command: { returnScale: 0.5, horizonScale: 0.2 } }
        const own = await rig(t, task, { spec, scale: 1.5 })
        const theta = own.policies.toArray()
        const size = theta.length / count
        for (let p = 0; p < count; p++) theta.set([10 * p, 5 + p], (p + 1) * size - 2)
        const policies = new native.Policies(device, spec, theta)
        const exploration = discrete ? { sample: true } : { noise: 0.2 }
        const options = { record: true, exploration } as const
        const { transitions, lengths } = await own.run(options, policies)
        t.strictSame((await own.run(options, policies)).transitions, transitions)
        // The same episodes, step by step.
        const actors = new native.Actors({ policy: spec, rows: 1 })
        actors.start(policies, { ...base, exploration })
        const width = discrete ? 1 : task.spec.actionSize
        for (const e of lengths.keys()) {
          actors.begin(0, Math.floor(e / base.episodes), base.firstIndex + e)
          for (const i of rowsOf(transitions!, e).slice(0, 10)) {
            const action = new Float32Array(width)
            const observation = Float64Array.from(rowOf(transitions!.observations, o, i))
            actors.act(observation, action, Uint8Array.of(1))
            const made = rowOf(transitions!.actions, width, i)
            // Observations were recorded in single precision.
            const off = Math.max(...made.map((a, k) => Math.abs(a - action[k]!)))
            if (!(off < 1e-4)) t.fail(`episode ${e}, step ${i}: off by ${off}`)
            actors.reward(0, transitions!.rewards[i]!)
          }
        }
        actors.dispose()
      }
    })

    t.test('choices can be sampled, or uniform', async (t) => {
      const own = await rig(t, await tasks.discrete(), { scale: 0.01 })
      for (const exploration of [{ sample: true }, { uniformSteps: 1000 }]) {
        const { transitions } = await own.run({ record: true, exploration, episodes: 20 })
        const { actions } = transitions!
        const share = actions.reduce((sum, a) => sum + a, 0) / actions.length
        t.ok(actions.length > 300 && Math.abs(share - 0.5) < 0.1, `${share} of ${actions.length}`)
        t.strictSame([...new Set(actions)].sort(), [0, 1])
      }
    })

    t.test('choices are whole numbers, without noise', async (t) => {
      const own = await rig(t, await tasks.discrete(), { scale: 2 })
      const episodes = await own.run({ record: true })
      const { actions } = episodes.transitions!
      t.equal(actions.length, episodes.transitions!.rewards.length)
      t.strictSame([...new Set(actions)].sort(), [0, 1])
      await actsAsItShould(t, own, episodes, {})
      t.match(await rejection(own.run({ exploration: { noise: 0.1 } })), { code: 'ERR_ARGUMENT' })
    })

    const { line } = tasks
    if (line)
      t.test('an action is within its bounds, however far apart or near they are', async (t) => {
        for (const [low, high] of [
          [0.1, 0.3],
          [-2, 7],
          [1e-40, 3e-40],
          [-3e38, 3e38],
          [1e30, 1.0000005e30],
          [16777216.5, 16777220.5],
        ] as const)
          for (const shape of [{}, { output: 'clip' }] as const) {
            const task = await line(low, high)
            const own = await rig(t, task, { spec: policySpecOf(task.spec, [4], shape), scale: 3 })
            const { transitions } = await own.run({ record: true, exploration: { noise: 1 }, episodes: 1 })
            const { actions } = transitions!
            t.ok(
              actions.length > 10 && actions.every((a) => a >= low && a <= high),
              `${low} to ${high}: ${Math.min(...actions)} to ${Math.max(...actions)}`,
            )
            own.rollout.dispose()
          }
      })
  })

test('all implementations give the same numbers on the same task', async (t) => {
  t.testdir()
  const there = [...found.values()].filter((tasks) => typeof tasks !== 'string')
  const options = { observe: 'report', record: true } as const
  const noisy = { noise: 0.3, correlation: 0.7, uniformSteps: 3 }
  const results = async (tasks: readonly Task[]): Promise<Episodes[][]> => {
    const episodes: Episodes[][] = []
    for (const task of tasks) {
      const gaussian = policySpecOf(task.spec, [4], { activation: 'relu', output: 'gaussian' })
      const own = await rig(t, task, { scale: 1.5 })
      const sampling = await rig(t, task, { scale: 1.5, spec: gaussian })
      episodes.push([await own.run({ ...options, exploration: noisy })])
      for (const exploration of [{ sample: true }, {}])
        episodes.at(-1)!.push(await sampling.run({ ...options, exploration }))
      const plain = policySpecOf(task.spec, [4, 5], { activation: 'relu' })
      const commanded = await rig(t, task, {
        scale: 1.5,
        spec: { ...plain, command: { returnScale: 0.3, horizonScale: 0.7 } },
      })
      episodes.at(-1)!.push(await commanded.run({ ...options, exploration: { noise: 0.3 } }))
    }
    return episodes
  }
  const [first, ...others] = await results(await Promise.all(there.map((tasks) => tasks.hopper())))
  const { lengths } = first![0]!
  t.ok(lengths.every((length) => length > 5) && new Set(lengths).size > 1, lengths.join())
  t.notSame(first![1]!.transitions!.actions, first![2]!.transitions!.actions, 'samples differ from the means')
  for (const other of others) t.strictSame(other, first)
  const lines = there.filter((tasks) => tasks.line !== undefined)
  const [one, ...rest] = await results(await Promise.all(lines.map((tasks) => tasks.line!(-0.1, 0.4, 1e8))))
  for (const other of rest) t.strictSame(other, one, 'also of observations that single precision cannot tell apart')
})

test('another interpreter than there is', async (t) => {
  const tasks = pythonTasks(join(t.testdir(), 'none'))
  t.match(await rejection(tasks.varied()), { code: 'ERR_PYTHON' })
})
