/** Options of a task, as text and as JSON. The options that a native task has are declared on its page in native/env. */
import { GogepoError } from '../base/errors.js'
import { parseNumber, quoted } from '../base/words.js'
import type { TaskOptions, TaskOptionValue } from '../native/contract.js'

/** What Python and JSON call these values. */
const words: ReadonlyMap<string, TaskOptionValue> = new Map<string, TaskOptionValue>([
  ['true', true],
  ['True', true],
  ['false', false],
  ['False', false],
  ['null', null],
  ['None', null],
])

/**
 * Reads `name=value` as `--env` takes it: true, false, none, a number, two numbers with a comma between them, or any other text.
 * inf and -inf are numbers too.
 * @throws GogepoError ERR_TASK_OPTION when there is no name
 */
export function parseTaskOption(text: string): TaskOptions {
  const equals = text.indexOf('=')
  const name = text.slice(0, equals).trim()
  const value = text.slice(equals + 1).trim()
  if (equals < 0 || name === '' || value === '')
    throw new GogepoError(
      'ERR_TASK_OPTION',
      `--env: expected name=value, such as terminate_when_unhealthy=false, reset_noise_scale=0.1 or healthy_z_range=0.7,inf, got "${quoted(text)}".`,
    )
  return { [name]: parseValue(value) }
}

function parseValue(text: string): TaskOptionValue {
  if (words.has(text)) return words.get(text)!
  const numbers = text.split(',').map(parseExtended)
  if (numbers.length > 2 || numbers.some(Number.isNaN)) return text
  return numbers.length === 2 ? (numbers as unknown as [number, number]) : numbers[0]!
}

/** A number, also an infinite one. */
function parseExtended(text: string): number {
  const [, sign, rest] = /^\s*([-+]?)(.*?)\s*$/s.exec(text)!
  const size = rest === 'inf' ? Infinity : /^[-+]/.test(rest!) ? NaN : parseNumber(rest!)
  return sign === '-' ? -size : size
}

/** A value as `--env` takes it. */
export const showTaskOption = (value: TaskOptionValue): string =>
  (Array.isArray(value) ? value : [value]).map((part) => String(part).replace('Infinity', 'inf')).join(',')

/** All options as `--env` takes them. */
export const showTaskOptions = (options: TaskOptions): string[] =>
  Object.entries(options).map(([name, value]) => `${name}=${showTaskOption(value)}`)

/** JSON has no infinity: in a range "inf" and "-inf" stand for it, elsewhere { number: "inf" }. */
type TaskOptionJson = number | boolean | string | null | (number | string)[] | { number: string }
export type TaskOptionsJson = Record<string, TaskOptionJson>

export function taskOptionJson(value: TaskOptionValue): TaskOptionJson {
  if (Array.isArray(value)) return value.map((end: number) => (Number.isFinite(end) ? end : showTaskOption(end)))
  if (typeof value === 'number' && !Number.isFinite(value)) return { number: showTaskOption(value) }
  return value as TaskOptionJson
}

export const taskOptionsJson = (options: TaskOptions): TaskOptionsJson =>
  Object.fromEntries(Object.entries(options).map(([name, value]) => [name, taskOptionJson(value)]))

/** @throws Error when it is not such JSON */
export function readTaskOptions(json: unknown): TaskOptions {
  if (typeof json !== 'object' || json === null || Array.isArray(json))
    throw new Error('expected taskOptions to be an object')
  return Object.fromEntries(Object.entries(json).map(([name, value]) => [name, readTaskOption(name, value)]))
}

function readTaskOption(name: string, json: unknown): TaskOptionValue {
  const number = (part: unknown): unknown => (typeof part === 'string' ? parseExtended(part) : part)
  const value: unknown = Array.isArray(json)
    ? json.map(number)
    : typeof json === 'object' && json !== null && 'number' in json && typeof json.number === 'string'
      ? number(json.number)
      : json
  const isNumber = (part: unknown): boolean => typeof part === 'number' && !Number.isNaN(part)
  if (
    value !== null &&
    typeof value !== 'boolean' &&
    typeof value !== 'string' &&
    !isNumber(value) &&
    !(Array.isArray(value) && value.length === 2 && value.every(isNumber))
  )
    throw new Error(`expected taskOptions.${quoted(name)} to be a number, true, false, null, text or two numbers`)
  return value as TaskOptionValue
}
