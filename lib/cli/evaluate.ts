/** gogepo evaluate <run> and gogepo sweep <run>: ask a trained generator. */
import { Command, Option } from 'commander'
import { short } from '../report/terminal.js'
import { openRun, type Sweep } from '../opened-run.js'
import { examples } from './help.js'
import {
  checkpoint,
  deviceOption,
  jsonOption,
  outputs,
  pythonOption,
  real,
  realOrBest,
  taskOption,
  threadsOption,
  ValuedOption,
  whole,
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

function asking(name: string): Command {
  return new Command(name).argument('<run>', 'folder of a run').optionsGroup('What to ask:')
}

/** What both ask verbs have. */
function asked(command: Command): Command {
  return command
    .addOption(new ValuedOption('--episodes <n>', 'episodes of each command', whole(1, 100_000)).default(10))
    .addOption(new ValuedOption('--seed <n>', 'of the episodes’ first states', whole(0)).default(1))
    .addOption(
      new ValuedOption('--checkpoint <which>', 'of the run; best is by evaluation', checkpoint).default('last'),
    )
    .optionsGroup('Where it computes:')
    .addOption(deviceOption())
    .addOption(threadsOption())
    .addOption(pythonOption())
    .addOption(taskOption())
    .optionsGroup('What is said:')
    .addOption(jsonOption())
}

const place = ({ device, threads, python, task, checkpoint }: AskFlags) => ({
  checkpoint,
  python,
  task,
  ...(device !== undefined && { device }),
  ...(threads !== undefined && { threads }),
})

export function evaluateCommand(): Command {
  const command = asking('evaluate')
    .description('Commands a return and runs the policy that the generator makes for it.')
    .addOption(
      new ValuedOption(
        '--command <return>',
        'the return to ask for; best is the highest of its training',
        realOrBest,
      ).default('best'),
    )
  return asked(command)
    .addOption(new Option('--verbose', 'also each episode'))
    .addHelpText('after', examples('gogepo evaluate runs/Swimmer-v5-s1-1 --command 200'))
    .action(async (folder: string, flags: AskFlags & { command: number | 'best'; verbose?: boolean }) => {
      using run = await openRun(folder, place(flags))
      const r = await run.evaluate(flags.command, { episodes: flags.episodes, seed: flags.seed })
      const { people, result } = outputs(flags.json)
      if (flags.verbose)
        people.write(
          `${table(
            ['episode', 'full reward', 'achieved', 'steps'],
            r.returns.map((full, i) => [String(i + 1), short(full), short(r.achieved[i]!), String(r.lengths[i])]),
          )}\n`,
        )
      result(
        r,
        `${r.task}: asked ${short(r.command)}, achieved ${short(r.achievedMean)} ± ${short(r.achievedStd)} (critic expected ${short(r.predicted)}; full reward ${short(r.mean)} ± ${short(r.std)}; ${flags.episodes} episodes)`,
      )
    })
}

export function sweepCommand(): Command {
  const command = asking('sweep')
    .description('Asks for a range of returns and compares what is achieved with what was asked.')
    .addOption(new ValuedOption('--from <return>', 'lowest command', real, 'the run’s returnMin'))
    .addOption(new ValuedOption('--to <return>', 'highest command', real, 'the run’s returnMax'))
    .addOption(
      new ValuedOption('--points <n>', 'commands, evenly spaced, the ends among them', whole(2, 10_000)).default(21),
    )
  return asked(command)
    .addHelpText('after', examples('gogepo sweep runs/Swimmer-v5-s1-1 --points 11'))
    .action(async (folder: string, flags: AskFlags & { from?: number; to?: number; points: number }) => {
      using run = await openRun(folder, place(flags))
      const { from, to, points, episodes, seed } = flags
      const sweep = await run.sweep({ from, to, points, episodes, seed })
      outputs(flags.json).result(sweep, sweepTable(sweep))
    })
}

function sweepTable(sweep: Sweep): string {
  const rows = sweep.rows.map((r) => [
    short(r.command),
    `${short(r.achievedMean)} ± ${short(r.achievedStd)}`,
    short(r.predicted),
    `${short(r.mean)} ± ${short(r.std)}`,
  ])
  return `${table(['asked', 'achieved', 'predicted', 'full reward'], rows)}\nachieved = ${short(sweep.slope)} × asked + ${short(sweep.intercept)}, r² ${short(sweep.r2)}`
}
