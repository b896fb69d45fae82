/** What evaluate and sweep share: the run, its checkpoint, the episodes, and where to compute. */
import { Command } from 'commander'
import { whole } from '../base/values.js'
import { short } from '../base/words.js'
import type { OpenedRun } from '../run/opened-run.js'
import { mostEpisodes } from '../settings/common.js'
import {
  checkpointOption,
  deviceOption,
  jsonOption,
  pythonOption,
  taskOption,
  threadsOption,
  ValuedOption,
} from './options.js'

export interface AskFlags {
  episodes: number
  seed: number
  checkpoint: 'last' | 'best' | number
  device?: string
  threads?: number
  python?: string
  task?: string
  json?: boolean
}

export const askCommand = (name: string, what: string): Command =>
  new Command(name).argument('<run>', what).optionsGroup('What to command:')

/** The options that both verbs share. */
export function withAskOptions(command: Command): Command {
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

export const openOptions = ({ device, threads, python, task, checkpoint }: AskFlags) => ({
  checkpoint,
  python,
  task,
  device,
  threads,
})

/** Warns of commands outside of the range of commands and of all returns achieved in training. */
export function warnOfCommands(
  people: NodeJS.WritableStream,
  { config, lowest, best }: OpenedRun,
  commands: readonly (number | null | undefined)[],
): void {
  const { returnMin, returnMax } = config.settings as Partial<Record<string, number>>
  if (returnMin === undefined || returnMax === undefined) return
  const [low, high] = [Math.min(returnMin, lowest), Math.max(returnMax, best)]
  const outside = commands.filter((command) => typeof command === 'number' && (command < low || command > high))
  if (outside.length > 0)
    people.write(
      `Warning: ${outside.join(' and ')} ${outside.length === 1 ? 'is' : 'are'} outside the range of commands (${returnMin} to ${returnMax}) and of the returns achieved in training (${short(lowest)} to ${short(best)}).\n`,
    )
}
