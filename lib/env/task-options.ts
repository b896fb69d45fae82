/** Options of a task, as text and as JSON. The options that a native task has are declared on its page in native/env. */
import { GogepoError } from '../base/errors.js'
import { describe, parseNumber, quoted } from '../base/words.js'
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
 * Reads `name=value` as `--env` takes it: true, false, none, a number, two numbers with a comma between them, a list, an object or
 * text in quotes as JSON has them, or any other text. inf and -inf are numbers too.
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
  if (/^["[{]/.test(text))
    try {
      return JSON.parse(text) as TaskOptionValue
    } catch {
      return text
    }
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
export function showTaskOption(value: TaskOptionValue): string {
  if (isRange(value)) return value.map(showTaskOption).join(',')
  if (typeof value === 'string') return parseValue(value) === value ? value : JSON.stringify(value)
  return typeof value === 'number' ? String(value).replace('Infinity', 'inf') : JSON.stringify(value)
}

const isRange = (value: unknown): value is readonly [number, number] =>
  Array.isArray(value) && value.length === 2 && value.every(isNumber)
const isNumber = (value: unknown): value is number => typeof value === 'number' && !Number.isNaN(value)

/** Whether JSON holds a value as it is. */
function isJson(value: unknown, depth = 0): boolean {
  if (value === null || typeof value === 'boolean' || typeof value === 'string') return true
  if (typeof value === 'number') return Number.isFinite(value)
  if (typeof value !== 'object' || depth > 100) return false
  const plain = Array.isArray(value) || [Object.prototype, null].includes(Object.getPrototypeOf(value) as object | null)
  return plain && Object.values(value).every((part) => isJson(part, depth + 1))
}

/** The options that a program passed, without those that are undefined. @throws GogepoError ERR_TASK_OPTION */
export function requireTaskOptions(task: string, options: TaskOptions): TaskOptions {
  const given = Object.entries(options).filter(([, value]) => (value as unknown) !== undefined)
  for (const [name, value] of given)
    if (!isJson(value) && !isNumber(value) && !isRange(value))
      throw new GogepoError(
        'ERR_TASK_OPTION',
        `${quoted(task)}: expected the option ${quoted(name)} to be a number, true, false, null, text, or a list or an object of these, got ${describe(value)}.`,
      )
  return Object.fromEntries(given)
}

/** All options as `--env` takes them. */
export const showTaskOptions = (options: TaskOptions): string[] =>
  Object.entries(options).map(([name, value]) => `${name}=${showTaskOption(value)}`)

/**
 * JSON has no infinity: in a range "inf" and "-inf" stand for it, elsewhere { number: "inf" }. Other lists and objects are
 * wrapped as { json: … }.
 */
type TaskOptionJson =
  number | boolean | string | null | (number | string)[] | { number: string } | { json: TaskOptionValue }
export type TaskOptionsJson = Record<string, TaskOptionJson>

export function taskOptionJson(value: TaskOptionValue): TaskOptionJson {
  if (isRange(value)) return value.map((end) => (Number.isFinite(end) ? end : showTaskOption(end)))
  if (typeof value === 'object' && value !== null) return { json: value }
  return typeof value !== 'number' || Number.isFinite(value) ? value : { number: showTaskOption(value) }
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
  const { number: infinite, json: wrapped } = (json ?? {}) as { number?: unknown; json?: unknown }
  if (typeof wrapped === 'object' && wrapped !== null && isJson(wrapped)) return wrapped as TaskOptionValue
  const value: unknown = Array.isArray(json) ? json.map(number) : typeof infinite === 'string' ? number(infinite) : json
  const scalar = value === null || typeof value === 'boolean' || typeof value === 'string' || isNumber(value)
  if (!scalar && !isRange(value))
    throw new Error(
      `expected taskOptions.${quoted(name)} to be a number, true, false, null, text, two numbers, or { "json": … }`,
    )
  return value as TaskOptionValue
}
