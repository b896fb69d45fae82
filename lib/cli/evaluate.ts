/** gogepo evaluate <run>: commands a return and shows what is achieved; or runs a policy file. */
import { existsSync, statSync } from 'node:fs'
import { Option, type Command } from 'commander'
import { GogepoError } from '../base/errors.js'
import { plural, short } from '../base/words.js'
import { openRun, type CommandResult } from '../run/opened-run.js'
import { evaluatePolicyFile } from '../run/policy-evaluation.js'
import { askCommand, openOptions, warnOfCommands, withAskOptions, type AskFlags } from './ask.js'
import { examples } from './help.js'
import { commandOrBest, outputs, ValuedOption, warnOfThreads } from './options.js'
import { table } from './table.js'

export function evaluateCommand(): Command {
  const command = askCommand('evaluate', 'the folder of a run, or a policy file that gogepo generate wrote')
    .description('Command a return and run the policy that the generator makes for it; or run a policy file.')
    .addOption(
      new ValuedOption(
        '--command <return>',
        'the return to command; best is the highest of the run’s training',
        commandOrBest,
      ).default('best'),
    )
  return withAskOptions(command)
    .addOption(new Option('--verbose', 'also print each episode'))
    .addHelpText(
      'after',
      examples(
        'gogepo evaluate runs/Swimmer-v5-s1-1 --command 200',
        'gogepo evaluate policy.safetensors --episodes 100',
      ),
    )
    .action(async (path: string, flags: EvaluateFlags, command: Command) => {
      warnOfThreads(outputs(flags.json).people, flags)
      if (isFile(path)) return show(await evaluateFile(path, flags, command), flags)
      using run = await openRun(path, openOptions(flags))
      const result = await run.evaluate(flags.command, { episodes: flags.episodes, seed: flags.seed })
      warnOfCommands(outputs(flags.json).people, run, [result.command])
      show(result, flags)
    })
}

interface EvaluateFlags extends AskFlags {
  command: number | 'best'
  verbose?: boolean
}

const isFile = (path: string): boolean => existsSync(path) && statSync(path).isFile()

/** @throws GogepoError ERR_ARGUMENT when an option makes no sense for a single policy */
function evaluateFile(path: string, flags: EvaluateFlags, command: Command): Promise<CommandResult> {
  for (const option of ['command', 'checkpoint', 'device'])
    if (command.getOptionValueSource(option) === 'cli')
      throw new GogepoError(
        'ERR_ARGUMENT',
        `--${option} belongs to a run, and ${path} is a file with one policy. Omit it, or name the folder of a run.`,
      )
  const { episodes, seed, threads, python, task } = flags
  return evaluatePolicyFile(path, { episodes, seed, threads, python, task })
}

function show(r: CommandResult, { json, verbose, episodes }: EvaluateFlags): void {
  const { people, result } = outputs(json)
  if (verbose) {
    const rows = r.returns.map((full, i) => [String(i + 1), short(full), short(r.achieved[i]!), String(r.lengths[i])])
    people.write(`${table(['episode', 'full reward', 'achieved', 'steps'], rows)}\n`)
  }
  result(r, resultLine(r, episodes))
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
