/** How help looks: options in groups, each with the values it takes and its default, then examples. */
import type { AddHelpTextContext, Command, Option } from 'commander'
import { colorsOf, widthOf, wrapped } from '../report/screen.js'
import { ValuedOption } from './options.js'

const widest = 120 // longer lines are hard to read

export function formatHelp(command: Command): Command {
  const width = (stream: NodeJS.WriteStream) => (): number =>
    Math.min(widest, stream.isTTY ? widthOf(stream) : Number(process.env['COLUMNS']) || 80)
  return command
    .configureHelp({
      minWidthToWrap: 20,
      optionDescription,
      styleTitle: (text) => colorsOf(process.stdout).bold(text),
    })
    .configureOutput({ getOutHelpWidth: width(process.stdout), getErrHelpWidth: width(process.stderr) })
}

function optionDescription(option: Option): string {
  const standard: unknown = option.defaultValue
  const valued = option instanceof ValuedOption ? option : undefined
  const notes = [
    valued?.type.expected ?? '',
    standard !== undefined
      ? `default: ${option.defaultValueDescription ?? String(standard)}`
      : valued?.otherwise !== undefined
        ? `default: ${valued.otherwise}`
        : '',
  ].filter(Boolean)
  return notes.length === 0 ? option.description : `${option.description} (${notes.join('; ')})`
}

/** For addHelpText: a list of terms under a title. */
export const section =
  (title: string, items: readonly (readonly [term: string, description: string])[]) =>
  ({ command }: AddHelpTextContext): string => {
    const help = command.createHelp()
    help.prepareContext({ helpWidth: command.configureOutput().getOutHelpWidth!() })
    const width = Math.max(...items.map(([term]) => term.length))
    return [
      '',
      help.styleTitle(title),
      ...items.map(([term, description]) => help.formatItem(term, width, description, help)),
    ].join('\n')
  }

/** For addHelpText: command lines that work. */
export const examples =
  (...lines: string[]) =>
  ({ command }: AddHelpTextContext): string =>
    [
      '',
      command.createHelp().styleTitle(lines.length === 1 ? 'Example:' : 'Examples:'),
      ...lines.map((line) => `  ${line}`),
    ].join('\n')

/** For addHelpText: a sentence, as wide as the rest. */
export const paragraph =
  (text: string) =>
  ({ command }: AddHelpTextContext): string =>
    `\n${wrapped(text, command.configureOutput().getOutHelpWidth!())}`
