// GoGePo: Algorithm 1 of the paper, in terms of what it asks of the native side.
import { join } from 'node:path'
import { test } from 'tap'
import { gogepo, type GogepoSettings } from '../../lib/algorithms/gogepo.js'
import { architectureOf } from '../../lib/algorithms/gogepo-memory.js'
import { policySpecOf } from '../../lib/algorithms/algorithm.js'
import { nativeTask } from '../../lib/env/native-task.js'
import type { Task } from '../../lib/env/task.js'
import type { EnvSpec, Episodes, Native, Rollout as NativeRollout } from '../../lib/native/contract.js'
import { openNative } from '../../lib/native/open.js'
import { Session } from '../../lib/train/session.js'
import { events, oneThread, remains, settingsOf, startSmall } from '../small.js'

test('the paper’s networks have the paper’s numbers of parameters', async (t) => {
  const native = openNative('cpu')
  const sizes = (id: string) => {
    const { spec } = nativeTask(native, id)
    const settings = settingsOf(gogepo, spec, {}, 'paper') as GogepoSettings
    const { policy, generator, critic } = native.sizes(
      architectureOf(policySpecOf(spec, settings.policyHidden), settings),
    )
    return [policy, generator, critic]
  }
  t.strictSame(sizes('Swimmer-v5'), [68_610, 528_066, 170_305])
  t.strictSame(sizes('Hopper-v5'), [69_635, 544_771, 222_105])
  t.strictSame(sizes('InvertedPendulum-v5'), [67_329, 507_249, 118_305])
  t.strictSame(sizes('MountainCarContinuous-v0'), [66_817, 499_025, 117_905])
})

test('an iteration is Algorithm 1', async (t) => {
  const { native, task, calls, results } = recordingNative()
  const settings = settingsOf(gogepo, spec, { drive: 20, policiesPerIteration: 2 }, 'paper')
  const learner = new Session({ native, algorithm: gogepo, task, settings, seed: 7, ...oneThread })
  calls.length = 0

  results.push([
    [3, -5],
    [4, 6],
  ])
  t.strictSame(await learner.iterate(), { criticLoss: 0.5, generatorLoss: 0.25 })
  t.equal(learner.bestCommand, 3, 'it is evaluated with the best return so far')
  t.strictSame(calls, [
    ['generate', [0, 0], { noise: 0.1, noiseFree: Uint8Array.of(0, 0), seed: 7, firstEpisode: 0 }],
    [
      'run',
      {
        episodes: 1,
        seed: 7,
        purpose: 'training',
        firstIndex: 0,
        statistics: null,
        observe: 'grow',
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
    ['generate', [23, 23], { noise: 0.1, noiseFree: Uint8Array.of(0, 0), seed: 7, firstEpisode: 2 }],
    'the best so far, and a little more',
  )
  t.match(calls[1], ['run', { firstIndex: 2, observe: 'grow', statistics: { count: 10 } }])

  calls.length = 0
  results.push([
    [1, 2, 3],
    [5, 5, 5],
  ])
  const stream = { seed: 7, purpose: 'evaluation', firstIndex: 6 } as const
  const [asked] = await learner.evaluate([30], 3, stream)
  t.strictSame(asked, { command: 30, predicted: 9, returns: [2, 3, 4], achieved: [1, 2, 3], lengths: [5, 5, 5] })
  t.strictSame(calls[0], ['generate', [30], { noise: 0, seed: 0, firstEpisode: 0 }], 'no noise, no drive')
  t.match(calls[1], ['value'])
  t.match(
    calls[2],
    ['run', { episodes: 3, ...stream, observe: 'none', statistics: { count: 20 } }],
    'the normalizer is frozen',
  )
  t.equal(calls.length, 3, 'nothing is learned from it')
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
  class Device {
    name = 'cpu'
  }
  class Networks {
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
      return { count: commands.length, dispose() {} }
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
        done: new Uint8Array(returns.length).fill(1),
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
    native: {
      sizes,
      policySize: () => 1,
      cudaDevices: () => [],
      ...{ Device, Networks, Generator, Critic, ReplayBuffer },
    } as unknown as Native,
    task,
    calls,
    results,
  }
}

for (const [id, steps] of [
  ['MountainCarContinuous-v0', 4500],
  ['InvertedPendulum-v5', 500],
] as const)
  test(`${id}: one seed, one result, for any number of threads`, async (t) => {
    const dir = t.testdir()
    const run = async (name: string, options: object, settings: Partial<GogepoSettings> = {}) =>
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
    t.equal(
      first.counters['normalizer.observations'],
      first.last,
      'the normalizer has seen an observation for every step',
    )
    t.strictSame(await run('again', {}), first)
    t.strictSame(await run('threads', { threads: 2, torchThreads: 2 }), first)
    t.not((await run('seed', { seed: 4 })).learner, first.learner)
    const three = await run('three', {}, { policiesPerIteration: 3 })
    t.not(three.learner, first.learner)
    t.strictSame(await run('three threads', { threads: 3, torchThreads: 2 }, { policiesPerIteration: 3 }), three)
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

test('stored returns leave out what a task pays for being alive, where it is not the task itself', async (t) => {
  const dir = t.testdir()
  const episodes = async (id: string, settings: Partial<GogepoSettings>) => {
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
