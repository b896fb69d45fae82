/** gogepo evaluate <run> and gogepo sweep <run>: command a trained generator. */
import { Command, Option } from 'commander'
import { single, whole } from '../base/values.js'
import { plural, short } from '../base/words.js'
import { mostEpisodes, openRun, type CommandResult, type OpenedRun, type Sweep } from '../run/opened-run.js'
import { examples } from './help.js'
import {
  checkpointOption,
  commandOrBest,
  deviceOption,
  jsonOption,
  outputs,
  pythonOption,
  taskOption,
  threadsOption,
  ValuedOption,
} from './options.js'
import { table } from './table.js'

interface AskFlags {
  episodes: number
  seed: number
  checkpoint: 'last' | 'best' | number
  device?: string
  threads?: number
  python?: string
  task?: string
  json?: boolean
}

const askCommand = (name: string): Command =>
  new Command(name).argument('<run>', 'the folder of a run').optionsGroup('What to command:')

/** The options that both verbs share. */
function withAskOptions(command: Command): Command {
  return command
    .addOption(new ValuedOption('--episodes <n>', 'episodes per command', whole(1, mostEpisodes)).default(10))
    .addOption(new ValuedOption('--seed <n>', 'the seed of the episodes’ initial states', whole(0)).default(1))
    .addOption(checkpointOption())
    .optionsGroup('Where to compute:')
    .addOption(deviceOption())
    .addOption(threadsOption())
    .addOption(pythonOption())
    .addOption(taskOption())
    .optionsGroup('Output:')
    .addOption(jsonOption())
}

const openOptions = ({ device, threads, python, task, checkpoint }: AskFlags) => ({
  checkpoint,
  python,
  task,
  device,
  threads,
})

export function evaluateCommand(): Command {
  const command = askCommand('evaluate')
    .description('Command a return and run the policy that the generator makes for it.')
    .addOption(
      new ValuedOption(
        '--command <return>',
        'the return to command; best is the highest of the run’s training',
        commandOrBest,
      ).default('best'),
    )
  return withAskOptions(command)
    .addOption(new Option('--verbose', 'also print each episode'))
    .addHelpText('after', examples('gogepo evaluate runs/Swimmer-v5-s1-1 --command 200'))
    .action(async (folder: string, flags: AskFlags & { command: number | 'best'; verbose?: boolean }) => {
      using run = await openRun(folder, openOptions(flags))
      const r = await run.evaluate(flags.command, { episodes: flags.episodes, seed: flags.seed })
      const { people, result } = outputs(flags.json)
      const warning = unusualCommand(run, r.command)
      if (warning !== undefined) people.write(`${warning}\n`)
      if (flags.verbose) {
        const rows = r.returns.map((full, i) => [
          String(i + 1),
          short(full),
          short(r.achieved[i]!),
          String(r.lengths[i]),
        ])
        people.write(`${table(['episode', 'full reward', 'achieved', 'steps'], rows)}\n`)
      }
      result(r, resultLine(r, flags.episodes))
    })
}

function resultLine(r: CommandResult, episodes: number): string {
  const commanded = r.command === undefined ? '' : `commanded ${r.command}, `
  const notes = [
    ...(r.predicted === undefined ? [] : [`critic predicted ${short(r.predicted)}`]),
    `full reward ${short(r.mean)} ± ${short(r.std)}`,
    plural(episodes, 'episode'),
  ]
  return `${r.task}: ${commanded}achieved ${short(r.achievedMean)} ± ${short(r.achievedStd)} (${notes.join('; ')})`
}

/** A warning for a command outside of the range of commands and of all returns achieved in training. */
function unusualCommand(run: OpenedRun, command: number | undefined): string | undefined {
  const { returnMin, returnMax } = run.config.settings as Partial<Record<string, number>>
  if (command === undefined || returnMin === undefined || returnMax === undefined) return undefined
  const low = Math.min(returnMin, run.lowest)
  const high = Math.max(returnMax, run.best)
  if (command >= low && command <= high) return undefined
  return `Warning: ${command} is outside the range of commands (${returnMin} to ${returnMax}) and of the returns achieved in training (${short(run.lowest)} to ${short(run.best)}).`
}

export function sweepCommand(): Command {
  const command = askCommand('sweep')
    .description('Command a range of returns and measure how well they are followed.')
    .addOption(
      new ValuedOption('--from <return>', 'the lowest command', single, 'the lowest return of the training episodes'),
    )
    .addOption(
      new ValuedOption('--to <return>', 'the highest command', single, 'the highest return of the training episodes'),
    )
    .addOption(
      new ValuedOption(
        '--points <n>',
        'the number of commands, evenly spaced and including both ends',
        whole(2, 10_000),
      ).default(21),
    )
  return withAskOptions(command)
    .addHelpText('after', examples('gogepo sweep runs/Swimmer-v5-s1-1 --points 11'))
    .action(async (folder: string, flags: AskFlags & { from?: number; to?: number; points: number }) => {
      using run = await openRun(folder, openOptions(flags))
      const { from, to, points, episodes, seed } = flags
      const sweep = await run.sweep({ from, to, points, episodes, seed })
      outputs(flags.json).result(sweep, sweepTable(sweep))
    })
}

function sweepTable({ task, rows, verdict, ...o }: Sweep): string {
  const cells = rows.map((r) => [
    short(r.command),
    `${short(r.achievedMean)} ± ${short(r.achievedStd)}`,
    short(r.predicted),
    `${short(r.mean)} ± ${short(r.std)}`,
  ])
  const percent = (share: number): string => `${short(100 * share)}%`
  return [
    table(['commanded', 'achieved', 'predicted', 'full reward'], cells),
    `achieved = ${short(o.slope)} × commanded + ${short(o.intercept)}${o.r2 === null ? '' : `, r² ${short(o.r2)}`}, rank correlation ${short(o.rank)}`,
    `RMS error ${percent(o.error)} of the range, largest miss ${short(o.largest)}; noise alone would give ${percent(o.noiseFloor)}`,
    `${task} ${verdict}`,
  ].join('\n')
}
