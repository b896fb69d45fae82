/** gogepo envs: the tasks there are. */
import { Command } from 'commander'
import { openNative } from '../native.js'
import { count } from '../report/terminal.js'
import { jsonOption, outputs } from './options.js'
import { table } from './table.js'

export function envsCommand(): Command {
  return new Command('envs')
    .description('Lists the tasks.')
    .addOption(jsonOption())
    .action((flags: { json?: boolean }) => {
      const tasks = openNative().envs()
      const rows = tasks.map((t) => [
        t.id, String(t.observationSize), t.discrete ? `${t.actionSize} choices` : `${t.actionSize} (±${t.actionHigh[0]})`, `${t.returnMin} … ${t.returnMax}`,
        count(t.maxEpisodeSteps), t.survivalBonus === 0 ? '' : String(t.survivalBonus), count(t.trainingSteps), count(t.evaluateEvery),
      ])
      const listed = tasks.map((t) => ({ ...t, actionLow: together(t.actionLow), actionHigh: together(t.actionHigh) }))
      outputs(flags.json).result(listed, table(['task', 'observation', 'action', 'returns', 'time limit', 'survival bonus', 'steps', 'evaluate every'], rows))
    })
}

/** One number where all dimensions share it; null where there are none. */
const together = (bounds: number[]): number | number[] | null => (bounds.length === 0 ? null : bounds.every((b) => b === bounds[0]) ? bounds[0]! : bounds)
