/** gogepo study <file>, gogepo study status <folder>, gogepo study resume <folder>: many runs, and what they show. */
import { join, resolve } from 'node:path'
import { Command } from 'commander'
import { GogepoError } from '../base/errors.js'
import { whole, word } from '../base/values.js'
import { count, formatDuration, plural, short } from '../base/words.js'
import { executors } from '../executor/registry.js'
import { readStudy } from '../study/definition.js'
import { execute, shareCpus, type StudyEvent } from '../study/execute.js'
import { expectedCost, type Cost } from '../study/cost.js'
import { StudyFolder, type RunStatus } from '../study/folder.js'
import { planStudy } from '../study/plan.js'
import { writeResults } from '../study/tidy.js'
import { comparisonTables } from './compare.js'
import { examples } from './help.js'
import { interruptible } from './interrupt.js'
import { deviceOption, jsonOption, outputs, pythonOption, ValuedOption } from './options.js'
import { curvesOnTerminal } from './plots.js'
import { studyRunArguments, studyRunCommand } from './study-run.js'
import { StudyTable } from './study-table.js'
import { table } from './table.js'

interface StudyFlags {
  out?: string
  jobs?: number
  dryRun?: boolean
  executor: string
  device?: string
  python?: string
  json?: boolean
}

const jobsOption = (): ValuedOption =>
  new ValuedOption(
    '--jobs <n>',
    'runs at a time; each uses its share of the CPUs',
    whole(1, 1024),
    'the number of CPUs, so that each run has one',
  )

const executorOption = (): ValuedOption =>
  new ValuedOption(
    '--executor <engine>',
    'where the runs are trained; any other than local needs the study in a folder that its machines share, see docs/studies.md',
    word('local', ...Object.keys(executors)),
  ).default('local')

export function studyCommand(): Command {
  const study = new Command('study')
    .description(
      'Run a study: variants of algorithms on tasks with many seeds, several runs at a time. Run the same command again to continue after an interruption.',
    )
    .usage('<file> [options]\n       gogepo study status <folder>\n       gogepo study resume <folder> [options]')
    .argument('[file]', 'a study file, JSON or TypeScript; see docs/studies.md')
    .option('--out <folder>', 'the folder for the study (default: runs/<name of the study>)')
    .addOption(jobsOption())
    .addOption(executorOption())
    .option('--dry-run', 'print the runs and the CPU hours they are expected to take; nothing is kept')
    .optionsGroup('Where to compute:')
    .addOption(deviceOption())
    .addOption(pythonOption())
    .optionsGroup('Output:')
    .addOption(jsonOption())
    .addHelpText(
      'after',
      examples(
        'gogepo study studies/quick.json --dry-run',
        'gogepo study studies/quick.json',
        'gogepo study status runs/quick',
        'gogepo compare runs/quick',
      ),
    )
    .action(async (file: string | undefined, flags: StudyFlags) => {
      if (file === undefined) return study.help({ error: true })
      const plan = await planStudy(await readStudy(file), file, flags.python)
      const folder = StudyFolder.for(flags.out ?? join('runs', plan.name), plan)
      await (flags.dryRun ? dryRun(folder, flags) : run(folder, flags))
    })
  study.addCommand(
    new Command('resume')
      .description('Continue a study that was interrupted, and try again what failed.')
      .argument('<folder>', 'the folder of a study')
      .addOption(jobsOption())
      .addOption(executorOption())
      .addOption(deviceOption())
      .addOption(pythonOption())
      .addOption(jsonOption())
      .addHelpText('after', examples('gogepo study resume runs/quick'))
      .action(async (path: string, _: unknown, command: Command) =>
        run(StudyFolder.open(path), command.optsWithGlobals<StudyFlags>()),
      ),
  )
  study.addCommand(
    new Command('status')
      .description('Print the state of every run of a study.')
      .argument('<folder>', 'the folder of a study')
      .addOption(jsonOption())
      .addHelpText('after', examples('gogepo study status runs/quick'))
      .action((path: string, _: unknown, command: Command) => {
        const folder = StudyFolder.open(path)
        const runs = folder.status()
        const { json } = command.optsWithGlobals<StudyFlags>()
        outputs(json).result(
          { study: path, name: folder.plan.name, running: folder.isRunning(), runs },
          [statusTable(runs), totals(runs), ...failures(runs)].join('\n'),
        )
      }),
  )
  study.addCommand(studyRunCommand(), { hidden: true })
  // Commander gives all options to the verb, also those after `resume`, which would ignore what it does not have.
  study.hook('preSubcommand', (_, sub) => {
    const foreign = study.options.find(
      (option) =>
        study.getOptionValueSource(option.attributeName()) === 'cli' &&
        !sub.options.some(({ long }) => long === option.long),
    )
    if (foreign !== undefined)
      throw new GogepoError('ERR_ARGUMENT', `study ${sub.name()} has no option ${foreign.long!}.`)
  })
  return study
}

