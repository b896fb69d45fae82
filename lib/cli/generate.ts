/** gogepo generate <run>: the policy for a command, as a file. */
import { Command } from 'commander'
import { requireWritable } from '../base/files.js'
import { whole } from '../base/values.js'
import { short } from '../base/words.js'
import { openRun } from '../run/opened-run.js'
import { warnOfCommands } from './ask.js'
import { examples } from './help.js'
import {
  checkpointOption,
  commandOrBest,
  deviceOption,
  jsonOption,
  outputs,
  pythonOption,
  taskOption,
  ValuedOption,
} from './options.js'

interface GenerateFlags {
  command: number | 'best'
  noise?: boolean
  seed: number
  out: string
  checkpoint: 'last' | 'best' | number
  device?: string
  python?: string
  task?: string
  json?: boolean
}

export function generateCommand(): Command {
  return new Command('generate')
    .description(
      'Write the policy that the generator makes for a return, as a safetensors file that any program can run.',
    )
    .argument('<run>', 'the folder of a run')
    .optionsGroup('What to command:')
    .addOption(
      new ValuedOption(
        '--command <return>',
        'the return to command; best is the highest of the run’s training',
        commandOrBest,
      ).default('best'),
    )
    .requiredOption('--out <file>', 'the file to write; an existing file is replaced')
    .option('--noise', 'add parameter noise, as in training')
    .addOption(new ValuedOption('--seed <n>', 'the seed of the noise', whole(0)).default(1))
    .addOption(checkpointOption())
    .optionsGroup('Where to compute:')
    .addOption(deviceOption())
    .addOption(pythonOption())
    .addOption(taskOption())
    .optionsGroup('Output:')
    .addOption(jsonOption())
    .addHelpText('after', examples('gogepo generate runs/Swimmer-v5-s1-1 --command 200 --out policy.safetensors'))
    .action(async (folder: string, flags: GenerateFlags) => {
      const { command, noise, seed, out, checkpoint, device, python, task: again, json } = flags
      requireWritable(out)
      using run = await openRun(folder, { checkpoint, device, python, task: again })
      using policy = await run.policy(command, { noise, seed })
      policy.save(out)
      const { task, command: commanded, predicted } = policy.origin
      const { observationSize, actionSize, discrete } = policy
      const { people, result } = outputs(json)
      warnOfCommands(people, run, [commanded])
      const notes = [
        ...(commanded === null ? [] : [`commanded ${commanded}`]),
        ...(predicted === null ? [] : [`the critic predicts ${short(predicted)}`]),
        `a policy with layers ${policy.sizes.join('-')} in ${out}`,
      ]
      result({ out, ...policy.origin, observationSize, actionSize, discrete }, `${task}: ${notes.join('; ')}`)
    })
}
