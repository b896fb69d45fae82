/** The report of one run. */
import { tableOf as settingsTableOf } from '../algorithms/algorithm.js'
import { algorithms } from '../algorithms/registry.js'
import { count, formatDuration, short, showValue } from '../base/words.js'
import { showTaskOptions } from '../env/task-options.js'
import { achievedChart, curvesChart, followingChart, policiesChart, type CurvePoint } from '../figure/charts.js'
import { principalComponents } from '../figure/components.js'
import type { Compute } from '../run/compute.js'
import { lastVersions } from '../run/config.js'
import { readEvents } from '../run/events.js'
import { fingerprintsOf, hasFingerprints } from '../run/fingerprints.js'
import { RunFolder } from '../run/folder.js'
import { listedRun } from '../run/listing.js'
import { openRun, type Sweep } from '../run/opened-run.js'
import type { EpisodeEvent, EvaluationEvent, IterationEvent, TrainEvent } from '../train/events.js'
import { cards, figureOf, folded, pageOf, tableOf, type Html, type Section } from './html.js'

/** @throws GogepoError ERR_RUN, ERR_CHECKPOINT, and what opening the run throws */
export async function runPage(path: string, compute: Compute): Promise<Html> {
  const folder = RunFolder.open(path)
  const { config } = folder
  const events = readEvents(path)
  const listed = listedRun(path)
  const episodes = events.filter((event): event is EpisodeEvent => event.type === 'episode')
  const evaluations = events.filter((event): event is EvaluationEvent => event.type === 'evaluation')
  const iterations = events.filter((event): event is IterationEvent => event.type === 'iteration')
  const last = evaluations.at(-1)
  const summary = cards([
    ['state', listed.state],
    ['steps', `${count(listed.steps)} of ${count(config.steps)}`],
    ['episodes', count(episodes.length)],
    ['best stored return', listed.best === null ? '–' : short(listed.best)],
    ['last evaluation', last === undefined ? '–' : `${short(last.achievedMean)} ± ${short(last.achievedStd)}`],
    ...(last === undefined || last.mean === last.achievedMean
      ? []
      : [['its full reward', `${short(last.mean)} ± ${short(last.std)}`] as [string, string]]),
    ['training time', formatDuration(episodes.at(-1)?.seconds ?? 0)],
  ])
  const sections: Section[] = [{ title: 'Summary', content: summary }]
  if (evaluations.length > 0) sections.push(await evaluationSection(config.task, evaluations))
  if (episodes.length > 0) sections.push(await episodeSection(config.task, episodes))
  if (iterations.length > 0) sections.push(...(await metricSection(config.task, iterations)))
  if (evaluations[0]?.command !== undefined && folder.checkpoints.list().length > 0)
    sections.push(...(await commandSections(path, compute, hasFingerprints(config))))
  sections.push(settingsSection(folder), timeSection(folder, events), machineSection(folder))
  const options = showTaskOptions(config.taskOptions)
  return pageOf(
    `${config.algorithm} on ${config.task}, seed ${config.seed}`,
    `${[`preset ${config.preset}`, ...options].join(', ')}. Run ${path}, begun ${config.created.slice(0, 10)}.`,
    sections,
  )
}

async function evaluationSection(task: string, evaluations: readonly EvaluationEvent[]): Promise<Section> {
  const values = evaluations.map(({ steps, mean, std }): CurvePoint => ({
    task,
    variant: 'mean',
    steps,
    value: mean,
    low: mean - std,
    high: mean + std,
  }))
  const numbers = folded(
    'Every evaluation',
    tableOf(
      'Evaluations',
      ['steps', 'episode', 'commanded', 'predicted', 'achieved', 'std', 'full reward', 'std'],
      evaluations.map((e) => [
        e.steps,
        e.episode,
        e.command ?? null,
        e.predicted ?? null,
        e.achievedMean,
        e.achievedStd,
        e.mean,
        e.std,
      ]),
    ),
  )
  const last = evaluations.at(-1)!
  const curve = await figureOf(
    'Full reward of each evaluation: mean and standard deviation over its episodes.',
    curvesChart(
      values,
      { y: 'full reward' },
      `Learning curve with ${evaluations.length} evaluations; the last, at ${count(last.steps)} steps, has a mean of ${short(last.mean)}.`,
    ),
    numbers,
  )
  if (last.command === undefined) return { title: 'Learning curve', content: curve }
  const followed = evaluations.map(({ steps, command, achievedMean }) => ({
    task,
    run: 'this run',
    steps,
    command: command!,
    achieved: achievedMean,
  }))
  const following = await figureOf(
    'How well the best return so far is achieved when it is commanded, in stored units.',
    followingChart(followed, `Commanded and achieved returns of ${evaluations.length} evaluations.`),
    '',
  )
  return { title: 'Learning curve', content: `${curve}\n${following}` }
}

