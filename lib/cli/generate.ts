/** gogepo generate <run>: the policy for a command, as a file. */
import { Command } from 'commander'
import { openRun } from '../opened-run.js'
import { short } from '../report/terminal.js'
import { examples } from './help.js'
import {
  checkpoint,
  deviceOption,
  jsonOption,
  outputs,
  pythonOption,
  realOrBest,
  taskOption,
  ValuedOption,
  whole,
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
      'Writes the policy that the generator makes for a return, as a safetensors file that any program can run.',
    )
    .argument('<run>', 'folder of a run')
    .optionsGroup('What to ask:')
    .addOption(
      new ValuedOption(
        '--command <return>',
        'the return to ask for; best is the highest of its training',
        realOrBest,
      ).makeOptionMandatory(),
    )
    .requiredOption('--out <file>', 'where to write it; a file that is there is replaced')
    .option('--noise', 'with noise in its parameters, as in training')
    .addOption(new ValuedOption('--seed <n>', 'which noise', whole(0)).default(1))
    .addOption(
      new ValuedOption('--checkpoint <which>', 'of the run; best is by evaluation', checkpoint).default('last'),
    )
    .optionsGroup('Where it computes:')
    .addOption(deviceOption())
    .addOption(pythonOption())
    .addOption(taskOption())
    .optionsGroup('What is said:')
    .addOption(jsonOption())
    .addHelpText('after', examples('gogepo generate runs/Swimmer-v5-s1-1 --command 200 --out policy.safetensors'))
    .action(
      async (
        folder: string,
        { command, noise, seed, out, checkpoint, device, python, task: again, json }: GenerateFlags,
      ) => {
        using run = await openRun(folder, { checkpoint, device, python, task: again })
        using policy = await run.policy(command, { noise, seed })
        policy.save(out)
        const { task, predicted } = policy.origin
        outputs(json).result(
          {
            out,
            ...policy.origin,
            observationSize: policy.observationSize,
            actionSize: policy.actionSize,
            discrete: policy.discrete,
          },
          `${task}: asked ${short(policy.command)}, the critic expects ${short(predicted)}; a policy of layers ${policy.sizes.join('-')} in ${out}`,
        )
      },
    )
}
