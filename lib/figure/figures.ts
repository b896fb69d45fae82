/** The figures by name: each takes studies or runs, and becomes a specification that `draw.ts` draws. */
import { GogepoError } from '../base/errors.js'
import { plural } from '../base/words.js'
import type { Compute } from '../run/compute.js'
import { fingerprintsOf, hasFingerprints } from '../run/fingerprints.js'
import { RunFolder } from '../run/folder.js'
import { openRun, type Sweep } from '../run/opened-run.js'
import { compare } from '../study/compare.js'
import { recordsOf, type Records, type RunRecord } from '../study/results.js'
import {
  ablationChart,
  achievedChart,
  curvesChart,
  followingChart,
  policiesChart,
  type AchievedPoint,
  type CurvePoint,
  type FollowedPoint,
  type PolicyPoint,
} from './charts.js'
import { principalComponents } from './components.js'
import { svgOf, type Figure } from './draw.js'
import type { Theme } from './theme.js'

/** What to draw. */
export interface FigureOptions {
  theme: Theme
  /** Where to compute what a figure needs. */
  compute: Compute
  /** The only task to draw, and the only variant. */
  task?: string | undefined
  variant?: string | undefined
}

/** A figure and its data. */
export interface Drawn {
  figure: Figure
  values: readonly object[]
}

interface Kind {
  help: string
  /** What it draws. */
  needs: string
  draw(records: Records, options: FigureOptions): Drawn | Promise<Drawn>
}

const evaluatedRuns = 'runs with at least one evaluation'
const commandedRuns = `${evaluatedRuns}, of an algorithm that takes commands, such as gogepo`

/** As `gogepo figure` takes them. */
export const figures: Readonly<Record<string, Kind>> = {
  curves: {
    help: 'learning curves with 95% intervals over seeds, every variant (paper, Figure 3)',
    needs: evaluatedRuns,
    draw: (records) => curves(records),
  },
  policies: {
    help: 'what policies do, by principal components of their probing actions: stored ones, and generated ones at each checkpoint (paper, Figure 4)',
    needs: `${evaluatedRuns}, of gogepo with criticKind=fingerprint`,
    draw: policies,
  },
  achieved: {
    help: 'achieved against commanded return, with the identity, the spread and the critic’s prediction, up to five runs (paper, Figure 5)',
    needs: commandedRuns,
    draw: achieved,
  },
  ablation: {
    help: 'the last evaluation of every run and the interquartile mean of each variant',
    needs: evaluatedRuns,
    draw: ablation,
  },
  following: {
    help: 'how well commands are followed over training: evaluations and what was commanded',
    needs: commandedRuns,
    draw: following,
  },
}

/**
 * @param paths folders of studies and runs
 * @throws GogepoError ERR_ARGUMENT when there is nothing to draw; ERR_RUN, ERR_CHECKPOINT and what opening a run throws
 */
export async function drawFigure(name: string, paths: readonly string[], options: FigureOptions): Promise<Drawn> {
  const records = only(recordsOf(paths), options)
  const { figure, values } = await figures[name]!.draw(records, options)
  if (values.length === 0)
    throw new GogepoError(
      'ERR_ARGUMENT',
      `figure ${name}: ${paths.join(', ')} ${paths.length === 1 ? 'has' : 'have'} nothing to draw: expected ${figures[name]!.needs}.`,
    )
  return { figure, values }
}

/** The records of one task or one variant. @throws GogepoError ERR_ARGUMENT */
function only(records: Records, { task, variant }: FigureOptions): Records {
  const known = { task: records.tasks.map(({ name }) => name), variant: records.variants }
  for (const [what, value] of [
    ['task', task],
    ['variant', variant],
  ] as const)
    if (value !== undefined && !known[what].includes(value))
      throw new GogepoError(
        'ERR_ARGUMENT',
        `There is no ${what} ${value} among these runs. The ${what}s are: ${known[what].join(', ')}.`,
      )
  return {
    ...records,
    tasks: records.tasks.filter(({ name }) => task === undefined || name === task),
    variants: records.variants.filter((name) => variant === undefined || name === variant),
    runs: records.runs.filter(
      (run) => (task === undefined || run.task === task) && (variant === undefined || run.variant === variant),
    ),
  }
}

const evaluated = ({ runs }: Records): RunRecord[] => runs.filter(({ evaluations }) => evaluations.length > 0)

/** A single run per variant is drawn as it is: every evaluation. */
function curves(records: Records): Drawn {
  const { curves: all } = compare(records, { repetitions: 1 })
  const single = evaluated(records).every(
    (run) => evaluated(records).filter((one) => one.task === run.task && one.variant === run.variant).length === 1,
  )
  const values: CurvePoint[] = single
    ? evaluated(records).flatMap(({ task, variant, evaluations }) =>
        evaluations.map(({ steps, mean }) => ({ task, variant, steps, value: mean, low: null, high: null })),
      )
    : all.flatMap(({ task, variant, steps, iqm, low, high }) =>
        steps.map((at, i) => ({ task, variant, steps: at, value: iqm[i]!, low: low[i]!, high: high[i]! })),
      )
  const yTitle = single ? 'mean return of an evaluation' : 'return: IQM over seeds'
  return { values, figure: curvesChart(values, { y: yTitle }, describeAll('Learning curves', evaluated(records))) }
}

