// DDPG, TD3 and SAC: what they collect, when they learn, and what they refuse. Their updates are held to an oracle in
// test/scripts/actor-critic-case.test.ts.
import { join } from 'node:path'
import { test } from 'tap'
import type { Algorithm } from '../../lib/algorithms/algorithm.js'
import { fixed } from '../../lib/algorithms/commands.js'
import { ddpg } from '../../lib/algorithms/ddpg.js'
import { sac } from '../../lib/algorithms/sac.js'
import { td3 } from '../../lib/algorithms/td3.js'
import type { Environment, EnvironmentStep } from '../../lib/env/environment.js'
import { nativeTask } from '../../lib/env/native-task.js'
import { openNative } from '../../lib/native/open.js'
import { openRun } from '../../lib/run/opened-run.js'
import { startRun } from '../../lib/run/start.js'
import { Session } from '../../lib/train/session.js'
import { oneThread, rejection, session, settingsOf } from '../small.js'

const native = openNative('cpu')
const quick = { policyHidden: [8], criticHidden: [8], batchSize: 8, randomSteps: 40, updateAfter: 30, updateEvery: 7 }
const all = [ddpg, td3, sac] as unknown as Algorithm[]

/** A task of one step that always pays the same. */
const oneStep = (reward: number) =>
  class implements Environment {
    readonly observationSpace = { shape: [1] }
    readonly actionSpace = { low: [-1], high: [1] }
    readonly returnRange = [0, 1] as const
    readonly timeLimit = 1
    reset = (): number[] => [1]
    step = (): EnvironmentStep => ({ observation: [1], reward, terminated: true, truncated: false })
  }

/** The transitions that a session holds. */
const heldBy = ({ log }: Session) => log!.read(log!.first, log!.end - log!.first)

