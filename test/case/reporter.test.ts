// What every implementation of Reporter must do. A new one is one line of `implementations`.
import { PassThrough } from 'node:stream'
import { test } from 'tap'
import { JsonLinesReporter } from '../../lib/report/json-lines.js'
import type { Reporter, RunStart } from '../../lib/report/reporter.js'
import { SeedsTable } from '../../lib/report/seeds.js'
import { TerminalReporter } from '../../lib/report/terminal.js'
import { startRun } from '../../lib/run/start.js'
import type { TrainEvent } from '../../lib/train/events.js'
import { oneThread, small } from '../small.js'

/** A stream that records what is written to it, as a pipe or as a terminal of so many columns. */
function stream(columns?: number): { out: NodeJS.WriteStream; text: () => string } {
  const through = new PassThrough()
  let text = ''
  through.on('data', (piece: Buffer) => (text += piece.toString()))
  return { out: Object.assign(through, { isTTY: columns !== undefined, columns }) as never, text: () => text }
}

const implementations: Record<string, (out: NodeJS.WriteStream) => Reporter> = {
  terminal: (out) => new TerminalReporter(out),
  'terminal, verbose': (out) => new TerminalReporter(out, true),
  'table of seeds': (out) => new SeedsTable(out).reporter(),
  'JSON lines': (out) => new JsonLinesReporter(out),
}

const start: RunStart = {
  run: 'runs/mine',
  algorithm: 'gogepo',
  task: 'Hopper-v5',
  taskOptions: ['healthy_reward=2'],
  seed: 7,
  device: 'cpu',
  budget: 1000,
  steps: 0,
  settings: { bufferSize: 10 },
  fullBufferBytes: 1000,
  bufferPer: 'episode',
  maxEpisodeSteps: 100,
  secondsBy: () => ({ rollout: 1, critic: 0.5 }),
}

const episode = {
  type: 'episode',
  steps: 10,
  episode: 1,
  return: 1,
  fullReturn: 2,
  length: 10,
  best: 1,
  seconds: 0.1,
} as const
const evaluation = {
  type: 'evaluation',
  ...{ steps: 10, episode: 1, returns: [1, 3], mean: 2, std: 1, achievedMean: 1, achievedStd: 0.5 },
} as const
/** One of every kind, with and without what may be absent. */
const events: TrainEvent[] = [
  { ...episode, command: 20 },
  { type: 'iteration', steps: 10, iteration: 1, metrics: { criticLoss: 0.5, generatorLoss: null }, seconds: 0.1 },
  { ...evaluation, command: 3, predicted: -1e9 },
  { type: 'diverged', steps: 12, attempt: 2, seconds: 0.2 },
  { type: 'diverged', steps: 14, attempt: 3, reason: 'at step 2, the reward was NaN or infinite', seconds: 0.2 },
  { ...episode, episode: 2, steps: 22 },
  { type: 'iteration', steps: 22, iteration: 2, metrics: {}, seconds: 0.1 },
  { ...evaluation, returns: [] },
  { ...episode, command: -0, return: -1e30, best: 1e-30, steps: 2000, episode: 3 },
  { type: 'iteration', steps: 2000, iteration: 3, metrics: { returnStd: 0, a: null, b: -1e-300 }, seconds: 0.1 },
]

for (const [name, make] of Object.entries(implementations)) {
  test(`${name}: any events, in any order, on a pipe and on terminals`, async (t) => {
    for (const columns of [undefined, 1, 20, 80, 300])
      for (const order of [events, events.toReversed(), [...events, ...events], []])
        for (const run of [start, { ...start, steps: 500, fullBufferBytes: 0, settings: {}, taskOptions: [] }]) {
          const { out, text } = stream(columns)
          const reporter = make(out)
          reporter.start(run)
          for (const event of order) reporter.event(event)
          await reporter.end('finished')
          t.match(text(), 'runs/mine', 'where it is')
          t.notMatch(text(), /NaN(?! or)|undefined|\[object/)
          if (columns === undefined)
            t.notMatch(text(), /[\u0000-\u0009\u000b-\u001f\u007f]/, 'no control characters in a pipe')
        }
  })

  test(`${name}: a run that ends before anything happened, or that fails`, async (t) => {
    const { out, text } = stream()
    const reporter = make(out)
    reporter.start(start)
    await reporter.end('failed')
    t.ok(text().endsWith('\n'))
  })

  test(`${name}: what is reported during a run changes nothing`, async (t) => {
    const { out, text } = stream()
    const dir = t.testdir()
    const options = { ...oneThread, task: 'InvertedPendulum-v5', steps: 100, settings: small }
    const plain = await startRun({ ...options, run: `${dir}/plain` })
    const reported: string[] = []
    const reporter = make(out)
    const recorded: Reporter = {
      start: (run) => (reported.push('start'), reporter.start(run)),
      event: (event) => (reported.push(event.type), reporter.event(event)),
      end: (how) => (reported.push(`end, ${how}`), reporter.end(how)),
    }
    const { steps, best } = await startRun({ ...options, run: `${dir}/reported`, reporters: [recorded, reporter] })
    t.match(plain, { steps, best })
    t.strictSame([reported[0], reported.at(-1)], ['start', 'end, finished'])
    t.strictSame(new Set(reported.slice(1, -1)), new Set(['episode', 'iteration', 'evaluation']))
    t.match(text(), 'InvertedPendulum-v5')
  })
}

test('JSON lines are JSON, with the run in each', async (t) => {
  const { out, text } = stream()
  const reporter: Reporter = new JsonLinesReporter(out)
  reporter.start(start)
  for (const event of events) reporter.event(event)
  reporter.end('finished')
  const lines = text()
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as Record<string, unknown>)
  t.strictSame(
    lines.map(({ type }) => type),
    ['start', ...events.map(({ type }) => type), 'end'],
  )
  t.ok(lines.every(({ run }) => run === 'runs/mine'))
  t.match(lines[0], { task: 'Hopper-v5', seed: 7, budget: 1000, algorithm: 'gogepo', device: 'cpu' })
  const { run, ...first } = lines[1]!
  t.strictSame([run, first], ['runs/mine', JSON.parse(JSON.stringify(events[0]))])
})

test('a reporter that ends after a failure is reported so', async (t) => {
  const reported: string[] = []
  const reporter: Reporter = {
    start: () => void reported.push('start'),
    event: ({ type }) => void reported.push(type),
    end: (how) => void reported.push(how),
  }
  const failing = startRun({
    ...{ ...oneThread, task: 'InvertedPendulum-v5', steps: 1000, settings: small, run: `${t.testdir()}/run` },
    preset: 'paper', // one episode per iteration
    reporters: [reporter],
    onEvent: ({ type }) => {
      if (type === 'iteration') throw new Error('mine')
    },
  })
  await t.rejects(failing, { message: 'mine' })
  t.strictSame(reported, ['start', 'episode', 'failed'])
})

test('a line of a terminal is as wide as the terminal, and shows the metrics of the iteration', async (t) => {
  const { out, text } = stream(120)
  const reporter: Reporter = new TerminalReporter(out)
  reporter.start(start)
  for (const event of events.slice(0, 2)) reporter.event(event)
  reporter.end('finished')
  t.match(text(), /commanded 20.*achieved 1.*criticLoss 0\.5/)
  t.notMatch(text(), 'generatorLoss')
  const { out: pipe, text: piped } = stream()
  const other: Reporter = new TerminalReporter(pipe)
  other.start(start)
  for (const event of events.slice(4, 6)) other.event(event)
  other.end('finished')
  t.match(piped(), /achieved 1/)
  t.notMatch(piped(), 'commanded')
})
