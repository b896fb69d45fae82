/** gogepo runs [dir]: the runs in a folder, and the state of each. */
import { Command } from 'commander'
import { existsSync, statSync } from 'node:fs'
import { GogepoError } from '../base/errors.js'
import { count, short } from '../base/words.js'
import { listedRun, runsBelow } from '../run/listing.js'
import { examples } from './help.js'
import { jsonOption, outputs } from './options.js'
import { table } from './table.js'

export function runsCommand(): Command {
  return new Command('runs')
    .description(
      'List the runs in a folder: task, seed, steps, best stored return, best evaluation, date, and whether each is finished, interrupted or running.',
    )
    .argument('[dir]', 'the folder that contains runs', 'runs')
    .addOption(jsonOption())
    .addHelpText('after', examples('gogepo runs'))
    .action((dir: string, flags: { json?: boolean }) => {
      if (!existsSync(dir) || !statSync(dir).isDirectory())
        throw new GogepoError(
          'ERR_RUN',
          `${dir} ${existsSync(dir) ? 'is not a folder' : 'does not exist'}. Runs are in ./runs unless train was given another --run folder.`,
        )
      const runs = runsBelow(dir).map(listedRun)
      const rows = runs.map((r) => [
        r.run,
        r.algorithm,
        r.task,
        String(r.seed),
        count(r.steps),
        r.best === null ? '' : short(r.best),
        r.bestEvaluation === null ? '' : short(r.bestEvaluation),
        r.created?.slice(0, 10) ?? '',
        r.state,
      ])
      const head = [
        'run',
        'algorithm',
        'task',
        'seed',
        'steps',
        'best return',
        'best evaluation (full reward)',
        'date',
        'state',
      ]
      outputs(flags.json).result(runs, runs.length === 0 ? `There are no runs in ${dir}.` : table(head, rows))
    })
}
