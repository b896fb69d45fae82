/** gogepo sweep <run>: commands a range of returns, and shows how well they are followed. */
import type { Command } from 'commander'
import { requireWritable, writeWhole } from '../base/files.js'
import { single, whole } from '../base/values.js'
import { short } from '../base/words.js'
import { sweepSvg } from '../figure/figures.js'
import { openRun, type Sweep } from '../run/opened-run.js'
import { askCommand, openOptions, warnOfCommands, withAskOptions, type AskFlags } from './ask.js'
import { examples } from './help.js'
import { outputs, ValuedOption, warnOfThreads } from './options.js'
import { sweepOnTerminal } from './plots.js'
import { table } from './table.js'

interface SweepFlags extends AskFlags {
  from?: number
  to?: number
  points: number
  csv?: string
  svg?: string
}

export function sweepCommand(): Command {
  const command = askCommand('sweep', 'the folder of a run')
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
    .option('--csv <file>', 'also write the rows as a CSV file; an existing file is replaced')
    .option('--svg <file>', 'also draw achieved over commanded returns as an SVG file; an existing file is replaced')
    .addHelpText(
      'after',
      examples('gogepo sweep runs/Swimmer-v5-s1-1 --points 11', 'gogepo sweep runs/Swimmer-v5-s1-1 --svg sweep.svg'),
    )
    .action(async (folder: string, flags: SweepFlags) => {
      const { people, result } = outputs(flags.json)
      warnOfThreads(people, flags)
      for (const path of [flags.csv, flags.svg]) if (path !== undefined) requireWritable(path)
      using run = await openRun(folder, openOptions(flags))
      const { from, to, points, episodes, seed, csv, svg } = flags
      warnOfCommands(people, run, [from, to])
      const sweep = await run.sweep({ from, to, points, episodes, seed })
      if (csv !== undefined) writeWhole(csv, [Buffer.from(csvOf(sweep))])
      if (svg !== undefined) writeWhole(svg, [Buffer.from(await sweepSvg(sweep))])
      const plot = sweepOnTerminal(sweep, process.stdout)
      result(sweep, [...plot, sweepTable(sweep, [from, to])].join('\n'))
    })
}

const columns = ['command', 'achievedMean', 'achievedStd', 'predicted', 'mean', 'std'] as const

/** Numbers with all their digits; the columns have the names of the JSON result. */
const csvOf = ({ rows }: Sweep): string =>
  [columns, ...rows.map((row) => columns.map((name) => row[name] ?? ''))].map((line) => `${line.join(',')}\n`).join('')

/** @param given commands that were typed, and are shown as they are */
function sweepTable({ task, rows, verdict, ...o }: Sweep, given: readonly (number | undefined)[]): string {
  const step = Math.abs(rows[1]!.command - rows[0]!.command)
  const decimals = Math.min(100, Math.max(0, 2 - Math.floor(Math.log10(step))))
  const cells = rows.map((r) => [
    given.includes(r.command) ? String(r.command) : String(Number(r.command.toFixed(decimals))),
    `${short(r.achievedMean)} ± ${short(r.achievedStd)}`,
    r.predicted === undefined ? '–' : short(r.predicted),
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
