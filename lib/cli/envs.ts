/** gogepo envs: the tasks there are; gogepo envs <task>: one of them, with its options. */
import { Command } from 'commander'
import type { EnvSpec } from '../native/contract.js'
import { openNative } from '../native/open.js'
import { count } from '../base/words.js'
import { findTask } from '../env/find-task.js'
import { showTaskOption, taskOptionJson } from '../env/task-options.js'
import { examples } from './help.js'
import { jsonOption, outputs, pythonOption } from './options.js'
import { table } from './table.js'

export function envsCommand(): Command {
  return new Command('envs')
    .description('Lists the tasks, or shows one with its options.')
    .argument('[task]', 'one task’s id, or a file that exports one')
    .addOption(pythonOption())
    .addOption(jsonOption())
    .addHelpText(
      'after',
      examples('gogepo envs Hopper-v5', 'gogepo envs gymnasium:CartPole-v1', 'gogepo envs ./my-task.ts'),
    )
    .action(async (id: string | undefined, flags: { python?: string; json?: boolean }) => {
      const native = openNative()
      if (id === undefined) {
        const tasks = native.envs()
        outputs(flags.json).result(
          tasks.map(listed),
          `${list(tasks)}\n\nOptions of a task: gogepo envs <task>\nGymnasium’s, in Python: gymnasium:[<module>:]<id>\nYour own: a file, as in gogepo check --help`,
        )
      } else {
        const task = (await findTask(native, id, {}, flags.python)).spec
        outputs(flags.json).result(listed(task), inFull(task))
      }
    })
}

const listed = (t: EnvSpec) => ({
  ...t,
  actionLow: together(t.actionLow),
  actionHigh: together(t.actionHigh),
  options: t.options.map((o) => ({ ...o, default: taskOptionJson(o.default) })),
})

/** One number where all dimensions share it; null where there are none. */
const together = (bounds: number[]): number | number[] | null =>
  bounds.length === 0 ? null : bounds.every((b) => b === bounds[0]) ? bounds[0]! : bounds

const action = (t: EnvSpec): string => {
  if (t.discrete) return `${t.actionSize} choices`
  const bounds = t.actionHigh.map((high, i) => (t.actionLow[i] === -high ? `±${high}` : `${t.actionLow[i]} to ${high}`))
  return `${t.actionSize} (${[...new Set(bounds)].length === 1 ? bounds[0] : bounds.join(', ')})`
}
const returns = (t: EnvSpec): string =>
  Number.isNaN(t.returnMin)
    ? 'returns not said: set returnMin and returnMax'
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
    `observation ${t.observationSize}, action ${action(t)}, ${returns(t)}, at most ${count(t.maxEpisodeSteps)} steps an episode`,
    `usual training: ${count(t.trainingSteps)} steps, an evaluation every ${count(t.evaluateEvery)}${t.survivalBonus === 0 ? '' : `; stored returns leave out ${t.survivalBonus} a step for being alive`}`,
  ]
  const width = Math.max(...t.options.map((o) => o.name.length))
  const options = t.options.map(
    (o) => `  ${o.name.padEnd(width)}  ${o.help} (${o.kind}, default ${showTaskOption(o.default)})`,
  )
  return [
    ...lines,
    ...(options.length === 0
      ? [
          t.id.startsWith('gymnasium-')
            ? 'Options, for --env name=value: what gymnasium.make takes.'
            : 'It has no options.',
        ]
      : ['', 'Options, for --env name=value:', ...options]),
  ].join('\n')
}
