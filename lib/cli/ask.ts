/** What evaluate and sweep share: the run, its checkpoint, the episodes, and where to compute. */
import { Command } from 'commander'
import { whole } from '../base/values.js'
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
