/** gogepo algorithms: the algorithms there are; gogepo algorithms <name>: one of them with its settings, presets and metrics. */
import { Command } from 'commander'
import { tableOf, type Algorithm } from '../algorithms/algorithm.js'
import { algorithms, findAlgorithm } from '../algorithms/registry.js'
import { showValue } from '../base/words.js'
import { widthOf, wrapped } from '../report/screen.js'
import { showDefault } from '../settings/setting.js'
import { examples } from './help.js'
import { jsonOption, outputs } from './options.js'

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
      print(algorithms.map(asJson), `${list(rows)}\n\nSettings, presets and metrics of one: gogepo algorithms <name>`)
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
    `${name}: ${summary}`,
    paper,
    '',
    'Settings, for --set name=value:',
    list(settingRows(algorithm)),
    '',
    'Presets, for --preset name; the first is the default:',
    list(presetRows(algorithm)),
    '',
    'Metrics of an iteration, in events.jsonl:',
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

function list(rows: readonly Row[]): string {
  const width = Math.max(...rows.map(([term]) => term.length))
  const screen = Math.min(widthOf(process.stdout), 120)
  return rows
    .map(([term, text]) => `  ${term.padEnd(width)}  ${wrapped(text, screen - width - 4, ' '.repeat(width + 4))}`)
    .join('\n')
}