for (const algorithm of all)
  test(algorithm.name, async (t) => {
    t.test('learns as often as it steps, after the first steps', async (t) => {
      const one = session(algorithm, 'InvertedPendulum-v5', quick)
      for (let i = 0; i < 20; i++) {
        await one.iterate()
        const { steps } = one.history
        const rounds = Math.floor(steps / 7) - Math.floor(29 / 7) // 35 is the first multiple of 7 that is at least 30
        const { criticsUpdates, actorUpdates } = one.learner.state().counters
        t.equal(criticsUpdates, 7 * Math.max(0, rounds))
        t.equal(actorUpdates, algorithm.name === 'td3' ? Math.ceil(criticsUpdates! / 2) : criticsUpdates)
      }
      one.dispose()
    })

    t.test('a transition is terminal where the task ended the episode, not where the time limit did', async (t) => {
      const limited = session(algorithm, 'Pendulum-v1', quick)
      await limited.iterate()
      t.equal(limited.history.steps, 200)
      t.ok(heldBy(limited)['terminated']!.data.every((d) => d === 0))
      const ended = session(algorithm, 'InvertedPendulum-v5', quick)
      for (let i = 0; i < 5; i++) await ended.iterate()
      const { terminated, observations, nextObservations } = heldBy(ended)
      const ends = ended.history.lengths.map((_, i, lengths) => lengths.slice(0, i + 1).reduce((a, b) => a + b, -1))
      t.strictSame(
        [...terminated!.data].flatMap((d, i) => (d === 1 ? [i] : [])),
        ends,
      )
      for (let i = 0; i + 1 < terminated!.data.length; i++)
        if (!ends.includes(i))
          t.strictSame(nextObservations!.data.slice(4 * i, 4 * i + 4), observations!.data.slice(4 * i + 4, 4 * i + 8))
      for (const made of [limited, ended]) made.dispose()
    })

    t.test('the first actions of a run are uniform, whatever the networks are', async (t) => {
      const actions = async (given: object) => {
        const one = session(algorithm, 'Pendulum-v1', { ...quick, randomSteps: 250, ...given })
        await one.iterate()
        await one.iterate()
        const { data } = heldBy(one)['actions']!
        one.dispose()
        return Array.from(data as Float32Array)
      }
      const [some, others] = [await actions({}), await actions({ policyHidden: [5] })]
      t.strictSame(some.slice(0, 250), others.slice(0, 250))
      t.notSame(some.slice(250), others.slice(250))
      const random = some.slice(0, 250)
      t.ok(Math.abs(random.reduce((sum, a) => sum + a / 250, 0)) < 0.3)
      t.ok(Math.max(...random) > 1.9 && Math.min(...random) < -1.9)
    })

    t.test('the buffer keeps the newest transitions', async (t) => {
      const one = session(algorithm, 'Pendulum-v1', { ...quick, bufferSize: 30 })
      await one.iterate()
      t.equal(one.log!.end, 200)
      t.equal(one.log!.first, 170)
      one.dispose()
    })

    t.test('without learning rates nothing is learned', async (t) => {
      const one = session(algorithm, 'Pendulum-v1', { ...quick, ...algorithm.control })
      const before = one.learner.state().tensors
      await one.iterate()
      const after = one.learner.state().tensors
      for (const name of ['actor.values', 'critics.values', 'criticsTarget'])
        t.strictSame(after[name]!.data, before[name]!.data, name)
      one.dispose()
    })

    t.test('it has no noise in its parameters to add to a policy', async (t) => {
      const run = join(t.testdir(), 'run')
      await startRun({ task: 'Pendulum-v1', algorithm: algorithm.name, run, steps: 1, ...oneThread, settings: quick })
      using opened = await openRun(run, oneThread)
      t.match(await rejection(opened.policy('best', { noise: true })), {
        code: 'ERR_ARGUMENT',
        message: `policy: ${algorithm.name} adds no noise to parameters: leave noise out.`,
      })
      using policy = await opened.policy()
      t.equal(policy.origin.noise, 0)
    })

    t.test(
      'rewards that the updates cannot compute with end a run, instead of being learned from in vain',
      async (t) => {
        for (const reward of [1e20, 1e30]) {
          const run = startRun({
            ...{ task: oneStep(reward), algorithm: algorithm.name, run: join(t.testdir(), String(reward)), steps: 100 },
            ...{ ...oneThread, settings: quick },
          })
          const error = await rejection(run)
          t.match(error, { code: 'ERR_NOT_FINITE', message: /Try smaller learning rates, or smaller rewards\.$/ })
        }
      },
    )

    t.test('what it cannot learn is refused', async (t) => {
      t.throws(() => session(algorithm, 'CartPole-v1', quick), {
        code: 'ERR_SETTING',
        message: /CartPole-v1 has 2 choices/,
      })
      t.throws(() => session(algorithm, 'Pendulum-v1', { ...quick, normalizeObservations: true }), {
        code: 'ERR_SETTING',
        message: /normalizeObservations: expected false/,
      })
      t.throws(() => session(algorithm, 'Humanoid-v5', { bufferSize: 1_000_000_000 }), {
        code: 'ERR_MEMORY',
        message: /Reduce bufferSize/,
      })
      const task = nativeTask(native, 'Pendulum-v1')
      const settings = settingsOf(algorithm, task.spec, quick)
      t.throws(() => new Session({ native, algorithm, task, settings, seed: 1, ...oneThread, strategy: fixed(3) }), {
        code: 'ERR_ARGUMENT',
        message: /takes no commands/,
      })
      for (const wrong of [{ discount: 1.1 }, { updateEvery: 0 }, { batchSize: 0 }, { polyak: -0.1 }, { critics: 0 }])
        t.throws(() => settingsOf(algorithm, task.spec, wrong), { code: 'ERR_SETTING' })
    })
  })

test('a round of updates is the same on any number of threads', async (t) => {
  for (const algorithm of all) {
    const task = nativeTask(native, 'Pendulum-v1')
    const settings = settingsOf(algorithm, task.spec, { ...quick, policyHidden: [40, 30], criticHidden: [40, 30] })
    const states = []
    for (const torchThreads of [1, 3]) {
      const one = new Session({ native, algorithm, task, settings, seed: 1, device: 'cpu', threads: 1, torchThreads })
      await one.iterate()
      states.push(one.learner.state())
      one.dispose()
    }
    t.strictSame(states[1], states[0], algorithm.name)
  }
})
