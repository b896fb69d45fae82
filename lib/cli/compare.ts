/** gogepo compare <study or runs…>: tables of what variants reached, and how probably one beats another. */
import { Command } from 'commander'
import { verdictKinds } from '../base/obedience.js'
import { finite, whole, word } from '../base/values.js'
import { count, fixed, short } from '../base/words.js'
import { compare, type Beats, type Comparison, type Overall, type Row } from '../study/compare.js'
import { recordsOf, type Score } from '../study/results.js'
import type { Estimate } from '../study/statistics.js'
import { examples } from './help.js'
import { jsonOption, outputs, ValuedOption } from './options.js'
import { table } from './table.js'

interface CompareFlags {
  score: Score
  threshold?: number
  seed: number
  json?: boolean
}

export function compareCommand(): Command {
  return new Command('compare')
    .description(
      'Compare the variants of a study, or runs with different settings: means, interquartile means and 95% bootstrap intervals over seeds, steps to a threshold, and the probability that one beats another.',
    )
    .argument('<folders...>', 'folders of studies and runs, or folders that contain runs')
    .addOption(
      new ValuedOption(
        '--score <score>',
        'what counts as the score of a run: its last evaluation (final), or the mean of its learning curve (area)',
        word('final', 'area'),
      ).default('final'),
    )
    .addOption(
      new ValuedOption(
        '--threshold <return>',
        'report the steps until an evaluation reaches this',
        finite,
        'the study’s',
      ),
    )
    .addOption(new ValuedOption('--seed <n>', 'the seed of the bootstrap', whole(0)).default(1))
    .addOption(jsonOption())
    .addHelpText('after', examples('gogepo compare runs/quick', 'gogepo compare runs/Swimmer-v5-* --threshold 300'))
    .action((folders: string[], { score, threshold, seed, json }: CompareFlags) => {
      const comparison = compare(recordsOf(folders, threshold), { score, seed })
      outputs(json).result(comparison, comparisonTables(comparison))
    })
}

/** For people. */
export function comparisonTables(comparison: Comparison): string {
  const { rows, overall, beats, notes } = comparison
  if (rows.length === 0) return 'None of these runs has an evaluation yet.'
  return [
    scoreTable(comparison),
    ...(rows.some(({ threshold }) => threshold !== null) ? [thresholdTable(rows)] : []),
    ...(rows.some(({ obedience }) => obedience !== null) ? [obedienceTable(rows)] : []),
    ...(overall.length > 0 ? [overallTable(overall)] : []),
    ...(beats.length > 0 ? [beatsTable(beats)] : []),
    ...(notes.length > 0 ? [notes.join('\n')] : []),
  ].join('\n\n')
}

const estimate = ({ value, low, high }: Estimate, show: (x: number) => string = short): string =>
  low === null || high === null ? show(value) : `${show(value)} [${show(low)}, ${show(high)}]`

const scoreTable = ({ rows, score }: Comparison): string =>
  table(
    [
      'task',
      'variant',
      'seeds',
      `${score === 'final' ? 'last evaluation' : 'mean over training'}: mean`,
      'median',
      'IQM',
      score === 'final' ? 'mean over training' : 'last evaluation',
    ],
    rows.map((row) => {
      const [main, other] = score === 'final' ? [row.final, row.area] : [row.area, row.final]
      return [
        row.task,
        row.variant,
        String(row.seeds.length),
        estimate(main.mean),
        short(main.median.value),
        estimate(main.iqm),
        estimate(other.mean),
      ]
    }),
  )

function thresholdTable(rows: readonly Row[]): string {
  const steps = (n: number | null): string => (n === null ? 'never' : count(n))
  return table(
    ['task', 'variant', 'return', 'reached by', 'median steps'],
    rows.flatMap(({ task, variant, threshold }) => {
      if (threshold === null) return []
      const { value, low, high } = threshold.medianSteps
      const interval = low === high ? '' : ` [${steps(low)}, ${steps(high)}]`
      return [
        [
          task,
          variant,
          short(threshold.return),
          `${threshold.reached} of ${threshold.runs}`,
          `${steps(value)}${interval}`,
        ],
      ]
    }),
  )
}

function obedienceTable(rows: readonly Row[]): string {
  const percent = ({ value, low, high }: Estimate): string =>
    `${estimate({ value: 100 * value, low: low && 100 * low, high: high && 100 * high }, (x) => fixed(x, 1))}%`
  return table(
    ['task', 'variant', 'swept', 'error in following commands', 'noise alone', 'slope', 'rank', 'verdicts'],
    rows.flatMap(({ task, variant, obedience: o }) => {
      if (o === null) return []
      const verdicts = verdictKinds.flatMap((kind) => {
        const n = o.kinds.filter((one) => one === kind).length
        return n === 0 ? [] : [`${n} ${kind}`]
      })
      return [
        [
          task,
          variant,
          String(o.seeds.length),
          percent(o.error.mean),
          percent(o.noiseFloor.mean),
          estimate(o.slope.mean, (x) => fixed(x, 2)),
          estimate(o.rank.mean, (x) => fixed(x, 2)),
          verdicts.join(', '),
        ],
      ]
    }),
  )
}

const overallTable = (overall: readonly Overall[]): string =>
  table(
    ['over all tasks, normalized', 'mean', 'median', 'IQM', 'optimality gap'],
    overall.map((o) => [o.variant, estimate(o.mean), estimate(o.median), estimate(o.iqm), estimate(o.optimalityGap)]),
  )

const beatsTable = (beats: readonly Beats[]): string =>
  table(
    ['task', 'a run of', 'scores higher than one of', 'with probability'],
    beats.map(({ task, better, than, probability }) => [
      task ?? 'all tasks',
      better,
      than,
      estimate(probability, (x) => fixed(x, 2)),
    ]),
  )