const mostBins = 250

/** Means, lowest and highest of neighbors: thousands of episodes make no readable picture. */
function binned<T>(all: readonly T[], most = mostBins): T[][] {
  const size = Math.max(1, Math.ceil(all.length / most))
  return Array.from({ length: Math.ceil(all.length / size) }, (_, i) => all.slice(i * size, (i + 1) * size))
}
const meanOf = (values: readonly number[]): number => values.reduce((sum, x) => sum + x, 0) / values.length

async function episodeSection(task: string, episodes: readonly EpisodeEvent[]): Promise<Section> {
  const bins = binned(episodes)
  const values = bins.flatMap((bin): CurvePoint[] => {
    const returns = bin.map((episode) => episode.return)
    const at = bin.at(-1)!.episode
    const commands = bin.flatMap(({ command }) => (command === undefined ? [] : [command]))
    const achieved = { low: Math.min(...returns), high: Math.max(...returns), value: meanOf(returns) }
    return [
      { task, variant: 'achieved', steps: at, ...achieved },
      ...(commands.length > 0
        ? [{ task, variant: 'commanded', steps: at, value: meanOf(commands), low: null, high: null }]
        : []),
    ]
  })
  const per = bins[0]!.length
  const caption = `Stored returns of ${count(episodes.length)} training episodes${per > 1 ? `: mean, lowest and highest of each ${per}` : ''}.`
  const rows = bins.map((bin) => [
    bin.at(-1)!.episode,
    bin.at(-1)!.steps,
    ...[
      meanOf(bin.map((e) => e.return)),
      meanOf(bin.map((e) => e.command ?? NaN)),
      meanOf(bin.map((e) => e.length)),
    ].map((x) => (Number.isNaN(x) ? null : Number(short(x)))),
  ])
  const numbers = folded(
    'The numbers',
    tableOf('Training episodes', ['episode', 'steps', 'return', 'command', 'length'], rows),
  )
  const axes = { y: 'stored return', x: 'episode' }
  return {
    title: 'Commands and returns',
    content: await figureOf(caption, curvesChart(values, axes, `Commanded and achieved returns. ${caption}`), numbers),
  }
}

async function metricSection(task: string, iterations: readonly IterationEvent[]): Promise<Section[]> {
  const names = [...new Set(iterations.flatMap(({ metrics }) => Object.keys(metrics)))]
  const figures: Html[] = []
  for (const name of names) {
    const values = binned(iterations).flatMap((bin): CurvePoint[] => {
      const known = bin.map(({ metrics }) => metrics[name] ?? null).filter((value) => value !== null)
      if (known.length === 0) return []
      return [{ task: name, variant: name, steps: bin.at(-1)!.steps, value: meanOf(known), low: null, high: null }]
    })
    if (values.length === 0) continue
    const log = values.every(({ value }) => value > 0)
    const numbers = folded(
      'The numbers',
      tableOf(
        name,
        ['steps', name],
        values.map(({ steps, value }) => [steps, Number(value.toPrecision(5))]),
      ),
    )
    figures.push(
      await figureOf(
        `${name} over ${count(iterations.length)} iterations.`,
        curvesChart(values, { y: name, log }, `${name} of ${task} over training.`),
        numbers,
      ),
    )
  }
  return figures.length > 0 ? [{ title: 'Losses and metrics', content: figures.join('\n') }] : []
}

