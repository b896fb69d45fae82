/** gogepo train <task> | train --resume <run> */
import { Command, InvalidArgumentError, Option } from 'commander'
import { tableOf } from '../algorithms/algorithm.js'
import { algorithms, findAlgorithm } from '../algorithms/registry.js'
import { GogepoError } from '../base/errors.js'
import { finite, whole, word } from '../base/values.js'
import { plural, short } from '../base/words.js'
import type { TaskOptions } from '../native/contract.js'
import { CsvReporter } from '../report/csv.js'
import { JsonLinesReporter } from '../report/json-lines.js'
import { MlflowReporter } from '../report/mlflow.js'
import type { Reporter } from '../report/reporter.js'
import { TensorBoardReporter } from '../report/tensorboard.js'
import { TerminalReporter } from '../report/terminal.js'
import { RunFolder } from '../run/folder.js'
import { resumeRun } from '../run/resume.js'
import { startRun, type RunResult, type StartOptions } from '../run/start.js'
import { parseSettings, type SettingValues } from '../settings/setting.js'
import { presetRows, settingRows } from './algorithms.js'
import { examples, section } from './help.js'
import { interruptible } from './interrupt.js'
import { evaluationInWords } from './evaluation-words.js'
import {
  deviceOption,
  envOption,
  jsonOption,
  outputs,
  pythonOption,
  repeated,
  taskOption,
  threadsOption,
  torchThreadsOption,
  ValuedOption,
  warnOfThreads,
} from './options.js'
import { failed, seedsOption, seedsSummary, stopped, trainSeeds } from './train-seeds.js'

interface TrainFlags {
  algorithm?: string
  resume?: string
  seed?: number
  seeds?: number[]
  steps?: number
  run?: string
  device?: string
  threads?: number
  task?: string
  torchThreads?: number
  python?: string
  stopAt?: number
  preset?: string
  set?: string[]
  strategy?: string
  control?: boolean
  env?: TaskOptions
  allowVersionChange?: boolean
  json?: boolean
  jsonLines?: boolean
  quiet?: boolean
  verbose?: boolean
  log?: LogKind[]
}

export function trainCommand(): Command {
  const standard = algorithms[0]!
  return new Command('train')
    .description(
      'Train on a task, or resume a run. Ctrl-C finishes the current iteration and saves; a second Ctrl-C stops at once.',
    )
    .usage('<task> [options]\n       gogepo train --resume <run> [options]')
    .argument('[task]', 'a task id (see gogepo envs), gymnasium:<id>, or a file that exports a task')
    .optionsGroup('What to train:')
    .option('--algorithm <name>', `the algorithm; see gogepo algorithms (default: ${standard.name})`)
    .option('--env <name=value>', 'an option of the task; see gogepo envs <task>; may be repeated', envOption)
    .option('--preset <name>', 'a named choice of settings; see below (default: the algorithm’s first preset)')
    .option('--strategy <name>', 'which return to command next; short for --set strategy=<name>')
    .option('--control', 'switch learning off, to see how much of a result is learned: the same run without updates')
    .option('--set <name=value>', 'a setting, which overrides the preset; see below; may be repeated', repeated)
    .addOption(new ValuedOption('--seed <n>', 'the random seed; the same seed gives the same result', whole(0), '1'))
    .option(
      '--seeds <list>',
      'several seeds in one process, such as 1..16 or 1,4,7: one run per seed, with the same results as separate runs',
      seedsOption,
    )
    .addOption(
      new ValuedOption(
        '--steps <n>',
        'environment steps to train for; 10k and 3M are understood',
        whole(1),
        'the task’s usual budget',
      ),
    )
    .addOption(
      new ValuedOption(
        '--stop-at <return>',
        'stop at the first evaluation whose mean reaches this; when resuming with --steps, repeat it to keep it',
        finite,
      ),
    )
    .option(
      '--run <folder>',
      'the folder for the run (default: runs/<task>-s<seed>-<n>); with --seeds, the parent folder of s<seed> for each run',
    )
    .optionsGroup('Resuming:')
    .option('--resume <run>', 'continue from the run’s last checkpoint')
    .addOption(taskOption())
    .option(
      '--allow-version-change',
      'with --resume: continue even if the versions of gogepo, LibTorch, MuJoCo, Gymnasium or NumPy have changed',
    )
    .optionsGroup('Where to compute:')
    .addOption(deviceOption())
    .addOption(threadsOption())
    .addOption(torchThreadsOption())
    .addOption(pythonOption())
    .optionsGroup('Output:')
    .addOption(jsonOption())
    .addOption(new Option('--json-lines', 'print every event as a line of JSON on standard output, then the result'))
    .addOption(new Option('--quiet', 'print only the result').conflicts('verbose'))
    .addOption(new Option('--verbose', 'also print how long each phase of an iteration takes'))
    .addOption(
      new ValuedOption(
        '--log <kind>',
        'also write tensorboard/ (event files) or progress.csv into the folder of the run, or log to the MLflow server at MLFLOW_TRACKING_URI; may be repeated',
        word(...logs),
      ).argParser((text: string, before: LogKind[] = []) => [...before, logKind(text)]),
    )
    .addHelpText('after', section(`Presets of ${standard.name}, for --preset:`, presetRows(standard)))
    .addHelpText('after', section(`Settings of ${standard.name}, for --set name=value:`, settingRows(standard)))
    .addHelpText(
      'after',
      examples(
        'gogepo train Swimmer-v5 --seed 1',
        'gogepo train Swimmer-v5 --algorithm ars --preset published --steps 2M',
        'gogepo train Swimmer-v5 --seeds 1..16',
        'gogepo train MountainCarContinuous-v0 --stop-at 90 --set noise=0.05',
        'gogepo train Hopper-v5 --env terminate_when_unhealthy=false',
        'gogepo train --resume runs/Swimmer-v5-s1-1',
      ),
    )
    .action(async (task: string | undefined, flags: TrainFlags) => trainAction(task, flags))
}

