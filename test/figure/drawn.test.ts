// Figures of runs: which runs they draw, and that what they draw is in the units that they name.
import { join } from 'node:path'
import { test } from 'tap'
import { drawFigure } from '../../lib/figure/figures.js'
import { startRun } from '../../lib/run/start.js'
import { events, oneThread, rejection, small, startSmall } from '../small.js'

const options = { theme: 'light', compute: oneThread } as const
const brief = { seed: 1, steps: 2000, ...oneThread }

test('policies are colored by the returns of their episodes, whatever units the networks see', async (t) => {
  const run = join(t.testdir(), 'run')
  await startSmall({ ...brief, task: 'Pendulum-v1', preset: 'default', settings: { bufferSize: 100 }, run })
  const { values } = await drawFigure('policies', [run], options)
  const stored = (values as { stage?: string; return: number }[]).filter(({ stage }) => stage === undefined)
  const returns = events(run).flatMap(({ type, return: value }) => (type === 'episode' ? [Number(value)] : []))
  t.equal(stored.length, returns.length)
  for (const [i, one] of stored.entries()) t.ok(Math.abs(one.return - returns[i]!) < 0.01, `episode ${i + 1}`)
})

test('achieved sweeps the runs that no study has swept', async (t) => {
  const run = join(t.testdir(), 'run')
  await startSmall({ ...brief, task: 'Pendulum-v1', run })
  const { values } = await drawFigure('achieved', [run], options)
  t.equal(values.length, 21)
  t.ok(values.every((one) => Number.isFinite((one as { achieved: number }).achieved)))
})

test('a figure draws the runs that it can, and describes those', async (t) => {
  const folder = t.testdir()
  const at = (name: string): string => join(folder, name)
  const pendulum = { ...brief, task: 'Pendulum-v1' }
  const settings = { evaluateEvery: 1000, evaluationEpisodes: 2 }
  await startRun({ ...pendulum, algorithm: 'ars', settings, run: at('ars') })
  const { policyHidden } = small
  await startRun({ ...pendulum, algorithm: 'udrl', settings: { ...settings, policyHidden }, run: at('a-udrl') })
  await startSmall({ ...pendulum, settings: { criticKind: 'parameters' }, run: at('b-parameters') })
  await startSmall({ ...pendulum, run: at('c-gogepo') })
  await startSmall({ ...brief, task: 'MountainCarContinuous-v0', run: at('d-car') })

  const { figure, values } = await drawFigure('policies', [folder], options)
  t.match(figure.description, /: 2 runs of .*criticKind=fingerprint.* on Pendulum-v1, MountainCarContinuous-v0\.$/)
  t.notMatch(figure.description, /udrl|ars/)
  t.ok(values.length > 0)
  const panels = (figure as unknown as { concat: object[] }).concat
  const shares = panels.map((panel) => /component 1 \(\d+%/.exec(JSON.stringify(panel))![0])
  t.not(shares[0], shares[1], 'each task has its own components')

  const following = await drawFigure('following', [folder], options)
  t.match(following.figure.description, /: 4 runs of /)
  t.notMatch(following.figure.description, /ars/)
  for (const name of ['following', 'achieved', 'policies'])
    t.match(await rejection(drawFigure(name, [at('ars')], options)), {
      message: /has nothing to draw: expected runs with at least one evaluation, of /,
    })
})