async function commandSections(path: string, compute: Compute, probing: boolean): Promise<Section[]> {
  using run = await openRun(path, compute)
  if (run.best <= run.lowest) return []
  const sweep = await run.sweep()
  const sections = [await sweepSection(sweep)]
  if (!probing) return sections
  const { task, stored, chains } = await fingerprintsOf(path, compute)
  const all = [...stored, ...chains.flatMap((chain) => chain.policies)]
  const { points, explained } = principalComponents(all.map(({ fingerprint }) => fingerprint))
  const stages = [
    ...stored.map(() => undefined),
    ...chains.flatMap((c) => c.policies.map(() => `${count(c.steps)} steps`)),
  ]
  const values = points.map(([x, y], i) => ({
    task,
    ...(stages[i] !== undefined && { stage: stages[i] }),
    x,
    y,
    return: all[i]!.return,
    order: i,
  }))
  const describe = `Principal components of the probing actions of ${stored.length} stored policies and of generated ones at ${chains.length} checkpoints.`
  const [light, dark] = (['light', 'dark'] as const).map((theme) =>
    policiesChart(values, { [task]: explained }, theme, describe),
  )
  const numbers = folded(
    'The generated policies',
    tableOf(
      'Generated policies',
      ['checkpoint', 'command', 'component 1', 'component 2'],
      values.flatMap((v) =>
        v.stage === undefined ? [] : [[v.stage, Number(short(v.return)), Number(short(v.x)), Number(short(v.y))]],
      ),
    ),
  )
  const content = await figureOf(
    'What policies do: their actions on the critic’s probing states.',
    light!,
    numbers,
    dark,
  )
  return [...sections, { title: 'Fingerprints', content }]
}

async function sweepSection(sweep: Sweep): Promise<Section> {
  const { task, rows, verdict, error } = sweep
  const points = rows.map((row) => ({
    task,
    run: 'this run',
    command: row.command,
    achieved: row.achievedMean,
    std: row.achievedStd,
    predicted: row.predicted ?? null,
  }))
  const describe = `Achieved against commanded returns: ${task} ${verdict}.`
  const [light, dark] = (['light', 'dark'] as const).map((theme) => achievedChart(points, theme, describe))
  const numbers = tableOf(
    'Sweep',
    ['commanded', 'achieved', 'std', 'predicted', 'full reward'],
    rows.map((r) =>
      [r.command, r.achievedMean, r.achievedStd, r.predicted, r.mean].map((x) =>
        x === undefined ? null : Number(x.toPrecision(6)),
      ),
    ),
  )
  const caption = `The run ${verdict}. RMS error: ${short(100 * error)}% of the range; 10 episodes for each command.`
  return { title: 'Sweep', content: await figureOf(caption, light!, folded('The numbers', numbers), dark) }
}

function settingsSection({ config }: RunFolder): Section {
  const known = algorithms.find(({ name }) => name === config.algorithm)
  const table = known && settingsTableOf(known)
  const rows = Object.entries(config.settings).map(([name, value]) => [
    name,
    showValue(value),
    table?.[name]?.help ?? '',
    table?.[name]?.scope ?? '',
  ])
  return {
    title: 'Settings',
    content: tableOf(`Preset ${config.preset}`, ['setting', 'value', 'meaning', 'scope'], rows),
  }
}

function timeSection(folder: RunFolder, events: readonly TrainEvent[]): Section {
  const phases = Object.entries(folder.phases)
  const total = events.findLast((event) => event.type === 'episode')?.seconds ?? 0
  const rows = phases.map(([phase, seconds]) => [
    phase,
    Number(seconds.toFixed(2)),
    `${short((100 * seconds) / total)}%`,
  ])
  const note = `Training took ${formatDuration(total)} of wall time. Phases may overlap, and processes that were killed are not counted.`
  return {
    title: 'Time',
    content: phases.length === 0 ? `<p>${note}</p>` : tableOf(note, ['phase', 'seconds', 'of the wall time'], rows),
  }
}

function machineSection({ config }: RunFolder): Section {
  const { machine, device, threads, torchThreads, cuda } = config
  const rows = [
    ...Object.entries(lastVersions(config)).map(([name, version]) => [name, version ?? '']),
    ['CPU', `${machine.cpu}, ${machine.cores} cores`],
    ['platform', machine.platform],
    ['device', cuda === undefined ? device : `${device}: ${JSON.stringify(cuda)}`],
    ['threads', `${threads} for rollouts, ${torchThreads} for updates`],
  ]
  return { title: 'Versions and machine', content: tableOf('What computed it', ['part', 'version or value'], rows) }
}
