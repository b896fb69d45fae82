/** Options of a task, as text and as JSON. Which ones a task has is said on its page in native/env. */
import { GogepoError } from './errors.js'
import { quoted } from './files.js'
import type { TaskOptions, TaskOptionValue } from './native.js'

/**
 * Reads `name=value` as `--env` takes it: true, false, a number, or two with a comma between; inf and -inf are numbers too.
 * @throws GogepoError ERR_TASK_OPTION when it is malformed
 */
export function parseTaskOption(text: string): TaskOptions {
  const malformed = (): GogepoError =>
    new GogepoError(
      'ERR_TASK_OPTION',
      `Task option: expected name=value, such as terminate_when_unhealthy=false, reset_noise_scale=0.1 or healthy_z_range=0.7,inf, got "${text}".`,
    )
  const equals = text.indexOf('=')
  const name = text.slice(0, equals).trim()
  const value = text.slice(equals + 1).trim()
  if (equals < 0 || name === '') throw malformed()
  if (value === 'true' || value === 'false') return { [name]: value === 'true' }
  const numbers = value.split(',').map(numeric)
  if (numbers.some(Number.isNaN) || numbers.length > 2) throw malformed()
  return { [name]: numbers.length === 2 ? (numbers as unknown as [number, number]) : numbers[0]! }
}

const numeric = (text: string): number => {
  const [, sign, rest] = /^\s*([-+]?)(.*?)\s*$/s.exec(text)!
  const size = rest === 'inf' ? Infinity : /^(\d+\.?\d*|\.\d+)(e[-+]?\d+)?$/i.test(rest!) ? Number(rest) : NaN
  return sign === '-' ? -size : size
}

/** A value as --env takes it. */
export const showTaskOption = (value: TaskOptionValue): string =>
  (typeof value === 'object' ? value : [value]).map((part) => String(part).replace('Infinity', 'inf')).join(',')

/** JSON has no infinity: "inf" and "-inf" stand for it. */
type TaskOptionJson = number | boolean | (number | string)[]
export type TaskOptionsJson = Record<string, TaskOptionJson>

export const taskOptionJson = (value: TaskOptionValue): TaskOptionJson =>
  typeof value === 'object' ? value.map((end) => (Number.isFinite(end) ? end : showTaskOption(end))) : value

export const taskOptionsJson = (options: TaskOptions): TaskOptionsJson =>
  Object.fromEntries(Object.entries(options).map(([name, value]) => [name, taskOptionJson(value)]))

/** @throws Error when it is no such JSON */
export function readTaskOptions(json: unknown): TaskOptions {
  if (typeof json !== 'object' || json === null || Array.isArray(json))
    throw new Error('expected taskOptions to be an object')
  return Object.fromEntries(Object.entries(json).map(([name, value]) => [name, readTaskOption(name, value)]))
}

function readTaskOption(name: string, json: unknown): TaskOptionValue {
  const value: unknown = Array.isArray(json)
    ? json.map((end: unknown) => (typeof end === 'string' ? numeric(end) : end))
    : json
  const isNumber = (part: unknown): boolean => typeof part === 'number' && !Number.isNaN(part)
  if (
    typeof value !== 'boolean' &&
    !isNumber(value) &&
    !(Array.isArray(value) && value.length === 2 && value.every(isNumber))
  )
    throw new Error(`expected taskOptions.${quoted(name)} to be a number, true, false or two numbers`)
  return value as TaskOptionValue
}
