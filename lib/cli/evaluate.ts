/** gogepo evaluate <run> and gogepo sweep <run>: ask a trained generator. */
import { Command } from 'commander'
import { short } from '../report/terminal.js'
import { openRun, type Sweep } from '../opened-run.js'
import { checkpoint, deviceOption, jsonOption, outputs, pythonOption, real, realOrBest, threadsOption, wholeBetween, wholeFrom } from './options.js'
import { table } from './table.js'

interface AskFlags {
  episodes: number
  seed: number
  checkpoint: 'last' | 'best' | number
  device?: string
  threads?: number
  python?: string
  json?: boolean
}

function asking(name: string): Command {
  return new Command(name)
    .argument('<run>', 'folder of a run')
    .option('--episodes <n>', 'episodes of each command', wholeBetween(1, 100_000), 10)
    .option('--seed <n>', 'of the episodes’ first states', wholeFrom(0), 1)
    .option('--checkpoint <which>', 'last, best (by evaluation) or its steps', checkpoint, 'last')
    .addOption(deviceOption())
    .addOption(threadsOption())
    .addOption(pythonOption())
    .addOption(jsonOption())
}

const place = ({ device, threads, python, checkpoint }: AskFlags) => ({ checkpoint, python, ...(device !== undefined && { device }), ...(threads !== undefined && { threads }) })

export function evaluateCommand(): Command {
  return asking('evaluate')
    .description('Commands a return and runs the policy that the generator makes for it.')
    .option('--command <return>', 'the return to ask for, or best', realOrBest, 'best' as const)
    .addHelpText('after', '\nExample:\n  gogepo evaluate runs/Swimmer-v5-s1-1 --command 200')
    .action(async (folder: string, flags: AskFlags & { command: number | 'best' }) => {
      using run = await openRun(folder, place(flags))
      const r = await run.evaluate(flags.command, { episodes: flags.episodes, seed: flags.seed })
      outputs(flags.json).result(
        r,
        `${r.task}: asked ${short(r.command)}, achieved ${short(r.achievedMean)} ± ${short(r.achievedStd)} (critic expected ${short(r.predicted)}; full reward ${short(r.mean)} ± ${short(r.std)}; ${flags.episodes} episodes)`,
      )
    })
}

export function sweepCommand(): Command {
  return asking('sweep')
    .description('Asks for a range of returns and compares what is achieved with what was asked.')
    .option('--from <return>', 'lowest command (default: the run’s returnMin)', real)
    .option('--to <return>', 'highest command (default: the run’s returnMax)', real)
    .option('--points <n>', 'commands in between and at the ends', wholeBetween(2, 10_000), 21)
    .addHelpText('after', '\nExample:\n  gogepo sweep runs/Swimmer-v5-s1-1 --points 11')
    .action(async (folder: string, flags: AskFlags & { from?: number; to?: number; points: number }) => {
      using run = await openRun(folder, place(flags))
      const { from, to, points, episodes, seed } = flags
      const sweep = await run.sweep({ from, to, points, episodes, seed })
      outputs(flags.json).result(sweep, sweepTable(sweep))
    })
}

export function sweepTable(sweep: Sweep): string {
  const rows = sweep.rows.map((r) => [short(r.command), `${short(r.achievedMean)} ± ${short(r.achievedStd)}`, short(r.predicted), `${short(r.mean)} ± ${short(r.std)}`])
  return `${table(['asked', 'achieved', 'predicted', 'full reward'], rows)}\nachieved = ${short(sweep.slope)} × asked + ${short(sweep.intercept)}, r² ${short(sweep.r2)}`
}
