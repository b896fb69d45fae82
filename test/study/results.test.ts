// Records of studies and of runs given together: each run counts once, and nothing hides that two are the same.
import { cpSync, rmSync } from 'node:fs'
import { join, relative } from 'node:path'
import { test } from 'tap'
import { startRun } from '../../lib/run/start.js'
import { compare } from '../../lib/study/compare.js'
import { StudyFolder } from '../../lib/study/folder.js'
import { planStudy } from '../../lib/study/plan.js'
import { recordsOf } from '../../lib/study/results.js'
import { oneThread } from '../small.js'

const settings = { evaluateEvery: 200, evaluationEpisodes: 1 }
const brief = { task: 'CartPole-v1', algorithm: 'ars', settings, steps: 400, ...oneThread }

test('a run that is given twice counts once, in its study', async (t) => {
  const folder = t.testdir()
  const path = join(folder, 'one')
  const study = {
    name: 'twins',
    tasks: ['CartPole-v1'],
    variants: { ars: { algorithm: 'ars', settings } },
    seeds: [1, 2],
    steps: 400,
  }
  const twins = StudyFolder.for(path, await planStudy(study, join(folder, 'twins.json')))
  twins.claim()
  twins.close()
  const runs = [1, 2].map((seed) => join(path, 'CartPole-v1-ars', `s${seed}`))
  for (const [i, run] of runs.entries()) await startRun({ ...brief, seed: i + 1, run })

  const seeds = (...paths: string[]): number[][] => compare(recordsOf(paths)).rows.map((row) => row.seeds)
  t.strictSame(seeds(path, `${path}/`, relative(process.cwd(), path)), [[1, 2]])
  t.strictSame(seeds(runs[0]!, path, runs[1]!), [[1, 2]])
  t.strictSame(seeds(runs[0]!, join(path, 'CartPole-v1-ars'), runs[1]!), [[1, 2]])

  const copy = join(folder, 'two')
  cpSync(path, copy, { recursive: true })
  const records = recordsOf([path, copy])
  t.strictSame(records.variants, [`${path}: ars`, `${copy}: ars`], 'studies of one name are named by their folders')
  t.strictSame(seeds(path, copy), [
    [1, 2],
    [1, 2],
  ])
})

test('several runs of a seed are named as what they are', async (t) => {
  const folder = t.testdir()
  for (const [name, seed] of [
    ['a', 7],
    ['b', 7],
    ['c', 8],
  ] as const)
    await startRun({ ...brief, seed, run: join(folder, name) })
  const { notes } = compare(recordsOf([folder]))
  t.ok(
    notes.includes(
      'ars v2 on CartPole-v1 has several runs of seed 7. They are not independent, so its intervals are too narrow.',
    ),
    notes.join('\n'),
  )
  t.notMatch(compare(recordsOf([join(folder, 'a'), join(folder, 'c')])).notes.join('\n'), /several runs/)
})

test('runs with different budgets are named, and a curve ends where one of them is no longer known', async (t) => {
  const folder = t.testdir()
  for (const [seed, steps] of [
    [1, 2000],
    [2, 6000],
  ] as const)
    await startRun({ ...brief, seed, steps, run: join(folder, `s${seed}`) })
  const { notes, curves } = compare(recordsOf([folder]))
  t.match(notes.join('\n'), /budgets of the runs on CartPole-v1 differ: from 2,000 to 6,000 steps/)
  t.equal(curves[0]!.steps.at(-1), 2000)
  t.notMatch(compare(recordsOf([join(folder, 's1')])).notes.join('\n'), /budgets/)
})

test('what chance does is said of the variants that are compared, with their numbers of runs', async (t) => {
  const folder = t.testdir()
  const notesOf = (): string => compare(recordsOf([folder])).notes.join('\n')
  for (const seed of [1, 2]) await startRun({ ...brief, seed, run: join(folder, `a${seed}`) })
  await startRun({ ...brief, seed: 1, task: 'Pendulum-v1', run: join(folder, 'elsewhere') })
  t.notMatch(notesOf(), /chance/, 'a single variant on two tasks')
  const other = { ...settings, directions: 2, topDirections: 2 }
  for (const seed of [1, 2]) await startRun({ ...brief, seed, settings: other, run: join(folder, `b${seed}`) })
  t.match(
    notesOf(),
    'Even if both runs of one variant beat both runs of another, chance alone does that in 1 of 6 cases.',
  )
  await startRun({ ...brief, seed: 3, settings: other, run: join(folder, 'b3') })
  t.match(
    notesOf(),
    'Even if both runs of one variant beat all 3 runs of another, chance alone does that in 1 of 10 cases.',
  )
})

test('tasks of one name with other options are not mixed', async (t) => {
  const folder = t.testdir()
  const planned = async (name: string, options: Record<string, number>): Promise<string> => {
    const tasks = [{ id: 'Swimmer-v5', options }]
    const study = { name, tasks, variants: { ars: { algorithm: 'ars', settings } }, seeds: [1], steps: 400 }
    const place = StudyFolder.for(join(folder, name), await planStudy(study, join(folder, `${name}.json`)))
    place.claim()
    place.close()
    return place.path
  }
  const [usual, same, free] = [
    await planned('usual', {}),
    await planned('same', {}),
    await planned('free', { ctrl_cost_weight: 0 }),
  ]
  const tasksOf = (...paths: string[]): string[] => recordsOf(paths).tasks.map(({ name }) => name)
  t.strictSame(tasksOf(usual, same), ['Swimmer-v5'])
  t.strictSame(tasksOf(usual, free), ['usual: Swimmer-v5', 'free: Swimmer-v5'])
  t.strictSame(
    recordsOf([usual, free]).runs.map(({ task }) => task),
    ['usual: Swimmer-v5', 'free: Swimmer-v5'],
  )
})

test('a run whose checkpoints are lost still has its evaluations', async (t) => {
  const run = join(t.testdir(), 'run')
  await startRun({ ...brief, seed: 1, run })
  const [whole] = compare(recordsOf([run]), { score: 'area' }).rows
  rmSync(join(run, 'checkpoints'), { recursive: true })
  const { rows, curves } = compare(recordsOf([run], 1e9), { score: 'area' })
  t.equal(rows[0]!.area.mean.value, whole!.area.mean.value)
  t.ok(curves[0]!.steps.length > 0, 'its curve has points')
})
