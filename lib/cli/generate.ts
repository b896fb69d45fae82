/** gogepo generate <run>: the policy for a command, as a file. */
import { Command } from 'commander'
import { openRun } from '../opened-run.js'
import { short } from '../report/terminal.js'
import { checkpoint, deviceOption, jsonOption, outputs, pythonOption, realOrBest, wholeFrom } from './options.js'

interface GenerateFlags {
  command: number | 'best'
  noise?: boolean
  seed: number
  out: string
  checkpoint: 'last' | 'best' | number
  device?: string
  python?: string
  json?: boolean
}

export function generateCommand(): Command {
  return new Command('generate')
    .description('Writes the policy that the generator makes for a return, as a safetensors file that any program can run.')
    .argument('<run>', 'folder of a run')
    .requiredOption('--command <return>', 'the return to ask for, or best', realOrBest)
    .option('--noise', 'with noise in its parameters, as in training')
    .option('--seed <n>', 'which noise', wholeFrom(0), 1)
    .requiredOption('--out <file>', 'where to write it; a file that is there is replaced')
    .option('--checkpoint <which>', 'last, best (by evaluation) or its steps', checkpoint, 'last')
    .addOption(deviceOption())
    .addOption(pythonOption())
    .addOption(jsonOption())
    .addHelpText('after', '\nExample:\n  gogepo generate runs/Swimmer-v5-s1-1 --command 200 --out policy.safetensors')
    .action(async (folder: string, { command, noise, seed, out, checkpoint, device, python, json }: GenerateFlags) => {
      using run = await openRun(folder, { checkpoint, device, python })
      using policy = await run.policy(command, { noise, seed })
      policy.save(out)
      const { task, predicted } = policy.origin
      outputs(json).result(
        { out, ...policy.origin, observationSize: policy.observationSize, actionSize: policy.actionSize, discrete: policy.discrete },
        `${task}: asked ${short(policy.command)}, the critic expects ${short(predicted)}; a policy of layers ${policy.sizes.join('-')} in ${out}`,
      )
    })
}
