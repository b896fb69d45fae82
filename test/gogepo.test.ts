import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'tap'
import { fixed } from '../lib/command/strategy.js'
import { completeSettings, type Settings } from '../lib/config.js'
import { architectureOf } from '../lib/architecture.js'
import { Gogepo } from '../lib/gogepo.js'
import { openNative, type EnvSpec, type Episodes, type Native, type Rollout as NativeRollout } from '../lib/native.js'
import type { TrainEvent } from '../lib/report/reporter.js'
import { nativeTask } from '../lib/env/native-task.js'
import type { Task } from '../lib/env/task.js'
import { resumeRun } from '../lib/run.js'
import { RunStore } from '../lib/run-store.js'
import { events, oneThread, small, startSmall } from './small.js'

test('the paper’s networks have the paper’s numbers of parameters', async (t) => {
  const native = openNative('cpu')
  const sizes = (id: string) => {
    const task = nativeTask(native, id).spec
    const settings = completeSettings({}, task as Partial<Pick<Settings, 'returnMin' | 'returnMax' | 'evaluateEvery'>>)
    const engine = new native.Engine({
      architecture: architectureOf(task, settings),
      engine: 'fast',
      device: 'cpu',
      threads: 1,
    })
    const { policy, generator, critic } = engine.sizes
    engine.dispose()
    return [policy, generator, critic]
  }
  t.strictSame(sizes('Swimmer-v5'), [68_610, 528_066, 170_305])
  t.strictSame(sizes('Hopper-v5'), [69_635, 544_771, 222_105])
  t.strictSame(sizes('InvertedPendulum-v5'), [67_329, 507_249, 118_305])
  t.strictSame(sizes('MountainCarContinuous-v0'), [66_817, 499_025, 117_905])
})

test('an iteration is Algorithm 1', async (t) => {
  const { native, task, calls, results } = recordingNative()
  const settings = completeSettings(
    { drive: 20, policiesPerIteration: 2 },
    { returnMin: 0, returnMax: 100, evaluateEvery: 1000 },
  )
  const learner = new Gogepo({ native, task, settings, seed: 7, device: 'cpu', threads: 1, torchThreads: 1 })
  calls.length = 0

  results.push([
    [3, -5],
    [4, 6],
  ])
  t.strictSame(await learner.iterate(), { criticLoss: 0.5, generatorLoss: 0.25 })
  t.strictSame(calls, [
    ['generate', [0, 0], { noise: 0.1, seed: 7, firstEpisode: 0 }],
    [
      'run',
      {
        episodes: 1,
        seed: 7,
        purpose: 'training',
        firstIndex: 0,
        statistics: null,
        learning: true,
        removeSurvivalBonus: true,
      },
    ],
    ['push', [3, -5]],
    [
      'fit',
      {
        criticUpdates: 8,
        generatorUpdates: 38,
        batchSize: 16,
        criticLearningRate: 5e-3,
        generatorLearningRate: 2e-6,
        seed: 7,
      },
    ],
  ])
  t.match(learner.history, {
    commands: [0, 0],
    returns: [3, -5],
    fullReturns: [4, -4],
    lengths: [4, 6],
    best: 3,
    steps: 10,
  })
  t.equal(learner.normalizer.count, 10)

  calls.length = 0
  results.push([
    [30, 1],
    [5, 5],
  ])
  await learner.iterate()
  t.strictSame(
    calls[0],
    ['generate', [23, 23], { noise: 0.1, seed: 7, firstEpisode: 2 }],
    'the best so far, and a little more',
  )
  t.match(calls[1], ['run', { firstIndex: 2, learning: true, statistics: { count: 10 } }])

  calls.length = 0
  results.push([
    [1, 2, 3],
    [5, 5, 5],
  ])
  const [asked] = await learner.evaluate([30], 3)
  t.strictSame(asked, { command: 30, predicted: 9, returns: [2, 3, 4], achieved: [1, 2, 3], lengths: [5, 5, 5] })
  t.strictSame(calls[0], ['generate', [30], { noise: 0, seed: 0, firstEpisode: 0 }], 'no noise, no drive')
  t.match(calls[1], ['value'])
  t.match(
    calls[2],
    ['run', { episodes: 3, purpose: 'evaluation', firstIndex: 0, learning: false, statistics: { count: 20 } }],
    'the normalizer is frozen',
  )
  t.equal(calls.length, 3, 'nothing is learned from it')
  results.push([
    [1, 2, 3],
    [5, 5, 5],
  ])
  await learner.evaluate([30], 3)
  t.match(calls[5], ['run', { firstIndex: 3 }], 'every evaluation has episodes of its own')
  t.equal(learner.history.steps, 20, 'and costs no steps')
})

const spec: EnvSpec = {
  id: 'Fake-v0',
  observationSize: 1,
  actionSize: 1,
  discrete: false,
  actionLow: [-1],
  actionHigh: [1],
  returnMin: 0,
  returnMax: 100,
  maxEpisodeSteps: 10,
  survivalBonus: 1,
  trainingSteps: 100,
  evaluateEvery: 10,
  source: '',
} as EnvSpec

