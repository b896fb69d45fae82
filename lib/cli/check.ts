/** gogepo check <file>: finds mistakes in a user-defined task. */
import { Command } from 'commander'
import { checkEnv } from '../env/check-env.js'
import { loadFactory, moduleName } from '../env/typescript-task.js'
import { widthOf, wrapped } from '../report/screen.js'
import { examples } from './help.js'
import { jsonOption, outputs } from './options.js'

export function checkCommand(): Command {
  return new Command('check')
    .description(
      'Run a user-defined task with random actions and show what is wrong with it and how to fix it. The exit code is 1 if anything is wrong.',
    )
    .argument(
      '<file>',
      'a file whose default export is a class or function that makes environments, such as ./my-task.ts',
    )
    .addOption(jsonOption())
    .addHelpText('after', examples('gogepo check ./my-task.ts'))
    .action(async (file: string, flags: { json?: boolean }) => {
      const task = moduleName(file)
      const findings = await checkEnv(await loadFactory(file))
      const width = widthOf(process.stdout) - 3
      const words = findings.map(
        ({ kind, problem, fix }, i) =>
          `${wrapped(`${i + 1}. ${kind}: ${problem}.`, width, '   ')}\n   ${wrapped(fix, width, '   ')}`,
      )
      outputs(flags.json).result(
        { task, findings },
        findings.length === 0
          ? `${task}: no problems found. Train on it with: gogepo train ${task}`
          : `${task}:\n${words.join('\n')}`,
      )
      if (findings.length > 0) process.exitCode = 1
    })
}
