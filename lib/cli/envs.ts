/** gogepo envs: lists the native tasks; gogepo envs <task>: shows one task with its options. */
import { Command } from 'commander'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { packageFolder } from '../base/package.js'
import type { EnvSpec, Native } from '../native/contract.js'
import { count, plural, shortest } from '../base/words.js'
import { findTask } from '../env/find-task.js'
import { showTaskOption, taskOptionJson } from '../env/task-options.js'
import { widthOf, wrapped } from '../report/screen.js'
import { examples } from './help.js'
import { jsonOption, outputs, pythonOption } from './options.js'
import { definitions, table } from './table.js'

export function envsCommand(): Command {
  return new Command('envs')
    .description('List the tasks, or show one with its options.')
    .argument('[task]', 'a task’s id, or a file that exports a task')
    .addOption(pythonOption())
    .addOption(jsonOption())
    .addHelpText(
      'after',
      examples('gogepo envs Hopper-v5', 'gogepo envs gymnasium:CartPole-v1', 'gogepo envs ./my-task.ts'),
    )
    .action(async (id: string | undefined, flags: { python?: string; json?: boolean }) => {
      const native = withoutLibtorch()
      if (id === undefined) {
        const tasks = native.envs()
        outputs(flags.json).result(tasks.map(listed), `${list(tasks)}\n\n${paragraphs(otherTasks)}`)
      } else {
        const task = (await findTask(native, id, {}, flags)).spec
        outputs(flags.json).result(listed(task), inFull(task))
      }
    })
}

/**
 * The native tasks from a file that `node scripts/docs.mjs` writes, so that they can be looked up before LibTorch is
 * installed.
 */
function withoutLibtorch(): Native {
  const tasks = JSON.parse(readFileSync(join(packageFolder, 'lib', 'cli', 'native-tasks.json'), 'utf8')) as EnvSpec[]
  const only: Pick<Native, 'envs' | 'env'> = {
    envs: () => tasks,
    env: ({ env }) => tasks.find(({ id }) => id === env)!, // that of the default options: only these are asked for
  }
  return only as Native
}

const otherTasks = [
  'To show the options of a task: gogepo envs <task>',
  'Gymnasium tasks, which run in Python: gymnasium:<id> or gymnasium:<module>:<id>',
  'Your own tasks: the path of a TypeScript or JavaScript file, such as ./my-task.ts (see gogepo check --help)',
]

/** Paragraphs, each as wide as the terminal. */
const paragraphs = (texts: readonly string[]): string =>
  texts.map((text) => wrapped(text, widthOf(process.stdout))).join('\n')

/** As JSON. */
const listed = (t: EnvSpec) => ({
  ...t,
  actionLow: together(t.actionLow),
  actionHigh: together(t.actionHigh),
  options: t.options.map((o) => ({ ...o, default: taskOptionJson(o.default) })),
})

/** One number if all dimensions share it; null if there are none. */
const together = (bounds: number[]): number | number[] | null =>
  bounds.length === 0 ? null : bounds.every((b) => b === bounds[0]) ? bounds[0]! : bounds

const action = (t: EnvSpec): string => {
  if (t.discrete) return plural(t.actionSize, 'choice')
  const bounds = t.actionHigh.map((high, i) =>
    t.actionLow[i] === -high ? `±${shortest(high)}` : `${shortest(t.actionLow[i]!)} to ${shortest(high)}`,
  )
  return `${t.actionSize} (${[...new Set(bounds)].length === 1 ? bounds[0] : bounds.join(', ')})`
}
const returns = (t: EnvSpec): string =>
  Number.isNaN(t.returnMin)
    ? 'range of returns not declared: set returnMin and returnMax'
    : `returns ${t.returnMin} … ${t.returnMax}`

function list(tasks: EnvSpec[]): string {
  const rows = tasks.map((t) => [
    t.id,
    String(t.observationSize),
    action(t),
    `${t.returnMin} … ${t.returnMax}`,
    count(t.maxEpisodeSteps),
    t.survivalBonus === 0 ? '' : String(t.survivalBonus),
    count(t.trainingSteps),
    count(t.evaluateEvery),
    String(t.options.length),
  ])
  return table(
    ['task', 'observation', 'action', 'returns', 'time limit', 'survival bonus', 'steps', 'evaluate every', 'options'],
    rows,
  )
}

function inFull(t: EnvSpec): string {
  const lines = [
    `${t.id}: ${t.source}`,
    `observation ${t.observationSize}, action ${action(t)}, ${returns(t)}, at most ${plural(t.maxEpisodeSteps, 'step')} per episode`,
    `default training: ${plural(t.trainingSteps, 'step')}, with an evaluation every ${plural(t.evaluateEvery, 'step')}${t.survivalBonus === 0 ? '' : `; stored returns exclude the survival bonus of ${t.survivalBonus} per step`}`,
  ]
  if (t.id.startsWith('gymnasium-'))
    return paragraphs([...lines, 'Options, for --env name=value: the keyword arguments of gymnasium.make.'])
  if (t.options.length === 0) return paragraphs([...lines, 'It has no options.'])
  const options = t.options.map(
    (o) => [o.name, `${o.help} (${o.kind}, default: ${showTaskOption(o.default)})`] as const,
  )
  const list = definitions(options, widthOf(process.stdout))
  return `${paragraphs(lines)}\n\nOptions, for --env name=value:\n${list}`
}
