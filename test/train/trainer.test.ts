// When a run evaluates, and what its events say.
import { join } from 'node:path'
import { test } from 'tap'
import { fixed } from '../../lib/algorithms/commands.js'
import { startRun } from '../../lib/run/start.js'
import { events, oneThread, small, startSmall } from '../small.js'

test('evaluations follow the first episode past a multiple of evaluateEvery, never the very first', async (t) => {
  const { run } = await startSmall({
    task: 'MountainCarContinuous-v0',
    steps: 2500,
    run: join(t.testdir(), 'run'),
    settings: { evaluateEvery: 500 },
  })
  const iteration = ['episode', 'iteration']
  t.strictSame(
    events(run).map(({ type }) => type),
    [...iteration, ...iteration, 'evaluation', ...iteration, 'evaluation'],
  )
})

test('a run ends with an evaluation, whatever the schedule', async (t) => {
  const dir = t.testdir()
  for (const algorithm of ['gogepo', 'ars']) {
    const run = join(dir, algorithm)
    const settings = { evaluateEvery: 1_000_000, evaluationEpisodes: 3 }
    const options = { ...oneThread, algorithm, task: 'InvertedPendulum-v5', steps: 200, run }
    const { steps, lastEvaluation } = await startRun({
      ...options,
      settings: algorithm === 'gogepo' ? { ...small, ...settings } : settings,
    })
    const evaluations = events(run).filter(({ type }) => type === 'evaluation')
    t.equal(evaluations.length, 1)
    t.match(evaluations[0], { steps, mean: lastEvaluation!.mean, returns: { length: 3 } })
    t.equal(events(run).at(-1)!['type'], 'evaluation')
  }
})

test('a run that is stopped has no such evaluation', async (t) => {
  const controller = new AbortController()
  const run = join(t.testdir(), 'run')
  await startSmall({
    task: 'InvertedPendulum-v5',
    steps: 1_000_000,
    run,
    settings: { evaluateEvery: 1_000_000 },
    signal: controller.signal,
    onEvent: ({ type }) => type === 'iteration' && controller.abort(),
  })
  t.strictSame(
    events(run).map(({ type }) => type),
    ['episode', 'iteration'],
  )
})

test('stopAt ends a run at the first evaluation that reaches it', async (t) => {
  const run = join(t.testdir(), 'run')
  const options = { task: 'InvertedPendulum-v5', steps: 1_000_000, run, settings: { evaluateEvery: 100 } }
  const { steps, lastEvaluation } = await startSmall({ ...options, stopAt: -1 })
  t.equal(lastEvaluation!.steps, steps)
  t.equal(events(run).filter(({ type }) => type === 'evaluation').length, 1)
})

test('events of gogepo, field by field', async (t) => {
  const strategy = fixed(2)
  const { run, ...result } = await startSmall({
    task: 'Hopper-v5',
    steps: 400,
    run: join(t.testdir(), 'run'),
    settings: { evaluateEvery: 100, policiesPerIteration: 2 },
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
      'seconds',
    ])
    t.match(e, { steps, episode: i + 1, command: 2, best })
    t.ok((e['fullReturn'] as number) > (e['return'] as number), 'Hopper pays a survival bonus')
  }
  t.ok(
    steps >= 400 && steps - (episodes.at(-1)!['length'] as number) - (episodes.at(-2)!['length'] as number) < 400,
    'the last iteration is the one that passes the budget',
  )
  t.match(result, { steps, episodes: episodes.length, best })

  const iterations = all.filter(({ type }) => type === 'iteration')
  t.equal(2 * iterations.length, episodes.length)
  for (const [i, e] of iterations.entries()) {
    t.strictSame(Object.keys(e), ['type', 'steps', 'iteration', 'metrics', 'seconds'])
    t.match(e, {
      iteration: i + 1,
      steps: episodes[2 * i + 1]!['steps'],
      metrics: { criticLoss: Number, generatorLoss: Number },
    })
  }
  const order = all.map(({ type }) => type).filter((type) => type !== 'evaluation')
  t.strictSame(
    order,
    iterations.flatMap(() => ['episode', 'episode', 'iteration']),
  )

  const evaluations = all.filter(({ type }) => type === 'evaluation')
  t.ok(evaluations.length >= 2)
  for (const e of evaluations) {
    t.strictSame(
      Object.keys(e).filter((key) => key !== 'seconds'),
      ['type', 'steps', 'episode', 'command', 'predicted', 'returns', 'mean', 'std', 'achievedMean', 'achievedStd'],
    )
    const [mean, returns] = [e['mean'] as number, e['returns'] as number[]]
    t.equal(returns.length, small.evaluationEpisodes)
    t.ok(Math.abs(mean - (returns[0]! + returns[1]!) / 2) < 1e-9)
    t.ok((e['achievedMean'] as number) < mean, 'what is achieved is without the bonus')
    t.equal(e['command'], episodes[(e['episode'] as number) - 1]!['best'], 'it commands the best so far')
  }
  t.match(result.lastEvaluation, { mean: evaluations.at(-1)!['mean'], command: evaluations.at(-1)!['command'] })
})

test('events of ars have no command and no prediction', async (t) => {
  const run = join(t.testdir(), 'run')
  const settings = { directions: 3, evaluateEvery: 60, evaluationEpisodes: 2 }
  const { lastEvaluation } = await startRun({
    ...{ ...oneThread, algorithm: 'ars', task: 'InvertedPendulum-v5', steps: 200, run, settings },
  })
  const all = events(run)
  const keys = (type: string) => [...new Set(all.filter((e) => e['type'] === type).map((e) => Object.keys(e).join()))]
  t.strictSame(keys('episode'), ['type,steps,episode,return,fullReturn,length,best,seconds'])
  t.strictSame(keys('evaluation'), ['type,steps,episode,returns,mean,std,achievedMean,achievedStd,seconds'])
  for (const { metrics } of all.filter(({ type }) => type === 'iteration'))
    t.match(metrics, { returnMean: Number, returnStd: Number, stepNorm: Number })
  t.equal(all.filter(({ type }) => type === 'episode').length % 6, 0)
  t.match(lastEvaluation, { command: null })
})