function ablation(records: Records): Drawn {
  const rows = compare(records).rows.map(({ task, variant, final }) => {
    const { value: iqm, low, high } = final.iqm
    return { task, variant, iqm, low, high, scores: final.scores }
  })
  return {
    values: rows,
    figure: ablationChart(rows, 'last evaluation', describeAll('Last evaluations', evaluated(records))),
  }
}

function following(records: Records): Drawn {
  const runs = chosen(records)
  const values: FollowedPoint[] = runs.flatMap((run) =>
    run.evaluations.flatMap(({ steps, command, achievedMean }) =>
      command === undefined
        ? []
        : [{ task: run.task, run: runName(records, run), steps, command, achieved: achievedMean }],
    ),
  )
  return {
    values,
    figure: followingChart(values, describeAll('Commanded and achieved returns over training', runs)),
  }
}

const mostRuns = 5 // in a panel, as in the paper

/** The first runs of each task that take commands. */
function chosen(records: Records): RunRecord[] {
  const commanded = evaluated(records).filter(({ evaluations }) => evaluations[0]!.command !== undefined)
  return records.tasks.flatMap(({ name }) => commanded.filter(({ task }) => task === name).slice(0, mostRuns))
}

const runName = ({ variants }: Records, { variant, seed }: RunRecord): string =>
  variants.length > 1 ? `${variant}, seed ${seed}` : `seed ${seed}`

/** The figure of one sweep. */
export const sweepFigure = (sweep: Sweep, theme: Theme): Figure =>
  achievedChart(achievedPoints(sweep, sweep.task, ''), theme, `${sweep.task} ${sweep.verdict}`, sweep.verdict)

/** Achieved against commanded returns of a sweep, with the identity, the spread and the critic’s prediction, as an SVG document. */
export const sweepSvg = (sweep: Sweep): Promise<string> => svgOf(sweepFigure(sweep, 'light'), 'light')

const achievedPoints = ({ rows }: Sweep, task: string, run: string): AchievedPoint[] =>
  rows.map(({ command, achievedMean, achievedStd, predicted }) => ({
    ...{ task, run, command, predicted: predicted ?? null },
    ...{ achieved: achievedMean, std: achievedStd },
  }))

async function achieved(records: Records, options: FigureOptions): Promise<Drawn> {
  const { theme, compute } = options
  const values: AchievedPoint[] = []
  const runs = chosen(records)
  for (const run of runs) {
    values.push(...achievedPoints(run.sweep ?? (await sweepOf(run.run, compute)), run.task, runName(records, run)))
  }
  const figure = achievedChart(values, theme, describeAll('Achieved against commanded returns', runs))
  return { values, figure }
}

async function sweepOf(run: string, compute: Compute): Promise<Sweep> {
  using opened = await openRun(run, compute)
  return await opened.sweep()
}

/** The first run of each task that has fingerprints. */
async function policies(records: Records, options: FigureOptions): Promise<Drawn> {
  const { theme, compute } = options
  const values: PolicyPoint[] = []
  const explained: Record<string, readonly number[]> = {}
  const runs = records.tasks.flatMap(
    ({ name }) =>
      evaluated(records).find((run) => run.task === name && hasFingerprints(RunFolder.open(run.run).config)) ?? [],
  )
  for (const { run, task } of runs) {
    const { stored, chains } = await fingerprintsOf(run, compute)
    const all = [...stored, ...chains.flatMap((chain) => chain.policies)]
    const found = principalComponents(all.map(({ fingerprint }) => fingerprint))
    explained[task] = found.explained
    const stages = [...stored.map(() => undefined), ...chains.flatMap((c) => c.policies.map(() => c.steps))]
    for (const [i, [x, y]] of found.points.entries()) {
      const steps = stages[i]
      values.push({
        task,
        ...(steps !== undefined && { stage: `${steps.toLocaleString('en-US')} steps` }),
        x,
        y,
        return: all[i]!.return,
        order: i,
      })
    }
  }
  return { values, figure: policiesChart(values, explained, theme, describeAll('Policies by what they do', runs)) }
}

/** What is drawn, for people who cannot see it: not all records need be. */
function describeAll(what: string, runs: readonly RunRecord[]): string {
  const names = (field: 'variant' | 'task'): string => [...new Set(runs.map((run) => run[field]))].join(', ')
  return `${what}: ${plural(runs.length, 'run')} of ${names('variant')} on ${names('task')}.`
}