/** An engine that writes down what it is asked for, and whose rollouts give the results that were put in: returns and lengths. */
function recordingNative(): { native: Native; task: Task; calls: unknown[][]; results: [number[], number[]][] } {
  const calls: unknown[][] = []
  const results: [number[], number[]][] = []
  const policies = { dispose() {} }
  class Engine {
    device = 'cpu'
    async fit(_critic: unknown, _generator: unknown, _buffer: unknown, options: object) {
      calls.push(['fit', options])
      return {
        critic: Float32Array.of(1, 0.5),
        generator: Float32Array.of(1, 0.25),
        seconds: { draw: 1, critic: 2, generator: 3 },
      }
    }
  }
  class Generator {
    async generate(commands: Float32Array, options: object) {
      calls.push(['generate', [...commands], options])
      return policies
    }
  }
  class Critic {
    async value() {
      calls.push(['value'])
      return Float32Array.of(9)
    }
  }
  class ReplayBuffer {
    count = 0
    push(_policies: unknown, returns: Float32Array) {
      this.count += returns.length
      calls.push(['push', [...returns]])
    }
  }
  class Rollout {
    async run(_policies: unknown, options: { statistics: object | null }): Promise<Episodes> {
      calls.push(['run', { ...options, statistics: options.statistics && { ...options.statistics } }])
      const [returns, lengths] = results.shift()!
      return {
        returns: Float64Array.from(returns),
        fullReturns: Float64Array.from(returns, (r) => r + 1),
        lengths: Int32Array.from(lengths),
        terminated: new Uint8Array(returns.length),
        diverged: new Uint8Array(returns.length),
        warnings: 0,
        moments: {
          counts: Float64Array.from(lengths),
          means: new Float64Array(returns.length),
          m2s: new Float64Array(returns.length),
        },
      }
    }
  }
  const task = {
    name: spec.id,
    options: {},
    spec,
    rollout: () => new Rollout() as unknown as NativeRollout,
  } satisfies Task
  const sizes = () => ({ policy: 1, generator: 1, critic: 1 })
  return {
    native: { sizes, cudaDevices: () => [], Engine, Generator, Critic, ReplayBuffer } as unknown as Native,
    task,
    calls,
    results,
  }
}

/** All that a run leaves behind, times and place apart. */
function remains(run: string) {
  const { checkpoints } = RunStore.open(run)
  const last = checkpoints.list().at(-1)!
  const { counters, progress } = checkpoints.manifest(last)
  const learner = readFileSync(join(run, 'checkpoints', String(last), 'learner.safetensors')).toString('base64')
  return {
    events: events(run),
    last,
    counters,
    learner,
    evaluated: progress.evaluated,
    lastEvaluation: progress.lastEvaluation,
  }
}

for (const [id, steps] of [
  ['MountainCarContinuous-v0', 4500],
  ['InvertedPendulum-v5', 900],
] as const)
  test(`${id}: one seed, one result, for any number of threads`, async (t) => {
    const dir = t.testdir()
    const run = async (name: string, options: object, settings: Partial<Settings> = {}) =>
      remains(
        (
          await startSmall({
            task: id,
            steps,
            seed: 3,
            run: join(dir, name),
            ...options,
            settings: { evaluateEvery: 300, ...settings },
          })
        ).run,
      )
    const first = await run('first', {})
    t.ok(first.events.some(({ type }) => type === 'evaluation') && first.events.some(({ type }) => type === 'episode'))
    t.equal(first.counters['observations'], first.last, 'the normalizer has seen an observation for every step')
    t.strictSame(await run('again', {}), first)
    t.strictSame(await run('threads', { threads: 2, torchThreads: 2 }), first)
    t.not((await run('seed', { seed: 4 })).learner, first.learner)
    const three = await run('three', {}, { policiesPerIteration: 3 })
    t.not(three.learner, first.learner)
    t.strictSame(await run('three threads', { threads: 3, torchThreads: 2 }, { policiesPerIteration: 3 }), three)
  })

test('evaluations follow the first episode past a multiple of evaluateEvery, never the very first', async (t) => {
  const { run } = await startSmall({
    task: 'MountainCarContinuous-v0',
    steps: 2500,
    run: join(t.testdir(), 'run'),
    settings: { evaluateEvery: 500 },
  })
  t.strictSame(
    events(run).map(({ type }) => type),
    ['episode', 'episode', 'evaluation', 'episode', 'evaluation'],
  )
})

test('networks of the usual size give the same bits for any number of threads', async (t) => {
  const dir = t.testdir()
  const big = {
    policyHidden: [256, 256],
    sliceSize: 16,
    generatorHidden: [256, 256],
    criticHidden: [256, 256],
    probingStates: 200,
  }
  const run = async (threads: number) =>
    remains(
      (
        await startSmall({
          task: 'MountainCarContinuous-v0',
          steps: 2500,
          run: join(dir, String(threads)),
          threads,
          torchThreads: threads,
          settings: big,
        })
      ).run,
    )
  t.strictSame(await run(2), await run(1))
})

