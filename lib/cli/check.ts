/** gogepo check <file>: what is wrong with a task of one's own. */
import { Command } from 'commander'
import { checkEnv } from '../env/check-env.js'
import { loadFactory, moduleName } from '../env/typescript-task.js'
import { examples } from './help.js'
import { jsonOption, outputs } from './options.js'

export function checkCommand(): Command {
  return new Command('check')
    .description(
      'Runs a task of one’s own with random actions and says what is wrong with it and how to mend it. Exit code 1 when there is something.',
    )
    .argument('<file>', 'a file that exports a class or function as its default, such as ./my-task.ts')
    .addOption(jsonOption())
    .addHelpText('after', examples('gogepo check ./my-task.ts'))
    .action(async (file: string, flags: { json?: boolean }) => {
      const task = moduleName(file)
      const findings = await checkEnv(await loadFactory(file))
      const words = findings.map(({ kind, problem, fix }, i) => `${i + 1}. ${kind}: ${problem}.\n   ${fix}`)
      outputs(flags.json).result(
        { task, findings },
        findings.length === 0
          ? `${task}: nothing was found wrong. Train on it: gogepo train ${task}`
          : `${task}:\n${words.join('\n')}`,
      )
      if (findings.length > 0) process.exitCode = 1
    })
}
