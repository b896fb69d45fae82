// Tasks in TypeScript: stepped as native ones are, side by side, and what goes wrong in them is reported.
import { copyFileSync, mkdirSync, renameSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'tap'
import type { Environment, EnvironmentFactory, EnvironmentStep } from '../../lib/env/environment.js'
import { userTask } from '../../lib/env/typescript-task.js'
import type { Episodes, RolloutOptions } from '../../lib/native/contract.js'
import { openNative } from '../../lib/native/open.js'
import { openRun } from '../../lib/run/opened-run.js'
import { resumeRun } from '../../lib/run/resume.js'
import { startRun } from '../../lib/run/start.js'
import { events, once, oneThread, randoms, small, specOf } from '../small.js'

const native = openNative('cpu')

/** A point that is pushed about; asymmetric bounds, an end of its own, and a limit. */
class Push implements Environment {
  readonly observationSpace = { shape: [2] }
  readonly actionSpace = { low: [-0.1, 0], high: [0.3, 2] }
  readonly returnRange = [-50, 50] as const
  readonly timeLimit: number = 30
  readonly survivalBonus: number = 0
  x = 0
  y = 0
  reset(seed: number): number[] {
    this.x = (seed % 1000) / 1000
    this.y = 0
    return [this.x, this.y]
  }
  step(action: Float32Array): EnvironmentStep | Promise<EnvironmentStep> {
    const [a, b] = action as unknown as [number, number]
    this.x += a
    this.y += 0.1 * b - 0.05
    return { observation: [this.x, this.y], reward: 1 - this.x * this.y, terminated: this.x > 3, truncated: false }
  }
}

const training: RolloutOptions = { ...once, seed: 5 }
const device = new native.Device({ device: 'cpu', threads: 1 })

async function rig(factory: EnvironmentFactory, policies: number, scale = 0.6) {
  const task = await userTask(factory)
  const spec = specOf(task.spec, [16])
  const size = native.policySize(spec)
  const of = (thetas: Float32Array) => new native.Policies(device, spec, thetas)
  return { task, spec, size, of, rollout: task.rollout(native, spec, 1), policies: of(randoms(policies * size, scale)) }
}

test('what a policy sees and does, and what is learned of observations, is SPEC’s', async (t) => {
  const seen: number[][] = []
  const done: Float32Array[] = []
  class Recorded extends Push {
    override reset(seed: number): number[] {
      const observation = super.reset(seed)
      seen.push(observation)
      return observation
    }
    override step(action: Float32Array) {
      done.push(action) // kept: it stays as it was
      const step = super.step(action) as EnvironmentStep
      seen.push(step.observation as number[])
      return step
    }
  }
  const { rollout, policies } = await rig(Recorded, 1)
  const statistics = { count: 40, mean: Float64Array.of(0.5, -0.2), m2: Float64Array.of(30, 2) }
  const { moments, lengths, returns, terminated } = await rollout.run(policies, { ...training, statistics })
  const steps = lengths[0]!
  t.equal(done.length, steps)
  t.equal(terminated[0], steps < 30 ? 1 : 0)

  // Welford's steps, from nothing and from the statistics: the last observation is one that nobody acts on.
  const own = { count: 0, mean: [0, 0], m2: [0, 0] }
  const all = { count: 40, mean: [...statistics.mean], m2: [...statistics.m2] }
  const add = (m: typeof own, observation: number[]): void => {
    m.count += 1
    observation.forEach((o, i) => {
      const deviation = o - m.mean[i]!
      m.mean[i]! += deviation / m.count
      m.m2[i]! += deviation * (o - m.mean[i]!)
    })
  }
  const inputs: number[] = []
  for (const observation of seen.slice(0, steps)) {
    add(own, observation)
    add(all, observation)
    observation.forEach((o, i) => inputs.push((o - all.mean[i]!) / (Math.sqrt(all.m2[i]! / (all.count - 1)) + 1e-8)))
  }
  t.strictSame({ count: moments.counts[0], mean: [...moments.means], m2: [...moments.m2s] }, own, 'bit for bit')
  const actions = await policies.actions(Float32Array.from(inputs)) // (1, N, A)
  t.ok(
    done.flatMap((action) => [...action]).every((a, i) => Math.abs(a - actions[i]!) < 1e-5),
    'the policy’s own actions',
  )
  t.ok(
    done.every(([a, b]) => a! >= -0.1 && a! <= 0.3 && b! >= 0 && b! <= 2),
    'within bounds that float32 does not hold exactly',
  )
  t.ok(Math.abs(returns[0]! - seen.slice(1).reduce((sum, [x, y]) => sum + 1 - x! * y!, 0)) < 1e-9)
})

const plain = ({ returns, fullReturns, lengths, terminated, moments }: Episodes) =>
  [returns, fullReturns, lengths, terminated, moments.counts, moments.means, moments.m2s].map((array) => [...array])

test('a batch gives what its episodes give alone; environments stay few; async ones run side by side and give the same', async (t) => {
  let made = 0
  let underWay = 0
  let most = 0
  class Counted extends Push {
    constructor() {
      super()
      made += 1
    }
  }
  class Slow extends Push {
    override async step(action: Float32Array): Promise<EnvironmentStep> {
      most = Math.max(most, ++underWay)
      await new Promise((resolve) => setTimeout(resolve, Math.random() * 3))
      underWay -= 1
      return super.step(action)
    }
  }
  const sync = await rig(Counted, 3)
  const all = plain(await sync.rollout.run(sync.policies, { ...training, episodes: 50 }))
  t.equal(made, 64)
  const parts = await Promise.all(
    [0, 1, 2].map(async (i) => {
      const { rollout, size, of } = await rig(Push, 3)
      const one = of(sync.policies.toArray().slice(i * size, (i + 1) * size))
      return plain(await rollout.run(one, { ...training, episodes: 50, firstIndex: i * 50 }))
    }),
  )
  t.strictSame(
    all,
    all.map((_, k) => parts.flatMap((part) => part[k]!)),
  )

  const slow = await rig(Slow, 3)
  t.strictSame(
    plain(await slow.rollout.run(slow.policies, { ...training, episodes: 6 })),
    plain(await sync.rollout.run(sync.policies, { ...training, episodes: 6 })),
  )
  t.equal(most, 18)
})

test('the survival bonus is left out of every step but one that terminates', async (t) => {
  class Paid extends Push {
    override readonly survivalBonus = 1
    override readonly timeLimit = 12
  }
  const { rollout, policies } = await rig(Paid, 16, 3)
  const { returns, fullReturns, lengths, terminated } = await rollout.run(policies, training)
  for (const [i, full] of fullReturns.entries())
    t.ok(Math.abs(full - returns[i]! - (lengths[i]! - terminated[i]!)) < 1e-9)
  t.ok(terminated.includes(1) && terminated.includes(0), 'of both kinds')
  const kept = await rollout.run(policies, { ...training, removeSurvivalBonus: false })
  t.strictSame([...kept.returns], [...kept.fullReturns])
})

test('discrete actions are numbers; one run at a time; timers get their turn; disposed is disposed', async (t) => {
  const actions = new Set<unknown>()
  const reward = 1
  class Choose implements Environment {
    readonly observationSpace = { low: [0], high: [1] }
    readonly actionSpace = { n: 3 }
    readonly timeLimit = 2000
    reset = () => Float32Array.of(0.5)
    step(action: number): EnvironmentStep {
      actions.add(action)
      // A step takes a while, so that timers come due during the rollout; no result depends on how long.
      for (const end = performance.now() + 0.05; performance.now() < end;);
      return { observation: Float64Array.of(Math.random()), reward, terminated: false, truncated: false }
    }
  }
  const { rollout, policies, task } = await rig(Choose as EnvironmentFactory, 2)
  t.match(task.spec, { discrete: true, actionSize: 3, returnMin: NaN, maxEpisodeSteps: 2000 })
  let ticks = 0
  const timer = setInterval(() => ticks++, 5)
  const first = rollout.run(policies, training)
  await t.rejects(rollout.run(policies, training), { code: 'ERR_BUSY' })
  t.strictSame([...(await first).lengths], [2000, 2000])
  clearInterval(timer)
  t.ok(ticks >= 3, `${ticks} ticks`)
  t.ok([...actions].every((action) => [0, 1, 2].includes(action as number)))

  const under = rollout.run(policies, training)
  setTimeout(() => rollout.dispose(), 10)
  await t.rejects(under, { code: 'ERR_DISPOSED' })
  await t.rejects(rollout.run(policies, training), { code: 'ERR_DISPOSED' })
})

test('what an environment must not do is reported in words, and its own error is the cause', async (t) => {
  const boom = new RangeError('boom')
  const wrong: [Partial<Record<'reset' | 'step', unknown>>, RegExp, unknown?][] = [
    [{ reset: () => [1] }, /Broken, step 0 of an episode: .*\b1\b.*\b2\b/],
    [{ reset: () => [1, NaN] }, /\b1\b.*NaN/],
    [{ reset: () => ({ observation: [1, Infinity] }) }, /1.*Infinity/],
    [{ reset: () => ({ observation: [1, 1e300] }) }, /\b1\b.*1e\+300/],
    [{ reset: () => new Int32Array(2) }, /Int32Array.*Float32Array/],
    [
      {
        reset: () => {
          throw boom
        },
      },
      /reset threw RangeError: boom/,
      boom,
    ],
    [{ step: () => undefined }, /step 0 of an episode: .*nothing.*observation, reward, terminated, truncated/],
    [{ step: () => ({ observation: [0, 0], reward: NaN, terminated: false, truncated: false }) }, /reward.*NaN/],
    [{ step: () => ({ observation: [0, 0], reward: '1', terminated: false, truncated: false }) }, /reward.*"1"/],
    [{ step: () => ({ observation: [0, 0], reward: 1, terminated: false }) }, /truncated/],
    [
      {
        step: () => {
          throw boom
        },
      },
      /step 0 of an episode: step threw RangeError: boom/,
      boom,
    ],
    [
      {
        step: async () => {
          throw boom
        },
      },
      /step threw RangeError: boom/,
      boom,
    ],
  ]
  for (const [broken, message, cause] of wrong) {
    let closed = 0
    class Broken extends Push {
      constructor() {
        super()
        Object.assign(this, broken)
      }
      close(): void {
        closed += 1
      }
    }
    const { rollout, policies } = await rig(Broken, 4)
    const error = await rollout.run(policies, training).then(
      () => undefined,
      (e: unknown) => e as Error & { code: string },
    )
    t.match(error, { code: 'ERR_ENVIRONMENT', message })
    t.equal(error?.cause, cause)
    await new Promise((resolve) => setImmediate(resolve))
    t.equal(closed, 4, 'none is kept')
  }
  class Endless extends Push {
    override readonly timeLimit = undefined as unknown as number
    override step = () => ({ observation: [0, 0], reward: 0, terminated: false, truncated: false })
  }
  const { rollout, policies } = await rig(Endless, 1)
  await t.rejects(rollout.run(policies, training), {
    code: 'ERR_ENVIRONMENT',
    message: /\b100,?000 steps.*timeLimit/,
  })

  await t.rejects(userTask(new Push() as never), {
    code: 'ERR_ENVIRONMENT',
    message: /\(\) => new/,
  })
  await t.rejects(
    userTask(() => {
      throw boom
    }),
    { code: 'ERR_ENVIRONMENT', message: /RangeError: boom/, cause: boom },
  )
  await t.rejects(
    userTask(() => ({
      ...new Push(),
      reset: Push.prototype.reset,
      step: Push.prototype.step,
      actionSpace: { low: [0], high: [Infinity] },
    })),
    { message: /actionSpace/ },
  )
})

const options = { ...oneThread, seed: 2, settings: { ...small, evaluateEvery: 150 } }

test('runs on a task that a program gives: saved, resumed to the same bits, evaluated, swept', async (t) => {
  const dir = t.testdir()
  const whole = await startRun({ ...options, task: Push, steps: 600, run: join(dir, 'whole') })
  t.match(whole, { task: 'Push', interrupted: false })
  const parts = join(dir, 'parts')
  await startRun({ ...options, task: () => new Push(), steps: 300, run: parts })
  await t.rejects(resumeRun(parts, { steps: 600 }), {
    code: 'ERR_RUN',
    message: /option task.*--task/,
  })
  await t.rejects(openRun(parts), { code: 'ERR_RUN' })
  await resumeRun(parts, { steps: 600, task: Push })
  t.strictSame(events(parts), events(whole.run))

  using trained = await openRun(whole.run, { ...oneThread, task: Push })
  const asked = await trained.evaluate(5, { episodes: 3 })
  t.equal(asked.returns.length, 3)
  t.strictSame((await trained.evaluate(5, { episodes: 3 })).returns, asked.returns)
  t.equal((await trained.sweep({ points: 3, episodes: 2 })).rows.length, 3)

  const other = await startRun({ ...options, task: 'CartPole-v1', steps: 100, run: join(dir, 'native') })
  await t.rejects(openRun(other.run, { task: Push }), {
    code: 'ERR_ARGUMENT',
    message: /CartPole-v1/,
  })
})

test('observations stay float64 until they are normalized', async (t) => {
  /** Observes 1e8 ± 1, which single precision cannot tell from 1e8. */
  const acted: number[] = []
  const seen: number[] = []
  class Far implements Environment {
    readonly observationSpace = { shape: [1] }
    readonly actionSpace = { low: [-1], high: [1] }
    readonly returnRange = [-20, 20] as const
    readonly timeLimit = 20
    x = 0
    reset(seed: number): number[] {
      this.x = (seed % 100) / 100
      return this.observed()
    }
    step(action: Float32Array): EnvironmentStep {
      acted.push(action[0]!)
      this.x = Math.sin(7 * this.x + 3 * action[0]! + 1)
      return { observation: this.observed(), reward: this.x, terminated: false, truncated: false }
    }
    observed(): number[] {
      seen.push(1e8 + this.x)
      return [1e8 + this.x]
    }
  }
  const run = join(t.testdir(), 'run')
  await startRun({ ...options, task: Far, steps: 200, run })
  using trained = await openRun(run, { ...oneThread, task: Far })
  using policy = await trained.policy(3)
  acted.length = seen.length = 0
  await trained.evaluate(3, { episodes: 1 })
  const observed = seen.slice(0, -1) // nothing is done in the last one
  t.equal(observed.length, 20)
  t.strictSame(
    acted,
    observed.map((x) => policy.act([x])[0]!),
  )
  t.ok(new Set(acted).size > 10, 'and they differ')
})

test('returns beyond what single precision holds are the task’s error, with every algorithm', async (t) => {
  for (const [reward, settings, words] of [
    [-2e38, {}, /returned -6e\+38, .*single precision.* rewards smaller/],
    [1e25, { returnMax: 1 }, /returned 3\S*e\+25, .* rewards smaller, or .*returnMax/],
  ] as const)
    for (const algorithm of ['gogepo', 'ars']) {
      if (algorithm === 'ars' && 'returnMax' in settings) continue
      class Large implements Environment {
        readonly observationSpace = { shape: [1] }
        readonly actionSpace = { low: [-1], high: [1] }
        readonly returnRange = [0, 1] as const
        readonly timeLimit = 3
        reset = (): number[] => [0]
        step = (): EnvironmentStep => ({ observation: [1], reward, terminated: false, truncated: false })
      }
      await t.rejects(
        startRun({ ...oneThread, algorithm, task: Large, steps: 100, run: join(t.testdir(), 'run'), settings }),
        { code: 'ERR_ENVIRONMENT', message: words },
      )
    }
})

test('a task without a range of returns needs the settings, and an error in its first iteration or later leaves a run that can be resumed', async (t) => {
  const dir = t.testdir()
  let left = 0
  const boom = new Error('boom')
  class Fragile extends Push {
    override readonly returnRange = undefined as never
    override step(action: Float32Array) {
      if (left-- === 0) throw boom
      return super.step(action)
    }
  }
  await t.rejects(startRun({ ...options, task: Fragile, run: join(dir, 'none') }), {
    code: 'ERR_SETTING',
    message: /returnMin/,
  })
  const ranged = {
    ...options,
    steps: 600,
    settings: { ...options.settings, returnMin: -50, returnMax: 50, checkpointEvery: 0 },
  }
  left = Infinity
  const whole = await startRun({ ...ranged, task: Fragile, run: join(dir, 'whole') })
  for (const at of [10, 450]) {
    const run = join(dir, `fails at ${at}`)
    left = at
    await t.rejects(startRun({ ...ranged, task: Fragile, run }), { code: 'ERR_ENVIRONMENT', cause: boom })
    left = Infinity
    await resumeRun(run, { task: Fragile })
    t.strictSame(events(run), events(whole.run), 'as if it had never failed')
  }
})

const taskFile = `import type { Environment } from 'gogepo'
enum End { Never = 0 }
export default class Line implements Environment {
  observationSpace = { shape: [1] }
  actionSpace = { low: -1, high: 1 }
  returnRange: [number, number] = [-20, 20]
  timeLimit = 20
  constructor(private x = 0) {}
  reset(seed: number) { this.x = (seed % 7) / 7; return [this.x] }
  step(action: Float32Array) { this.x += action[0]! / 10; return { observation: [this.x], reward: this.x, terminated: this.x < -99 + End.Never, truncated: false } }
}
`

test('a task in a file: found from the working directory, and where it is said to be', async (t) => {
  const dir = t.testdir()
  const before = process.cwd()
  t.teardown(() => process.chdir(before))
  process.chdir(dir)
  mkdirSync('tasks')
  writeFileSync('tasks/line.ts', taskFile)
  const { run, task } = await startRun({ ...options, task: join(dir, 'tasks', 'line.ts'), steps: 300 })
  t.equal(task, './tasks/line.ts')
  t.match(run, /^runs.line-s2-1$/)
  const asked = async (again?: string) => {
    using trained = await openRun(run, { ...oneThread, task: again })
    return (await trained.evaluate(3, { episodes: 2 })).returns
  }
  const returns = await asked()
  copyFileSync('tasks/line.ts', 'moved.ts')
  renameSync('tasks', 'elsewhere')
  await t.rejects(asked(), { code: 'ERR_RUN', message: /\.\/tasks\/line\.ts.*--task <file>/ })
  t.strictSame(await asked('moved.ts'), returns)
  writeFileSync('changed.ts', taskFile.replace('low: -1', 'low: -2'))
  await t.rejects(asked('changed.ts'), {
    code: 'ERR_RUN',
    message: /\[-1\] to \[1\].*\[-2\] to \[1\]/,
  })

  await t.rejects(startRun({ ...options, task: './nowhere.ts' }), {
    code: 'ERR_UNKNOWN_ENV',
    message: /\.\/nowhere\.ts/,
  })
  writeFileSync('wrong.ts', 'export const a = 1')
  await t.rejects(startRun({ ...options, task: './wrong.ts' }), {
    code: 'ERR_ENVIRONMENT',
    message: /default.*nothing/,
  })
  writeFileSync('typo.ts', 'export default class {{')
  await t.rejects(startRun({ ...options, task: './typo.ts' }), {
    code: 'ERR_ENVIRONMENT',
    message: /typo\.ts/,
  })
  await t.rejects(startRun({ ...options, task: { id: './moved.ts', options: { g: 1 } } }), { code: 'ERR_TASK_OPTION' })
})

test('actors refuse invalid rows, policies and arrays', async (t) => {
  const { spec, policies } = await rig(Push, 2)
  t.throws(() => new native.Actors({ policy: spec, rows: 0 }), { code: 'ERR_ARGUMENT' })
  const actors = new native.Actors({ policy: spec, rows: 2 })
  const [observations, actions] = [new Float64Array(4), new Float32Array(4)]
  const start = { seed: 1, observe: 'grow', statistics: null, exploration: { noise: 0 } } as const
  t.throws(() => actors.begin(0, 0, 0), { code: 'ERR_ARGUMENT' }, 'no policies yet')
  t.throws(() => actors.act(observations, actions, Uint8Array.of(1, 0)), { code: 'ERR_ARGUMENT', message: /0/ })
  t.throws(() => actors.reload(policies), { code: 'ERR_ARGUMENT' }, 'nothing was started')
  t.throws(
    () =>
      actors.start(policies, {
        ...start,
        statistics: { count: 1, mean: new Float64Array(3), m2: new Float64Array(3) },
      }),
    { code: 'ERR_SHAPE' },
  )
  t.throws(() => actors.start(policies, { ...start, observe: 'all' as never }), { code: 'ERR_ARGUMENT' })
  t.throws(() => actors.start(policies, { ...start, exploration: { noise: -1 } }), { code: 'ERR_ARGUMENT' })
  t.throws(() => actors.start(policies, { ...start, exploration: { noise: NaN } }), { code: 'ERR_ARGUMENT' })
  actors.start(policies, start)
  for (const [row, policy] of [
    [2, 0],
    [-1, 0],
    [0.5, 0],
    [0, 2],
    [0, NaN],
  ])
    t.throws(() => actors.begin(row!, policy!, 0), { code: 'ERR_ARGUMENT' })
  t.throws(() => actors.begin(0, 0, -1), { code: 'ERR_ARGUMENT' })
  actors.begin(0, 1, 7)
  t.throws(() => actors.act(new Float64Array(3), actions, Uint8Array.of(1, 0)), { code: 'ERR_SHAPE' })
  t.throws(() => actors.act(new Float32Array(4) as never, actions, Uint8Array.of(1, 0)), { code: /^ERR_/ })
  t.throws(() => actors.act(observations, new Float64Array(4) as never, Uint8Array.of(1, 0)), { code: /^ERR_/ })
  t.throws(() => actors.act(observations, actions, Uint8Array.of(1)), { code: 'ERR_SHAPE' })
  actors.act(observations, actions, Uint8Array.of(1, 0))
  t.ok(actions[0] !== 0 && actions[2] === 0)
  t.equal(actors.moments(0).count, 1)
  actors.dispose()
  t.throws(() => actors.act(observations, actions, Uint8Array.of(1, 0)), { code: 'ERR_DISPOSED' })
  t.throws(() => actors.moments(0), { code: 'ERR_DISPOSED' })
  t.throws(() => native.episodeSeed({ seed: 1, purpose: 'x' as never, index: 0 }), { code: 'ERR_ARGUMENT' })
  const seeds = Array.from({ length: 1000 }, (_, index) => native.episodeSeed({ seed: 1, purpose: 'training', index }))
  t.ok(seeds.every((s) => Number.isInteger(s) && s >= 0 && s < 2 ** 32) && new Set(seeds).size === 1000)
})
