/** gogepo check <task>: finds mistakes in a user-defined task. */
import { Command } from 'commander'
import { existsSync } from 'node:fs'
import { GogepoError } from '../base/errors.js'
import { short } from '../base/words.js'
import { checkTask, type Checked } from '../env/check-env.js'
import { checkGymnasium } from '../env/gymnasium-check.js'
import { gymnasiumPrefix } from '../env/gymnasium-task.js'
import { isModulePath, loadFactory, meantModule, moduleName } from '../env/typescript-task.js'
import { unknownTask } from '../env/unknown-task.js'
import { openNative } from '../native/open.js'
import { widthOf, wrapped } from '../report/screen.js'
import { examples } from './help.js'
import { jsonOption, outputs, pythonOption } from './options.js'

export function checkCommand(): Command {
  return new Command('check')
    .description(
      'Run a user-defined task with random actions and show what is wrong with it and how to fix it. The exit code is 1 if anything is wrong.',
    )
    .argument(
      '<task>',
      'a file whose default export is a class or function that makes environments, such as ./my-task.ts, or gymnasium:<module>:<id>',
    )
    .addOption(pythonOption())
    .addOption(jsonOption())
    .addHelpText('after', examples('gogepo check ./my-task.ts', 'gogepo check gymnasium:my_module:MyTask-v0'))
    .action(async (name: string, { python, json }: { python?: string; json?: boolean }) => {
      const isGymnasium = name.startsWith(gymnasiumPrefix)
      const known = isGymnasium
        ? []
        : openNative()
            .envs()
            .map(({ id }) => id)
      if (known.includes(name))
        throw new GogepoError(
          'ERR_ARGUMENT',
          `check: expected a user-defined task, got ${name}, which comes with gogepo. Train on it with: gogepo train ${name}`,
        )
      if (!isGymnasium && !isModulePath(name) && !existsSync(name) && meantModule(name) === '' && !/\.py$/i.test(name))
        throw await unknownTask(name, known, python)
      const task = isGymnasium ? name : moduleName(name)
      const checked = isGymnasium
        ? await checkGymnasium(openNative(), name, python)
        : { ...(await checkTask(await loadFactory(name))), declared: true }
      outputs(json).result(asJson(task, checked), inWords(task, checked))
      if (checked.findings.length > 0) process.exitCode = 1
    })
}

type Result = Checked & { declared: boolean }

const asJson = (task: string, { findings, returns, proposedRange }: Result) => ({
  task,
  findings,
  returns: returns.length === 0 ? null : { lowest: Math.min(...returns), highest: Math.max(...returns) },
  proposedRange: proposedRange ?? null,
})

function inWords(task: string, { findings, returns, proposedRange, declared }: Result): string {
  const width = widthOf(process.stdout) - 3
  const list = findings.map(
    ({ kind, problem, fix }, i) =>
      `${wrapped(`${i + 1}. ${kind}: ${problem}.`, width, '   ')}\n   ${wrapped(fix, width, '   ')}`,
  )
  // A Gymnasium task cannot declare its range of returns.
  const settings =
    declared || !proposedRange ? '' : ` --set returnMin=${proposedRange[0]} --set returnMax=${proposedRange[1]}`
  const sampled =
    settings === ''
      ? ''
      : `Episodes with random and constant actions returned ${short(Math.min(...returns))} to ${short(Math.max(...returns))}. Raise returnMax to what the best policy could achieve.`
  return [
    findings.length === 0
      ? wrapped(`${task}: no problems found. Train on it with: gogepo train ${task}${settings}`, width)
      : `${task}:\n${list.join('\n')}`,
    ...(sampled === '' ? [] : [wrapped(sampled, width)]),
  ].join('\n')
}
