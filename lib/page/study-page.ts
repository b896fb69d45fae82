/** The report of a study. */
import { count, formatDuration, short } from '../base/words.js'
import { ablationChart, curvesChart, type CurvePoint } from '../figure/charts.js'
import { compare, type Comparison } from '../study/compare.js'
import type { StudyFolder } from '../study/folder.js'
import { scoreOf, studyRecords, type Records } from '../study/results.js'
import type { Estimate } from '../study/statistics.js'
import { cards, escaped, figureOf, folded, pageOf, tableOf, type Html, type Section } from './html.js'

/** @throws GogepoError ERR_FILE, ERR_CHECKPOINT */
export async function studyPage(folder: StudyFolder): Promise<Html> {
  const { plan, path } = folder
  const records = studyRecords(folder)
  const comparison = compare(records)
  const finished = records.runs.filter(({ state }) => state === 'finished').length
  const cpu = records.runs.reduce((sum, { cpuSeconds }) => sum + (cpuSeconds ?? 0), 0)
  const summary = cards([
    ['runs finished', `${finished} of ${records.runs.length}`],
    ['tasks', String(plan.tasks.length)],
    ['variants', String(plan.variants.length)],
    ['seeds', String(plan.seeds.length)],
    ['CPU time', formatDuration(cpu)],
  ])
  const notes = comparison.notes.map((note) => `<p>${escaped(note)}</p>`).join('\n')
  const measured: Section[] =
    comparison.rows.length === 0
      ? []
      : [
          await curvesSection(comparison),
          await scoresSection(comparison, notes),
          beatsSection(comparison),
          ...(comparison.rows.some(({ obedience }) => obedience !== null)
            ? [followingSection(records, comparison)]
            : []),
        ]
  const sections = [{ title: 'Summary', content: summary }, ...measured, variantsSection(folder), runsSection(records)]
  return pageOf(`Study: ${plan.name}`, `${plan.description} Folder ${path}.`.trim(), sections)
}

async function curvesSection({ curves }: Comparison): Promise<Section> {
  const values = curves.flatMap(({ task, variant, steps, iqm, low, high }) =>
    steps.map((at, i): CurvePoint => ({ task, variant, steps: at, value: iqm[i]!, low: low[i]!, high: high[i]! })),
  )
  const numbers = folded(
    'The numbers',
    tableOf(
      'Learning curves',
      ['task', 'variant', 'steps', 'IQM', 'low', 'high'],
      values.map((v) => [
        v.task,
        v.variant,
        v.steps,
        ...[v.value, v.low, v.high].map((x) => (x === null ? null : Number(x.toPrecision(6)))),
      ]),
    ),
  )
  const describe = `Learning curves of ${[...new Set(curves.map(({ variant }) => variant))].join(', ')}.`
  const caption = 'Interquartile mean over seeds of the latest evaluation, with 95% bootstrap intervals.'
  const chart = curvesChart(values, { y: 'return: IQM over seeds' }, describe)
  return { title: 'Learning curves', content: await figureOf(caption, chart, numbers) }
}

const show = ({ value, low, high }: Estimate): string =>
  low === null || high === null ? short(value) : `${short(value)} [${short(low)}, ${short(high)}]`

async function scoresSection({ rows, overall }: Comparison, notes: Html): Promise<Section> {
  const table = tableOf(
    'Last evaluations',
    [
      'task',
      'variant',
      'seeds',
      'mean',
      'median',
      'IQM',
      'mean over training',
      'threshold',
      'reached by',
      'median steps',
    ],
    rows.map(({ task, variant, seeds, final, area, threshold: t }) => [
      task,
      variant,
      seeds.length,
      show(final.mean),
      Number(short(final.median.value)),
      show(final.iqm),
      show(area.mean),
      t?.return ?? null,
      t === null ? null : `${t.reached} of ${t.runs}`,
      t === null ? null : t.medianSteps.value === null ? 'never' : count(t.medianSteps.value),
    ]),
  )
  const together =
    overall.length === 0
      ? ''
      : tableOf(
          'Over all tasks, scaled to each task’s range of returns',
          ['variant', 'mean', 'median', 'IQM', 'optimality gap'],
          overall.map((o) => [o.variant, show(o.mean), show(o.median), show(o.iqm), show(o.optimalityGap)]),
        )
  const points = rows.map(({ task, variant, final }) => {
    const { value: iqm, low, high } = final.iqm
    return { task, variant, iqm, low, high, scores: final.scores }
  })
  const chart = ablationChart(points, 'last evaluation', `Last evaluations of ${points.length} variants and tasks.`)
  return {
    title: 'Scores',
    content: `${await figureOf('Every run, and the interquartile mean with its interval.', chart, table)}\n${together}\n${notes}`,
  }
}

const beatsSection = ({ beats }: Comparison): Section => ({
  title: 'Probability of improvement',
  content:
    beats.length === 0
      ? '<p>There is a single variant.</p>'
      : tableOf(
          'How probably a run of the one scores higher than a run of the other',
          ['task', 'one', 'other', 'probability'],
          beats.map(({ task, better, than, probability }) => [task ?? 'all tasks', better, than, show(probability)]),
        ),
})

function followingSection({ runs }: Records, { rows }: Comparison): Section {
  const means = tableOf(
    'Means over the runs that were swept, with 95% bootstrap intervals',
    ['task', 'variant', 'swept', 'RMS error, share of the range', 'noise alone', 'slope', 'rank correlation'],
    rows.flatMap(({ task, variant, obedience: o }) =>
      o === null
        ? []
        : [[task, variant, o.seeds.length, ...[o.error, o.noiseFloor, o.slope, o.rank].map(({ mean }) => show(mean))]],
    ),
  )
  const each = tableOf(
    'Every sweep',
    ['run', 'error', 'slope', 'rank correlation', 'verdict'],
    runs.flatMap(({ run, sweep }) =>
      sweep === null
        ? []
        : [[run, ...[sweep.error, sweep.slope, sweep.rank].map((x) => Number(x.toPrecision(3))), sweep.verdict]],
    ),
  )
  return { title: 'Following commands', content: `${means}\n${folded('Every run', each)}` }
}

const variantsSection = ({ plan }: StudyFolder): Section => ({
  title: 'Variants',
  content: tableOf(
    'What is compared',
    ['variant', 'algorithm', 'preset', 'settings that override it'],
    plan.variants.map((v) => [
      v.name,
      v.algorithm,
      v.preset,
      Object.entries(v.settings)
        .map(([k, x]) => `${k}=${String(x)}`)
        .join(', ') || '–',
    ]),
  ),
})

const runsSection = ({ runs }: Records): Section => ({
  title: 'Runs',
  content: tableOf(
    'Every run',
    ['run', 'state', 'steps', 'episodes', 'last evaluation', 'mean over training', 'training time', 'CPU time'],
    runs.map((run) => [
      run.run,
      run.state,
      run.steps,
      run.episodes,
      ...(['final', 'area'] as const).map((score) => {
        const value = scoreOf(run, score)
        return Number.isNaN(value) ? null : Number(value.toPrecision(6))
      }),
      formatDuration(run.seconds),
      run.cpuSeconds === null ? null : formatDuration(run.cpuSeconds),
    ]),
  ),
})
