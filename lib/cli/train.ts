/** gogepo train <task> | train --resume <run> */
import { Command, Option } from 'commander'
import { presets, settings, show, type Preset, type Settings } from '../config.js'
import { GogepoError } from '../errors.js'
import { count, short, TerminalReporter } from '../report/terminal.js'
import type { TaskOptions } from '../native.js'
import type { RunOptions, RunResult } from '../run.js'
import { showTaskOption } from '../task-options.js'
import { resume as resumeTraining, train, type Training } from '../training.js'
import { examples, section } from './help.js'
import { interruptible } from './interrupt.js'
import {
  deviceOption,
  envOption,
  jsonOption,
  outputs,
  presetName,
  pythonOption,
  real,
  setOption,
  taskOption,
  threadsOption,
  torchThreadsOption,
  ValuedOption,
  whole,
} from './options.js'
import { failed, seedsOption, seedsSummary, trainSeeds } from './train-seeds.js'

interface TrainFlags {
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
  preset?: Preset
  set?: Partial<Settings>
  env?: TaskOptions
  allowVersionChange?: boolean
  json?: boolean
  quiet?: boolean
  verbose?: boolean
}

export function trainCommand(): Command {
  return new Command('train')
    .description(
      'Trains a generator on a task, or goes on with a run. Ctrl-C finishes the episode and saves; a second one ends at once.',
    )
    .usage('<task> [options]\n       gogepo train --resume <run> [options]')
    .argument('[task]', 'an id, see gogepo envs, or a file that exports a task')
    .optionsGroup('What to train:')
    .option('--env <name=value>', 'an option of the task, see: gogepo envs <task>; may be repeated', envOption)
    .addOption(new ValuedOption('--preset <name>', 'a named choice of settings, see below', presetName, 'paper'))
    .option('--set <name=value>', 'a setting, see below; may be repeated', setOption)
    .addOption(new ValuedOption('--seed <n>', 'one seed, one result', whole(0), '1'))
    .option(
      '--seeds <list>',
      'several seeds in one process, 1..16 or 1,4,7: one run each, as each would be alone',
      seedsOption,
    )
    .addOption(new ValuedOption('--steps <n>', 'environment steps to train for', whole(1), 'the task’s usual budget'))
    .addOption(
      new ValuedOption(
        '--stop-at <return>',
        'end at the first evaluation whose mean reaches it; with --resume --steps it is forgotten unless given again',
        real,
      ),
    )
    .option(
      '--run <folder>',
      'where the run is kept (default: runs/<task>-s<seed>-<n>); with --seeds: what holds s<seed> of each',
    )
    .optionsGroup('Going on:')
    .option('--resume <run>', 'go on from the run’s last checkpoint')
    .addOption(taskOption())
    .option('--allow-version-change', 'with --resume: go on although gogepo, LibTorch or MuJoCo are others than before')
    .optionsGroup('Where it computes:')
    .addOption(deviceOption())
    .addOption(threadsOption())
    .addOption(torchThreadsOption())
    .addOption(pythonOption())
    .optionsGroup('What is said:')
    .addOption(jsonOption())
    .addOption(new Option('--quiet', 'only the result').conflicts('verbose'))
    .addOption(new Option('--verbose', 'also how long each part of an iteration takes'))
    .addHelpText(
      'after',
      section(
        'Presets; --set goes before them:',
        Object.entries(presets).map(([name, chosen]) => [
          name,
          Object.entries(chosen)
            .map(([setting, value]) => `${setting}=${show(value)}`)
            .join(' ') || 'the defaults',
        ]),
      ),
    )
    .addHelpText(
      'after',
      section(
        'Settings, for --set name=value:',
        Object.entries(settings).map(([name, s]) => [
          name,
          `${s.help} (${s.range}; default: ${s.default === undefined ? 'the task’s' : show(s.default).replaceAll('"', '')})`,
        ]),
      ),
    )
    .addHelpText(
      'after',
      examples(
        'gogepo train Swimmer-v5 --seed 1',
        'gogepo train Swimmer-v5 --seeds 1..16',
        'gogepo train MountainCarContinuous-v0 --stop-at 90 --set noise=0.05',
        'gogepo train Hopper-v5 --env terminate_when_unhealthy=false',
        'gogepo train --resume runs/Swimmer-v5-s1-1',
      ),
    )
    .action(async (task: string | undefined, flags: TrainFlags) => trainAction(task, flags))
}