async function trainAction(task: string | undefined, flags: TrainFlags): Promise<void> {
  refuseContradictions(task, flags)
  const {
    algorithm,
    resume,
    task: again,
    seed,
    seeds,
    run,
    preset,
    set = [],
    strategy,
    control,
    env,
    quiet,
    verbose,
    json,
    jsonLines,
    log = [],
    ...rest
  } = flags
  const { people, result: print } = outputs(json || jsonLines)
  warnOfThreads(people, rest)
  const learns =
    resume === undefined ? findAlgorithm(algorithm ?? algorithms[0]!.name) : RunFolder.open(resume).algorithm
  if (strategy !== undefined && !learns.takesCommands)
    throw new GogepoError('ERR_ARGUMENT', `--strategy: ${learns.name} learns a single policy and takes no commands.`)
  if (strategy !== undefined && !Object.hasOwn(learns.settings, 'strategy'))
    throw new GogepoError('ERR_ARGUMENT', `--strategy: ${learns.name} chooses its commands itself.`)
  const settings: SettingValues = parseSettings(
    tableOf(learns),
    strategy === undefined ? set : [...set, `strategy=${strategy}`],
  )

  if (seeds !== undefined) {
    const start = { ...rest, algorithm, task: { id: task!, options: env }, run, preset, control, settings }
    const results = await trainSeeds(people, seeds, quiet ?? false, start, () => logsOf(log))
    const interrupted = results.some(stopped)
    print(
      results,
      `${seedsSummary(results)}${interrupted ? '\nResume each with: gogepo train --resume <its folder>' : ''}`,
    )
    process.exitCode = results.some((result) => failed(result) && !stopped(result)) ? 1 : interrupted ? 130 : 0
    return
  }

  const reporters: Reporter[] = [
    ...(quiet ? [] : [new TerminalReporter(people, verbose)]),
    ...(jsonLines ? [new JsonLinesReporter(process.stdout)] : []),
    ...logsOf(log),
  ]
  const result = await interruptible(people, (signal) => {
    const common = { ...rest, reporters, signal }
    return resume !== undefined
      ? resumeRun(resume, { ...common, task: again, ...(set.length > 0 && { settings }) })
      : startRun({ ...common, algorithm, task: { id: task!, options: env }, seed, run, preset, control, settings })
  })
  const { interrupted, ...shown } = result
  print(
    shown,
    interrupted
      ? `Interrupted and saved. Resume with: gogepo train --resume ${quote(result.run)}`
      : result.alreadyFinished
        ? `${result.run} has already finished, at ${plural(result.steps, 'step')}. To train it further: gogepo train --resume ${quote(result.run)} --steps <more>\n${summary(result)}`
        : summary(result),
  )
  if (interrupted) process.exitCode = 130
}

