/**
 * gogepo algorithms: lists the algorithms; gogepo algorithms <name>: shows one with its settings, presets and metrics.
 */
import { Command } from 'commander'
import { tableOf, type Algorithm } from '../algorithms/algorithm.js'
import { algorithms, findAlgorithm } from '../algorithms/registry.js'
import { showValue } from '../base/words.js'
import { widthOf, wrapped } from '../report/screen.js'
import { showDefault } from '../settings/setting.js'
import { examples } from './help.js'
import { jsonOption, outputs } from './options.js'
import { definitions } from './table.js'

type Row = readonly [term: string, description: string]

export function algorithmsCommand(): Command {
  return new Command('algorithms')
    .description('List the algorithms, or show one with its paper, settings, presets and metrics.')
    .argument('[name]', 'the name of an algorithm')
    .addOption(jsonOption())
    .addHelpText('after', examples('gogepo algorithms', 'gogepo algorithms ars'))
    .action((name: string | undefined, flags: { json?: boolean }) => {
      const print = outputs(flags.json).result
      if (name !== undefined) {
        const algorithm = findAlgorithm(name)
        return print(asJson(algorithm), inFull(algorithm))
      }
      const rows = algorithms.map(({ name, summary, paper }): Row => [name, `${summary}. ${paper}`])
      print(
        algorithms.map(asJson),
        `${list(rows)}\n\n${wrapped('To show the settings, presets and metrics of an algorithm: gogepo algorithms <name>', screen())}`,
      )
    })
}

function asJson(algorithm: Algorithm) {
  const { name, summary, paper, presets, metrics, takesCommands } = algorithm
  return {
    name,
    summary,
    paper,
    takesCommands,
    settings: Object.entries(tableOf(algorithm)).map(([name, { type, default: standard, help, source, scope }]) => ({
      name,
      default: standard ?? null,
      expected: type.expected,
      help,
      source,
      scope,
    })),
    presets: Object.entries(presets).map(([name, { help, settings }]) => ({
      name,
      help,
      settings: typeof settings === 'function' ? null : settings,
    })),
    metrics,
  }
}

function inFull(algorithm: Algorithm): string {
  const { name, summary, paper, metrics } = algorithm
  return [
    wrapped(`${name}: ${summary}`, screen()),
    wrapped(paper, screen()),
    '',
    'Settings, for --set name=value:',
    list(settingRows(algorithm)),
    '',
    'Presets, for --preset name; the first is the default:',
    list(presetRows(algorithm)),
    '',
    'Metrics of each iteration, in events.jsonl:',
    list(Object.entries(metrics)),
  ].join('\n')
}

/** Each setting with what it takes and its default. */
export const settingRows = (algorithm: Algorithm): Row[] =>
  Object.entries(tableOf(algorithm)).map(([name, setting]) => [
    name,
    `${setting.help} (${setting.type.expected}; default: ${showDefault(setting)})`,
  ])

/** Each preset with what it sets. */
export const presetRows = ({ presets }: Algorithm): Row[] =>
  Object.entries(presets).map(([name, { help, settings }]) => {
    const values = typeof settings === 'function' ? [] : Object.entries(settings)
    const set = values.map(([setting, value]) => `${setting}=${showValue(value)}`).join(' ')
    return [name, set === '' ? help : `${help} (${set})`]
  })

const screen = (): number => Math.min(widthOf(process.stdout), 120)
const list = (rows: readonly Row[]): string => definitions(rows, screen())