async function trainAction(task: string | undefined, flags: TrainFlags): Promise<void> {
  const { resume, task: again, seed, seeds, run, preset, set, env, json, quiet, verbose, ...rest } = flags
  if (resume !== undefined) {
    const misplaced = Object.entries({
      '<task>': task,
      '--seed': seed,
      '--seeds': seeds,
      '--run': run,
      '--preset': preset,
      '--set': set,
      '--env': env,
    }).find(([, value]) => value !== undefined)
    if (misplaced)
      throw new GogepoError('ERR_ARGUMENT', `${misplaced[0]} cannot be given with --resume: the run has its own.`)
  } else if (again !== undefined)
    throw new GogepoError('ERR_ARGUMENT', '--task is for --resume. To train on a task: gogepo train <task>')
  else if (task === undefined)
    throw new GogepoError(
      'ERR_ARGUMENT',
      'train: expected a task, such as gogepo train Swimmer-v5, or --resume <run>. List the tasks with: gogepo envs',
    )

  if (seed !== undefined && seeds !== undefined)
    throw new GogepoError('ERR_ARGUMENT', '--seed cannot be given with --seeds: name all seeds there.')

  const { people, result: print } = outputs(json)
  if (seeds !== undefined) {
    const results = await trainSeeds(people, seeds, quiet ?? false, {
      ...rest,
      task: { id: task!, options: env },
      run,
      preset,
      settings: set,
    })
    const interrupted = results.some((result) => !failed(result) && result.interrupted)
    print(
      results,
      `${seedsSummary(results)}${interrupted ? '\nGo on with each by: gogepo train --resume <its folder>' : ''}`,
    )
    process.exitCode = results.some(failed) ? 1 : interrupted ? 130 : 0
    return
  }
  const result = await trainForPeople(people, rest, quiet ? 'quiet' : verbose ? 'verbose' : 'usual', (options) =>
    resume !== undefined
      ? resumeTraining(resume, { ...options, task: again })
      : train({ ...options, task: { id: task!, options: env }, seed, run, preset, settings: set }),
  )
  const { interrupted, ...shown } = result
  print(
    shown,
    interrupted
      ? `Interrupted and saved. Go on with: gogepo train --resume ${quote(result.run)}`
      : result.alreadyFinished
        ? finishedAlready(result)
        : summary(result),
  )
  if (interrupted) process.exitCode = 130
}

type Common = Omit<RunOptions, 'task' | 'seed' | 'run' | 'preset' | 'settings'>

/** Runs with a progress line and Ctrl-C. */
export async function trainForPeople(
  people: NodeJS.WriteStream,
  options: Common,
  tone: 'quiet' | 'usual' | 'verbose',
  run: (options: Common) => Training,
): Promise<RunResult> {
  let terminal: TerminalReporter | undefined
  const training = (signal: AbortSignal) =>
    run({
      ...options,
      signal,
      onEvent: (event) => terminal?.event(event),
      onStart({ run, config, steps, fullBufferBytes, secondsBy }) {
        if (tone === 'quiet') return
        people.write(
          `${[config.task, ...Object.entries(config.taskOptions).map(([name, value]) => `${name}=${showTaskOption(value)}`)].join(', ')}, seed ${config.seed}, ${steps > 0 ? `from ${count(steps)} to ` : ''}${count(config.steps)} steps, on ${config.device}, in ${run}\n`,
        )
        people.write(
          `The full buffer of ${count(config.settings.bufferSize)} policies will take ${gigabytes(fullBufferBytes)}.\n`,
        )
        if (fullBufferBytes > process.availableMemory())
          people.write(
            `Warning: that is more than the ${gigabytes(process.availableMemory())} that are free now. A smaller one: --set bufferSize=${count(Math.max(1, Math.floor((config.settings.bufferSize * process.availableMemory()) / fullBufferBytes / 2))).replaceAll(',', '')}\n`,
          )
        terminal = new TerminalReporter(people, config.steps, steps, tone === 'verbose' ? secondsBy : undefined)
      },
    })
  try {
    return await interruptible(people, (signal) => training(signal).result)
  } finally {
    terminal?.close()
  }
}

const gigabytes = (bytes: number): string =>
  bytes >= 1e9 ? `${(bytes / 1e9).toFixed(1)} GB` : `${Math.ceil(bytes / 1e6)} MB`

export function summary(r: RunResult): string {
  const last = r.lastEvaluation
    ? `; last evaluation: asked ${short(r.lastEvaluation.command)}, got ${short(r.lastEvaluation.mean)} ± ${short(r.lastEvaluation.std)}`
    : ''
  const trouble = [
    r.diverged && `${count(r.diverged)} episodes diverged`,
    r.warnings && `${count(r.warnings)} warnings of the simulator`,
  ]
    .filter(Boolean)
    .join(', ')
  const by = Object.entries(r.secondsBy).map(([phase, seconds]) => `${phase} ${seconds.toFixed(2)}`)
  return `${count(r.steps)} steps, ${count(r.episodes)} episodes, best ${r.best === null ? 'none' : short(r.best)}${last}${trouble && `\n${trouble}`}\nseconds: ${r.seconds.toFixed(1)} in all; in this sitting ${by.join(', ')}\nrun: ${r.run}`
}

const finishedAlready = (r: RunResult): string =>
  `${r.run} has already finished, at ${count(r.steps)} steps. To go on: gogepo train --resume ${quote(r.run)} --steps <more>\n${summary(r)}`

const quote = (path: string): string => (/^[\w./:@-]+$/.test(path) ? path : `'${path.replaceAll("'", "'\\''")}'`)