/** Aborts after that many episodes. */
function abortAfter(episodes: number): { signal: AbortSignal; onEvent: (event: TrainEvent) => void } {
  const controller = new AbortController()
  return {
    signal: controller.signal,
    onEvent: (event) => void (event.type === 'episode' && event.episode === episodes && controller.abort()),
  }
}

for (const settings of [
  {},
  { policiesPerIteration: 3 },
  { engine: 'reference' },
  { normalizeObservations: false, criticKind: 'parameters' },
] as const)
  test(`stopped and resumed is as if nothing had been: ${JSON.stringify(settings)}`, async (t) => {
    const dir = t.testdir()
    const options = { task: 'InvertedPendulum-v5', steps: 900, seed: 5, settings: { ...settings, evaluateEvery: 200 } }
    const whole = remains((await startSmall({ ...options, run: join(dir, 'whole') })).run)
    const run = join(dir, 'stopped')
    t.match(await startSmall({ ...options, run, ...abortAfter(6) }), { interrupted: true, episodes: 6 })
    t.match(await resumeRun(run, { ...oneThread, ...abortAfter(30) }), { interrupted: true, episodes: 30 }) // the buffer of 20 has gone round
    t.match(await resumeRun(run, oneThread), { interrupted: false })
    t.strictSame(remains(run), whole)
  })

test('a budget can be raised, and a finished run is left as it is', async (t) => {
  const run = join(t.testdir(), 'run')
  const { steps } = await startSmall({ task: 'InvertedPendulum-v5', steps: 300, run })
  const before = remains(run)
  t.match(await resumeRun(run, oneThread), { steps, alreadyFinished: true })
  t.strictSame(remains(run), before)
  const more = await resumeRun(run, { ...oneThread, steps: 600 })
  t.ok(more.steps >= 600)
  t.strictSame(events(run).slice(0, before.events.length), before.events)
})

test('stored returns leave out what a task pays for being alive, where it is not the task itself', async (t) => {
  const dir = t.testdir()
  const episodes = async (id: string, settings: Partial<Settings>) => {
    const { run } = await startSmall({
      task: id,
      steps: 200,
      run: join(dir, `${id}${Object.values(settings)}`),
      settings,
    })
    return events(run).filter(({ type }) => type === 'episode') as {
      return: number
      fullReturn: number
      length: number
    }[]
  }
  for (const e of await episodes('Hopper-v5', {}))
    t.ok(Math.abs(e.fullReturn - e.return - (e.length - 1)) < 1e-9, 'all steps but the one that ended the episode')
  for (const e of await episodes('Hopper-v4', {}))
    t.ok(Math.abs(e.fullReturn - e.return - e.length) < 1e-9, 'all steps')
  for (const e of await episodes('Hopper-v5', { removeSurvivalBonus: false })) t.equal(e.return, e.fullReturn)
  for (const e of await episodes('InvertedPendulum-v5', {})) t.equal(e.return, e.fullReturn)
})

test('events say what happened, field by field', async (t) => {
  const strategy = fixed(2)
  const { run, ...result } = await startSmall({
    task: 'InvertedPendulum-v5',
    steps: 400,
    run: join(t.testdir(), 'run'),
    settings: { evaluateEvery: 100 },
    strategy,
  })
  const all = events(run)
  const episodes = all.filter(({ type }) => type === 'episode')
  let steps = 0
  let best = -Infinity
  for (const [i, e] of episodes.entries()) {
    steps += e['length'] as number
    best = Math.max(best, e['return'] as number)
    t.strictSame(Object.keys(e), [
      'type',
      'steps',
      'episode',
      'command',
      'return',
      'fullReturn',
      'length',
      'best',
      'criticLoss',
      'generatorLoss',
      'seconds',
    ])
    t.match(e, { steps, episode: i + 1, command: 2, best, criticLoss: Number, generatorLoss: Number })
  }
  t.ok(
    steps >= 400 && steps - (episodes.at(-1)!['length'] as number) < 400,
    'the last episode is the one that passes the budget',
  )
  t.match(result, { steps, episodes: episodes.length, best })

  const evaluations = all.filter(({ type }) => type === 'evaluation')
  t.strictSame(
    Object.keys(evaluations[0]!).filter((key) => key !== 'seconds'),
    ['type', 'steps', 'episode', 'command', 'predicted', 'returns', 'mean', 'std'],
  )
  t.strictSame(
    evaluations.map((e) => Math.floor((e['steps'] as number) / 100)),
    [1, 2, 3, 4],
  )
  for (const e of evaluations) {
    const [mean, returns] = [e['mean'] as number, e['returns'] as number[]]
    t.equal(returns.length, small.evaluationEpisodes)
    t.ok(Math.abs(mean - (returns[0]! + returns[1]!) / 2) < 1e-9)
    t.equal(e['command'], episodes[(e['episode'] as number) - 1]!['best'], 'it asks for the best so far')
  }
  t.strictSame(result.lastEvaluation?.mean, evaluations.at(-1)!['mean'])
})