const reporterOf = {
  tensorboard: () => new TensorBoardReporter(),
  csv: () => new CsvReporter(),
  mlflow: () => new MlflowReporter(),
}
type LogKind = keyof typeof reporterOf
const logs = Object.keys(reporterOf) as LogKind[]

function logKind(text: string): LogKind {
  const kind = logs.find((each) => each === text)
  if (kind === undefined) throw new InvalidArgumentError(`Expected one of ${logs.join(', ')}.`)
  return kind
}

const logsOf = (kinds: readonly LogKind[]): Reporter[] => [...new Set(kinds)].map((kind) => reporterOf[kind]())

/** @throws GogepoError ERR_ARGUMENT */
function refuseContradictions(task: string | undefined, flags: TrainFlags): void {
  const { resume, algorithm, seed, seeds, run, preset, env } = flags
  const refuse = (message: string): never => {
    throw new GogepoError('ERR_ARGUMENT', message)
  }
  if (resume !== undefined) {
    const given = {
      '<task>': task,
      '--algorithm': algorithm,
      '--seed': seed,
      '--seeds': seeds,
      '--run': run,
      '--preset': preset,
      '--strategy': flags.strategy,
      '--control': flags.control,
      '--env': env,
    }
    const misplaced = Object.entries(given).find(([, value]) => value !== undefined)
    if (misplaced) refuse(`${misplaced[0]} cannot be combined with --resume: the run has its own.`)
  } else if (flags.task !== undefined) refuse('--task belongs to --resume. To train on a task: gogepo train <task>')
  else if (task === undefined)
    refuse(
      'train: expected a task, such as gogepo train Swimmer-v5, or --resume <run>. List the tasks with: gogepo envs',
    )
  if (seed !== undefined && seeds !== undefined) refuse('--seed cannot be combined with --seeds: list all seeds there.')
  if (seeds !== undefined && flags.jsonLines)
    refuse('--json-lines cannot be combined with --seeds: start one process per seed.')
}

/** The result of a run in words. */
export function summary(r: RunResult): string {
  const trouble = [
    r.diverged && `${plural(r.diverged, 'episode')} diverged`,
    r.warnings && plural(r.warnings, 'simulator warning'),
  ]
  const { lastEvaluation: last, bestEvaluation: best } = r
  const by = Object.entries(r.secondsBy).map(([phase, seconds]) => `${phase} ${seconds.toFixed(2)}`)
  return [
    `${plural(r.steps, 'step')}, ${plural(r.episodes, 'episode')}, best ${r.best === null ? 'none' : short(r.best)}${last === null ? '' : `; last evaluation: ${evaluationInWords(last)}`}`,
    ...(best !== null && last !== null && best.mean > last.mean
      ? [
          `best evaluation, at ${plural(best.steps, 'step')}: ${evaluationInWords(best)}; its checkpoint is kept: --checkpoint best`,
        ]
      : []),
    ...(r.diverged || r.warnings ? [trouble.filter(Boolean).join(', ')] : []),
    `seconds: ${r.seconds.toFixed(1)} in total; in this process ${by.join(', ')}`,
    `run: ${r.run}`,
  ].join('\n')
}

const quote = (path: string): string => (/^[\w./:@-]+$/.test(path) ? path : `'${path.replaceAll("'", "'\\''")}'`)

/** Trains with a progress line and Ctrl-C. */
export function trainForPeople(people: NodeJS.WriteStream, options: StartOptions): Promise<RunResult> {
  return interruptible(people, (signal) => startRun({ ...options, signal, reporters: [new TerminalReporter(people)] }))
}
