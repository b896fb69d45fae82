/** Kinds of option values, checked where they are typed. */
import { InvalidArgumentError, Option } from 'commander'
import { parseSetting, type Settings } from '../config.js'
import type { TaskOptions } from '../native.js'
import { parseTaskOption } from '../task-options.js'

const number = (text: string): number => (/^[-+]?(\d+\.?\d*|\.\d+)(e[-+]?\d+)?$/i.test(text.trim()) ? Number(text) : NaN)

export function wholeFrom(low: number): (text: string) => number {
  return (text) => {
    const value = number(text)
    if (!Number.isSafeInteger(value) || value < low) throw new InvalidArgumentError(`Expected a whole number from ${low}.`)
    return value
  }
}

export function wholeBetween(low: number, high: number): (text: string) => number {
  return (text) => {
    const value = wholeFrom(low)(text)
    if (value > high) throw new InvalidArgumentError(`Expected a whole number from ${low} to ${high}.`)
    return value
  }
}

export function real(text: string): number {
  const value = number(text)
  if (!Number.isFinite(value)) throw new InvalidArgumentError('Expected a number.')
  return value
}

export const realOrBest = (text: string): number | 'best' => (text === 'best' ? 'best' : real(text))

export function checkpoint(text: string): 'last' | 'best' | number {
  if (text === 'last' || text === 'best') return text
  const value = number(text)
  if (!Number.isSafeInteger(value) || value < 0) throw new InvalidArgumentError('Expected last, best or a number of steps.')
  return value
}

export const setOption = (text: string, before: Partial<Settings> = {}): Partial<Settings> => ({ ...before, ...parseSetting(text) })

export const envOption = (text: string, before: TaskOptions = {}): TaskOptions => ({ ...before, ...parseTaskOption(text) })

export const jsonOption = (): Option => new Option('--json', 'the result as one JSON object on the last line of standard output; the rest on standard error')

export function deviceOption(): Option {
  return new Option('--device <device>', 'auto, cpu, cuda or cuda:<i>').argParser((text: string) => {
    if (!/^(auto|cpu|cuda(:\d{1,3})?)$/.test(text)) throw new InvalidArgumentError('Expected auto, cpu, cuda or cuda:<i>.')
    return text
  })
}
export const threadsOption = (): Option => new Option('--threads <n>', 'rollout workers; changes no result (default: the cores)').argParser(wholeFrom(1))
export const pythonOption = (): Option => new Option('--python <interpreter>', 'of a task in Python (default: GOGEPO_PYTHON, the active virtual environment’s, python3)')
export const torchThreadsOption = (): Option => new Option('--torch-threads <n>', 'threads of the updates (default: the cores)').argParser(wholeFrom(1))

/** Where what is meant for people goes, and the result. */
export function outputs(json: boolean | undefined): { people: NodeJS.WriteStream; result: (value: unknown, words: string) => void } {
  return {
    people: json ? process.stderr : process.stdout,
    result: (value, words) => void process.stdout.write(json ? `${JSON.stringify(value)}\n` : words === '' ? '' : `${words}\n`),
  }
}