async function run(folder: StudyFolder, flags: StudyFlags): Promise<void> {
  if (flags.executor !== 'local') return handOver(folder, flags)
  const { jobs, device, python, json } = flags
  const { people, result } = outputs(json)
  folder.claim()
  try {
    const screen = new StudyTable(people, folder)
    const onEvent = (event: StudyEvent): void => screen.event(event)
    await interruptible(people, (signal) => execute(folder, { jobs, device, python, signal, onEvent }))
    screen.close()
    const comparison = writeResults(folder)
    const runs = folder.status()
    const failed = runs.filter(({ state }) => state === 'failed')
    const unfinished = runs.filter(({ state }) => state !== 'finished')
    const words = [
      ...curvesOnTerminal(comparison, process.stdout),
      ...(comparison.rows.length > 0 ? [comparisonTables(comparison), ''] : []),
      totals(runs),
      ...failures(runs),
      ...(unfinished.length > 0 ? [`Continue with: gogepo study resume ${folder.path}`] : []),
      `results: ${['runs.csv', 'evaluations.csv', ...(folder.plan.sweep ? ['sweeps.csv'] : []), 'results.json'].map((name) => join(folder.path, name)).join(', ')}`,
    ]
    result({ study: folder.path, name: folder.plan.name, runs, comparison }, words.join('\n'))
    process.exitCode = failed.length > 0 ? 1 : unfinished.length > 0 ? 130 : 0
  } finally {
    folder.close()
  }
}

/** Another engine trains the runs: this process returns once it has accepted them. */
async function handOver(folder: StudyFolder, { executor, jobs, device, python, json }: StudyFlags): Promise<void> {
  const runs = folder.runs().flatMap((run, place) => (folder.statusOf(run).state === 'finished' ? [] : [place]))
  const { path, plan } = folder
  let words = 'Every run has finished.'
  folder.claim()
  try {
    if (runs.length > 0)
      words = await executors[executor]!({
        name: plan.name,
        folder: resolve(path),
        cwd: process.cwd(),
        runs,
        count: folder.runs().length,
        jobs,
        gogepo: [process.execPath, resolve(process.argv[1]!)],
        arguments: studyRunArguments(resolve(path), { device, python }),
      })
    else writeResults(folder)
  } finally {
    folder.close()
  }
  outputs(json).result(
    { study: path, name: plan.name, executor, runs: folder.status() },
    `${plural(runs.length, 'run')} to do. ${words}\nThe last run that finishes writes the results. Until then: gogepo study status ${path}`,
  )
}

async function dryRun(folder: StudyFolder, { jobs: asked, device, python, json }: StudyFlags): Promise<void> {
  const { people, result } = outputs(json)
  people.write('Training each variant on each task for a moment to see how long it takes.\n')
  const runs = folder.status()
  const left = runs.filter(({ state }) => state !== 'finished')
  const { jobs } = shareCpus(left.length, asked)
  const costs = await interruptible(people, (signal) => expectedCost(folder, { device, python, signal }))
  const hours = costs.reduce((sum, { cpuHours }) => sum + cpuHours, 0)
  const words = [
    costTable(costs),
    ...runs.map(
      ({ run, state, budget }) => `${run}: ${plural(budget, 'step')}${state === 'pending' ? '' : `, ${state}`}`,
    ),
    `${plural(left.length, 'run')} to do, ${short(hours)} CPU hours; with --jobs ${jobs} about ${formatDuration((hours * 3600) / jobs)}`,
  ]
  result({ study: folder.path, name: folder.plan.name, jobs, cpuHours: hours, costs, runs }, words.join('\n'))
}

const costTable = (costs: readonly Cost[]): string =>
  table(
    ['task', 'variant', 'runs', 'steps to do', 'CPU ms per 1,000 steps', 'CPU hours', 'measured by'],
    costs.map((c) => [
      c.task,
      c.variant,
      String(c.runs),
      count(c.steps),
      short(c.cpuSecondsPerStep * 1e6),
      short(c.cpuHours),
      c.measuredBy,
    ]),
  )

function statusTable(runs: readonly RunStatus[]): string {
  return table(
    ['run', 'task', 'variant', 'seed', 'state', 'steps', 'CPU'],
    runs.map((r) => [
      r.run,
      r.task,
      r.variant,
      String(r.seed),
      r.state,
      `${count(r.steps)}/${count(r.budget)}`,
      formatDuration(r.cpuSeconds),
    ]),
  )
}

const failures = (runs: readonly RunStatus[]): string[] =>
  runs.flatMap(({ run, error }) => (error === undefined ? [] : [`failed: ${run}: ${error.message}`]))

/** 3 finished, 1 failed, 2 pending of 6 runs; 2h 10m of CPU time */
function totals(runs: readonly RunStatus[]): string {
  const states = (['finished', 'running', 'interrupted', 'failed', 'pending'] as const).flatMap((state) => {
    const n = runs.filter((one) => one.state === state).length
    return n === 0 ? [] : [`${n} ${state}`]
  })
  const seconds = runs.reduce((sum, { cpuSeconds }) => sum + cpuSeconds, 0)
  return `${states.join(', ')} of ${plural(runs.length, 'run')}; ${formatDuration(seconds)} of CPU time so far`
}
